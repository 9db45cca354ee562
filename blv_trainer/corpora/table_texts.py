"""One file of texts, labelled or not: what there is to predict or to evaluate."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

from datasets import Dataset

from blv_trainer.corpora.table_dataset import as_dataset, usable_columns
from blv_trainer.corpora.table_labels import check_label_order
from blv_trainer.corpora.table_rows import UnusableRow, nothing_usable, pick_columns
from blv_trainer.corpora.table_sources import read_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextData:
    """What ``load_texts`` returns.

    Args:
        dataset: Column ``text``, with a label column ``label``, then every other column of single values.
        rows: Row number in the file of each row of ``dataset``, as ``UnusableRow.row`` counts.
        unusable: The rows that are not in ``dataset``.
        notes: Decisions taken on the way.
    """

    dataset: Dataset
    rows: list[int]
    unusable: list[UnusableRow]
    notes: list[str]


def load_texts(
    path: str | PathLike,
    *,
    text_column: str = "text",
    label_column: str | None = None,
    label_order: Sequence[str] | None = None,
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
) -> TextData:
    r"""Loads the texts of one file, to predict or (with labels) to evaluate; formats as in ``load_table``.

    Args:
        path: .csv, .tsv, .jsonl, .json or .parquet.
        text_column: Name of the column with the texts.
        label_column: Name of the column with the labels; None: labels are not needed.
        label_order: The labels that the model knows, lowest first; goes with ``label_column``.
        encoding: Of text files.
        quoting: Whether quotes enclose fields in CSV (default: yes) and TSV (default: no).

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It is malformed (says where), a column is missing, or no row is usable.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "texts.csv")
        >>> _ = path.write_text("text,speaker\nI like tea.,7\n,8\n")
        >>> data = load_texts(path)
        >>> data.dataset[0], data.rows, data.unusable[0].row, data.unusable[0].reason
        ({'text': 'I like tea.', 'speaker': '7'}, [2], 3, 'empty text')
        >>> folder.cleanup()
    """
    if (label_column is None) != (label_order is None):
        raise ValueError("label_column and label_order go together: give both to read labels, or neither.")
    names = None if label_order is None else check_label_order(label_order)
    needed = [name for name in (text_column, label_column) if name is not None]
    raw = read_file(path, single_valued=needed, encoding=encoding, quoting=quoting)
    table = pick_columns(raw, text_column, label_column)
    columns, unusable, notes = usable_columns(table, names, split="")
    if not columns.num_rows:
        raise ValueError(nothing_usable(table, unusable, names))
    for note in notes:
        logger.info(note)
    left_out = {row.row for row in unusable}
    rows = [row for row in raw.rows if row not in left_out]
    return TextData(as_dataset(columns, names), rows, unusable, notes)
