"""Your own data: tables with a text and a label column -> a ``DatasetDict``; one file of texts -> a ``Dataset``.

A row is either in the dataset or in the list of unusable rows; none is lost silently.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from os import PathLike
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, DatasetDict

from blv_trainer.corpora.table.groups import find_groups, hold_out, leaking_groups
from blv_trainer.corpora.table.named_columns import check_rater_columns, pick_columns
from blv_trainer.corpora.table.read import RawTable, read_chunks, read_hub
from blv_trainer.corpora.table.usable_rows import (
    UnusableRow,
    as_dataset,
    check_label_order,
    label_order_of,
    nothing_usable,
    usable_columns,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TableData:
    """What ``load_table`` returns."""

    dataset: DatasetDict
    label_names: list[str]
    unusable: list[UnusableRow]
    notes: list[str]
    group_column: str | None


@dataclass(frozen=True)
class TextData:
    """What ``load_texts`` returns."""

    dataset: Dataset
    as_read: RawTable
    rows: list[int]
    unusable: list[UnusableRow]
    notes: list[str]
    group_column: str | None


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
    group_column: str | None = None,
    rater_columns: Sequence[str] | None = None,
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
    delimiter: str | None = None,
    validation_fraction: float = 0.1,
    seed: int = 42,
) -> TableData:
    r"""Loads labelled texts from files (CSV, TSV, JSON Lines, Parquet, xlsx) or from a Hub dataset.

    The order of the labels is ``label_order``; else that of a ``ClassLabel`` column; else natural ("B1_2" before
    "B2", "2" before "10"), which a note says. Space around a label is no part of it; 3 and 3.0 are the label "3".

    Rows with an empty text, no label or an unknown label are left out, listed and counted in a warning.

    Args:
        train_file: .csv, .tsv, .jsonl or .json (a list of objects), each also with .gz, .parquet or .xlsx.
        validation_file: Without it, a part of train is held out.
        test_file: Rows that training does not see.
        dataset_name: Instead of files, a dataset on the Hub or a local folder; its splits train, validation (or dev,
            valid) and test are used.
        dataset_config_name: Its configuration.
        text_column: Where the texts are.
        label_column: Where the labels are.
        label_order: All labels, lowest first.
        group_column: Whose answers belong together, such as the speaker; by default the column ``speaker`` where every
            split has it. A row with an empty cell there is a group by itself, counted in a note.
        rater_columns: Columns with the levels that single human raters gave, in every file; an empty cell is none, and
            so is NA.
        encoding: Of text files; by default UTF-8 with or without a byte order mark.
        quoting: Whether quotes enclose fields in CSV (default: yes) and TSV (default: no, they are characters).
        delimiter: What separates fields, a character or its name; default: found among comma, semicolon, tab and bar.
        validation_fraction: Share of the training rows to hold out by label; 0 for none. Rows of one group stay
            together; without a group column, copies of a text.
        seed: Of the choice of these rows; the same on every machine.

    Returns:
        ``dataset``: splits "train", "validation" and "test" as far as there are any; columns ``text``, ``label``
        (``ClassLabel``), then every other column of single values, those of raters as indices of the same
        ``ClassLabel``, None where a rater gave none. ``label_names``, lowest first. ``unusable``: the rows that are in
        no split, with their place and the reason. ``notes``: decisions that a report should repeat, and groups that
        stand in train and in another split. ``group_column``: the one in use, None where there is none.

    Raises:
        FileNotFoundError: A file or the dataset does not exist.
        ValueError: Arguments contradict each other, a file is malformed (says where), a column is missing, no row is
            usable, the training rows have only one label, or a rater's level is none of the labels (says where).
        TypeError: ``label_order`` or ``rater_columns`` is not a list.

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
    raters = check_rater_columns(rater_columns)
    if not 0 <= validation_fraction < 1:
        raise ValueError(f"validation_fraction={validation_fraction!r} must be at least 0 and below 1.")
    given = {"train": train_file, "validation": validation_file, "test": test_file}
    files = {split: path for split, path in given.items() if path is not None}
    if dataset_name is None and dataset_config_name is not None:
        raise ValueError(f"dataset_config_name={dataset_config_name!r} needs a dataset_name.")
    if dataset_name is not None and files:
        both = ", ".join(f"{split}_file" for split in files)
        raise ValueError(f"Both dataset_name={dataset_name!r} and {both} are given; choose a dataset or files.")
    if dataset_name is None and "train" not in files:
        raise ValueError(
            "Nothing to train on: give a train_file (.csv, .jsonl, .parquet, .xlsx ...) or a dataset_name."
        )
    notes: list[str] = []
    if dataset_name is None:
        sources = {split: next(read_chunks(path, encoding, quoting, delimiter)) for split, path in files.items()}
        notes += [note for raw in sources.values() for note in raw.notes]
    else:
        sources = read_hub(dataset_name, dataset_config_name, notes)
    picked = {
        split: pick_columns(raw, text_column, label_column, group_column, raters) for split, raw in sources.items()
    }
    if names is None:
        names = label_order_of(list(picked.values()), notes)
    tables, unusable = {}, []
    for split, table in picked.items():
        columns, rejected = usable_columns(table, names, split, notes)
        unusable += rejected
        if columns.num_rows:
            tables[split] = columns
        elif split == "train" or split in files:
            raise ValueError(nothing_usable(table, rejected, names))
        else:  # test sets on the Hub are often published without labels
            notes.append(f"{table.raw.source} is not used: none of its {len(rejected)} rows is usable.")
    present = {names[index] for index in pc.unique(tables["train"]["label"]).to_pylist()}
    if len(present) < 2:
        source = sources["train"].source
        raise ValueError(f"{source}: every usable row has the label {min(present)!r}; training needs two or more.")
    if absent := [name for name in names if name not in present]:
        notes.append(f"Labels without a training row: {', '.join(absent)}.")
    group_column = find_groups(group_column, tables, notes)
    if "validation" not in tables and validation_fraction:
        train = tables.pop("train")
        held = hold_out(as_dataset(train, names), group_column, validation_fraction, seed, notes)
        tables = {"train": train.filter(pa.array(~held)), "validation": train.filter(pa.array(held)), **tables}
    for note in notes:
        logger.info(note)
    dataset = DatasetDict({split: as_dataset(columns, names, split, raters) for split, columns in tables.items()})
    leaks = _leaking_texts(tables) + leaking_groups(dataset, group_column)
    for note in leaks:
        logger.warning(note)
    return TableData(dataset, names, unusable, notes + leaks, group_column)


