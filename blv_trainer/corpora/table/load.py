"""Your own data: a table with a text and a label column -> a ``DatasetDict`` with ordered labels.

A row is either in the dataset or in the list of unusable rows; none is lost silently.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import DatasetDict

from blv_trainer.corpora.splits import split_by_group
from blv_trainer.corpora.table.dataset import as_dataset, usable_columns
from blv_trainer.corpora.table.labels import check_label_order, natural_order
from blv_trainer.corpora.table.rows import PickedTable, UnusableRow, nothing_usable, pick_columns
from blv_trainer.corpora.table.sources import read_file, read_hub

logger = logging.getLogger(__name__)

_MANY_LABELS = 50


@dataclass(frozen=True)
class TableData:
    """What ``load_table`` returns.

    Args:
        dataset: Splits "train", "validation" and "test" as far as there are any; columns ``text`` (string), ``label``
            (``ClassLabel`` in the order of ``label_names``), then every other column of single values.
        label_names: The labels, lowest first.
        unusable: The rows that are in no split, with their place and the reason.
        notes: Decisions taken on the way that a report should repeat.
    """

    dataset: DatasetDict
    label_names: list[str]
    unusable: list[UnusableRow]
    notes: list[str]


def load_table(
    train_file: str | PathLike | None = None,
    validation_file: str | PathLike | None = None,
    *,
    test_file: str | PathLike | None = None,
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    text_column: str = "text",
    label_column: str = "label",
    label_order: Sequence[str] | None = None,
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
    validation_fraction: float = 0.1,
    seed: int = 42,
) -> TableData:
    r"""Loads labelled texts from files (CSV, TSV, JSON Lines, Parquet) or from a Hub dataset.

    The order of the labels is ``label_order``; else that of a ``ClassLabel`` column; else natural ("B1_2" before
    "B2", "2" before "10"), which a note says. Space around a label is no part of it; 3 and 3.0 are the label "3".

    Rows with an empty text, no label or an unknown label are left out, listed and counted in a warning.

    Args:
        train_file: Training rows: .csv, .tsv, .jsonl, .json (a list of objects) or .parquet.
        validation_file: Validation rows. With neither it nor ``test_file``, a part of train is held out.
        test_file: Test rows.
        dataset_name: Instead of files, a dataset on the Hub or a local folder of data files. Its splits train,
            validation (or dev, valid) and test are used.
        dataset_config_name: Configuration of that dataset.
        text_column: Name of the column with the texts.
        label_column: Name of the column with the labels.
        label_order: All labels, lowest first.
        encoding: Of text files; the default is UTF-8 with or without a byte order mark.
        quoting: Whether quotes enclose fields in CSV (default: yes) and TSV (default: no, they are characters).
        validation_fraction: Share of the training rows to hold out, stratified by label, copies of one text
            together; 0 for none.
        seed: Of the choice of the rows held out; the same on every machine.

    Raises:
        FileNotFoundError: A file or the dataset does not exist.
        ValueError: The arguments contradict each other, a file is malformed (says where), a column is missing,
            no row is usable, or the training rows have only one label.
        TypeError: ``label_order`` is not a list.

    Examples:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "levels.csv")
        >>> _ = path.write_text("text,label\n" + "I like tea.,A2\nI am fond of tea.,B1\n" * 10)
        >>> data = load_table(path, validation_fraction=0)
        >>> data.label_names, data.dataset["train"].num_rows, data.dataset["train"][1]
        (['A2', 'B1'], 20, {'text': 'I am fond of tea.', 'label': 1})
        >>> folder.cleanup()
    """
    names = None if label_order is None else check_label_order(label_order)
    if not 0 <= validation_fraction < 1:
        raise ValueError(f"validation_fraction={validation_fraction!r} must be at least 0 and below 1.")
    given = {"train": train_file, "validation": validation_file, "test": test_file}
    files = {split: path for split, path in given.items() if path is not None}
    _check_choice(files, dataset_name, dataset_config_name)
    if dataset_name is None:
        sources = {
            split: read_file(path, single_valued=[text_column, label_column], encoding=encoding, quoting=quoting)
            for split, path in files.items()
        }
        notes: list[str] = []
    else:
        sources, notes = read_hub(dataset_name, dataset_config_name)
    picked = {split: pick_columns(raw, text_column, label_column) for split, raw in sources.items()}
    if names is None:
        names, note = _label_order(list(picked.values()))
        notes.append(note)
    tables, unusable, left_out = _usable_tables(picked, names, required={"train", *files})
    notes += left_out
    notes += _check_classes(tables["train"], names, picked["train"].raw.source)
    if set(tables) == {"train"} and validation_fraction:
        tables["train"], tables["validation"], note = _hold_out(tables["train"], validation_fraction, seed)
        notes.append(note)
    for note in notes:
        logger.info(note)
    leaks = _leaks(tables)
    for note in leaks:
        logger.warning(note)
    dataset = DatasetDict({split: as_dataset(columns, names, split) for split, columns in tables.items()})
    return TableData(dataset, names, unusable, notes + leaks)


def _check_choice(files: dict, dataset_name: str | None, dataset_config_name: str | None) -> None:
    if dataset_name is None and dataset_config_name is not None:
        raise ValueError(f"dataset_config_name={dataset_config_name!r} needs a dataset_name.")
    if dataset_name is not None and files:
        given = ", ".join(f"{split}_file" for split in files)
        raise ValueError(f"Both dataset_name={dataset_name!r} and {given} are given; choose a dataset or files.")
    if dataset_name is None and "train" not in files:
        raise ValueError("Nothing to train on: give a train_file (.csv, .tsv, .jsonl, .parquet) or a dataset_name.")


def _label_order(tables: list[PickedTable]) -> tuple[list[str], str]:
    declared = next((table.declared for table in tables if table.declared), None)
    how = "as its ClassLabel column declares" if declared else "sorted by name"
    if declared is None:
        found = [pc.unique(t.labels.filter(t.has_text())).to_pylist() for t in tables if t.labels is not None]
        declared = natural_order({label for labels in found for label in labels if label is not None})
    _refuse_measurements(tables[0], declared)
    shown = " < ".join(declared if len(declared) <= 20 else [*declared[:20], f"... ({len(declared)} labels)"])
    return declared, f"Order of the labels, {how}: {shown}. Give label_order to set another."


def _refuse_measurements(train: PickedTable, names: list[str]) -> None:
    """Scores with decimals, or ids, would become hundreds of classes with a row or two each."""
    if len(names) > _MANY_LABELS and len(names) > len(train.texts) / 2 and not train.declared:
        raise ValueError(
            f"{train.raw.source}: column {train.label_column!r} has {len(names)} different values in "
            f"{len(train.texts)} rows, so they are no levels. Give another label_column, group the values into levels, "
            "or list all of them as label_order."
        )


def _usable_tables(
    picked: dict[str, PickedTable], names: list[str], required: set[str]
) -> tuple[dict[str, pa.Table], list[UnusableRow], list[str]]:
    tables, unusable, notes = {}, [], []
    for split, table in picked.items():
        columns, rejected, left_out = usable_columns(table, names, split)
        unusable += rejected
        notes += left_out
        if columns.num_rows:
            tables[split] = columns
        elif split in required:
            raise ValueError(nothing_usable(table, rejected, names))
        else:  # test sets on the Hub are often published without labels
            notes.append(f"{table.raw.source} is not used: none of its {len(rejected)} rows is usable.")
    return tables, unusable, notes


def _check_classes(train: pa.Table, names: list[str], source: str) -> list[str]:
    present = {names[index] for index in pc.unique(train["label"]).to_pylist()}
    if len(present) < 2:
        raise ValueError(f"{source}: every usable row has the label {min(present)!r}; training needs two or more.")
    absent = [name for name in names if name not in present]
    return [f"Labels without a training row: {', '.join(absent)}."] if absent else []


def _hold_out(train: pa.Table, fraction: float, seed: int) -> tuple[pa.Table, pa.Table, str]:
    share = Fraction(fraction).limit_denominator(10**6)
    labels = np.asarray(train["label"])
    split = split_by_group(
        labels.tolist(),
        train["text"].to_pylist(),  # copies of one text stay on one side
        fractions=(1 - share, share),
        names=("train", "validation"),
        seed=seed,
    )
    held = split == "validation"
    for label in np.unique(labels):
        if held[labels == label].all():  # a label of a single row stays in train
            held[labels == label] = False
    if not held.any():
        raise ValueError(
            f"validation_fraction={fraction} of {len(held)} training rows leaves no row for validation "
            f"(copies of one text stay together). Give a validation_file, a larger validation_fraction, or 0 to train "
            f"without validation."
        )
    note = (
        f"No validation or test split was given: {held.sum()} of {len(held)} training rows are held out for "
        f"validation, stratified by label (validation_fraction={fraction}, seed={seed})."
    )
    return train.filter(pa.array(~held)), train.filter(pa.array(held)), note


def _leaks(tables: dict[str, pa.Table]) -> list[str]:
    notes = []
    for split, columns in tables.items():
        count = np.count_nonzero(pc.is_in(columns["text"], value_set=tables["train"]["text"]))
        if count and split != "train":
            notes.append(
                f"{count} of {columns.num_rows} {split} rows have a text that is also in train, so that scores on "
                f"them are too good. Remove them from one of the two."
            )
    return notes
