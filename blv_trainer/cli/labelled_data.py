"""The labelled rows that ``train`` and ``compare`` work on: one's own table, or the ICNALE corpus."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from blv_trainer.checks import check_hub, did_you_mean

logger = logging.getLogger(__name__)


class LabelledData(NamedTuple):
    """A ``DatasetDict``, its labels, lowest first, whose answers belong together, what it is, notes, rows left out."""

    dataset: Any
    names: list[str]
    group_column: str | None
    source: str
    notes: list[str]
    unusable: list[Any]


def load_data(corpus_args, data_args, *, seed: int, hold_out: bool) -> LabelledData:
    """What the flags name; with ``hold_out`` a part of train becomes validation rows where no others are given."""
    if corpus_args.data_dir:
        return _icnale(corpus_args, data_args, seed=seed)

    if data_args.dataset_name:
        check_hub(data_args.dataset_name, "--dataset_name", kind="dataset")
    from blv_trainer.corpora import load_table

    settings = dataclasses.asdict(data_args) | ({} if hold_out else {"validation_fraction": 0})
    subgroups = settings.pop("subgroup_columns")
    data = load_table(**settings, seed=seed)
    for rows in data.dataset.values():
        check_columns("--subgroup_columns", subgroups, rows.column_names)
    source = data_args.dataset_name or Path(data_args.train_file).name
    notes = data.notes + torn_groups(data.dataset.values(), data.group_column)
    return LabelledData(data.dataset, data.label_names, data.group_column, source, notes, data.unusable)


def _icnale(corpus_args, data_args, *, seed: int) -> LabelledData:
    files = ("train_file", "validation_file", "test_file", "dataset_name", "rater_columns")
    given = [f"--{name}" for name in files if getattr(data_args, name)]
    if given:
        raise ValueError(f"--data_dir is instead of files and their columns: leave it out, or {', '.join(given)}.")
    from datasets import load_dataset

    dataset = load_dataset("icnale_asa", split_seed=seed, **dataclasses.asdict(corpus_args))
    source = f"ICNALE Spoken Monologue, split by {corpus_args.split_by}, {corpus_args.transcripts} transcripts"
    names = dataset["train"].features["label"].names
    column, known = data_args.group_column or "speaker", dataset["train"].column_names
    check_columns("--group_column", [column], known)
    check_columns("--subgroup_columns", data_args.subgroup_columns, known)
    return LabelledData(dataset, names, column, source, [], [])


def check_columns(flag: str, given: Sequence[str] | None, known: Sequence[str]) -> None:
    """Raise a ValueError for a column that the data have not."""
    for name in given or ():
        if name not in known or name in ("text", "label"):
            usable = [column for column in known if column not in ("text", "label")]
            hint = did_you_mean(name, usable)
            raise ValueError(f"{flag} {name}: the data have no such column. Choose from: {', '.join(usable)}.{hint}")


def check_raters(columns: Sequence[str] | None) -> None:
    """Raise a ValueError for a single rater, who agrees with nobody."""
    if columns and len(columns) < 2:
        why = "is one rater, and agreement needs two: name a column for each, or leave it out."
        raise ValueError(f"--rater_columns {columns[0]} {why}")


def torn_groups(splits: Iterable[Any], group_column: str | None) -> list[str]:
    """A note on groups with two labels, which are not judged as a whole."""
    if group_column is None:
        return []
    from blv_trainer.corpora import groups_of
    from blv_trainer.decision import one_label_each

    splits = list(splits)
    labels = [label for rows in splits for label in rows["label"][:]]
    groups = [group for rows in splits for group in groups_of(rows, group_column)]
    torn = {group for group, is_single in zip(groups, one_label_each(labels, groups), strict=True) if not is_single}
    if not torn:
        return []
    found = f"{len(torn)} of {len({*groups})} groups of the column {group_column!r} have more than one label, such as "
    logger.warning(note := f"{found}{min(torn)[:60]!r}: whole groups are judged without them.")
    return [note]


def parse_weights(words: list[str] | None) -> dict[str, float] | None:
    """Read ``--tune_for``: metrics, each with ``=weight`` or without; None for balanced."""
    if words in (None, ["balanced"]):
        return None

    from blv_trainer.decision import metric_weights

    pairs = [word.partition("=") for word in words or ()]
    return metric_weights({metric: float(weight or 1) for metric, _, weight in pairs})