def load_texts(path: str | PathLike, **options: Any) -> TextData:
    r"""Loads the texts of one file whole, to predict or (with labels) to evaluate.

    Args:
        path: As in ``iter_texts``.
        **options: As in ``iter_texts``, but for ``rows_at_a_time``.

    Returns:
        ``dataset``: column ``text``, with a label column ``label``, then every other column of single values.
        ``as_read``: all columns of the same rows as they stand in the file, and how it was read. ``rows``: the number
        in the file of each, as an editor counts. ``unusable``: the other rows. ``notes``. ``group_column``: as in
        ``load_table``.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It is malformed (says where), a column is missing, or no row is usable.

    Examples:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "texts.csv")
        >>> _ = path.write_text("text,speaker\nI like tea.,7\n,8\n")
        >>> data = load_texts(path)
        >>> data.dataset[0], data.rows, data.unusable[0].row, data.unusable[0].reason
        ({'text': 'I like tea.', 'speaker': '7'}, [2], 3, 'empty text')
        >>> folder.cleanup()
    """
    (data,) = iter_texts(path, rows_at_a_time=None, **options)
    for note in data.notes:
        logger.info(note)
    return data


def iter_texts(
    path: str | PathLike,
    *,
    text_column: str = "text",
    label_column: str | None = None,
    label_order: Sequence[str] | None = None,
    group_column: str | None = None,
    rater_columns: Sequence[str] | None = None,
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
    delimiter: str | None = None,
    rows_at_a_time: int | None = 4096,
) -> Iterator[TextData]:
    """Loads the texts of one file a number of rows at a time, so that a file may be larger than memory.

    Args:
        path: As ``train_file`` of ``load_table``.
        text_column: Name of the column with the texts.
        label_column: Name of the column with the labels; None: labels are not needed.
        label_order: The labels that a model knows, lowest first; goes with ``label_column``.
        group_column: As in ``load_table``; its rows may lie in several parts.
        rater_columns: As in ``load_table``; go with ``label_column`` and ``label_order``.
        encoding: Of text files.
        quoting: Whether quotes enclose fields in CSV (default: yes) and TSV (default: no).
        delimiter: As in ``load_table``.
        rows_at_a_time: The most rows that are held in memory; None for all.

    Yields:
        The texts in order, each part as ``load_texts`` returns it.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: As ``load_texts``, where the part with the fault would come.
    """
    if (label_column is None) != (label_order is None):
        raise ValueError("label_column and label_order go together: give both to read labels, or neither.")
    if rater_columns and label_column is None:
        raise ValueError("rater_columns hold levels as label_column does: give label_column and label_order too.")
    names = [] if label_order is None else check_label_order(label_order)
    raters = check_rater_columns(rater_columns)
    all_unusable, is_empty = [], True
    for raw in read_chunks(path, encoding, quoting, delimiter, rows_at_a_time=rows_at_a_time):
        table = pick_columns(raw, text_column, label_column, group_column, raters)
        notes = [*raw.notes]
        columns, unusable = usable_columns(table, names, "", notes)
        left_out = {row.row for row in unusable}
        if columns.num_rows:
            is_empty = False
            kept = [row not in left_out for row in raw.rows]
            rows = [*compress(raw.rows, kept)]
            column = find_groups(group_column, {"": columns}, notes)
            as_read = replace(raw, columns=raw.columns.filter(pa.array(kept)), rows=rows)
            yield TextData(as_dataset(columns, names, None, raters), as_read, rows, unusable, notes, column)
        elif is_empty:
            all_unusable += unusable
    if is_empty:
        raise ValueError(nothing_usable(table, all_unusable, names))


def _leaking_texts(tables: dict[str, pa.Table]) -> list[str]:
    notes = []
    for split, columns in tables.items():
        if split == "train":
            continue
        if count := np.count_nonzero(pc.is_in(columns["text"], value_set=tables["train"]["text"])):
            notes.append(
                f"{count} of {columns.num_rows} {split} rows have a text that is also in train, so that scores on "
                f"them are too good. Remove them from one of the two."
            )
    return notes
