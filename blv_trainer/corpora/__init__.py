"""Corpora: where labelled texts come from, and how they are split.

- ``load_table`` for your own CSV, TSV, JSON Lines, Parquet or xlsx files and for datasets of the Hub; ``load_texts``,
  ``iter_texts`` for one file of texts, labelled or not; ``groups_of`` for whose answers belong together, and
  ``leaking_groups`` for those that stand in train and elsewhere. They stand in ``table``.
- ``splits``: by speaker, by sample, in folds.
- ``as_cell``: texts in the cells of CSV and TSV files that a spreadsheet does not run.
- ``icnale``: the ICNALE Spoken Monologue; ``icnale_asa``: the builder behind ``load_dataset("icnale_asa", ...)``.
- ``synthetic``: an invented corpus with the names and folders of ICNALE, and its answers alone.
"""

import re
from typing import TYPE_CHECKING, Any

from blv_trainer._door import opened_on_demand

if TYPE_CHECKING:
    from blv_trainer.corpora.splits import k_folds, rare_labels_note, split_by_group, split_by_sample
    from blv_trainer.corpora.table.groups import groups_of, leaking_groups
    from blv_trainer.corpora.table.load import iter_texts, load_table, load_texts

_HOME = {
    "splits": ("k_folds", "rare_labels_note", "split_by_group", "split_by_sample"),
    "table.groups": ("groups_of", "leaking_groups"),
    "table.load": ("iter_texts", "load_table", "load_texts"),
}
__all__ = [
    "as_cell",
    "groups_of",
    "iter_texts",
    "k_folds",
    "leaking_groups",
    "load_table",
    "load_texts",
    "rare_labels_note",
    "split_by_group",
    "split_by_sample",
]

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # as OWASP lists them, the wide ones included
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

__getattr__ = opened_on_demand(__name__, _HOME)  # the builder is registered from within an import of datasets


def as_cell(value: Any) -> Any:
    """What to write into a cell, so that a spreadsheet runs no text as a formula.

    Args:
        value: A text, or anything else.

    Returns:
        A text that a spreadsheet would run with an apostrophe before it; everything else, numbers too, as it is.

    Examples:
        >>> [as_cell(value) for value in ["=1+1", "-5", "- well", -5, "I like tea", "'@"]]
        ["'=1+1", '-5', "'- well", -5, 'I like tea', "''@"]
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
