"""One file of texts, labelled or not: what there is to predict or to evaluate."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike

from datasets import Dataset

from blv_trainer.corpora.table.dataset import as_dataset, usable_columns
from blv_trainer.corpora.table.labels import check_label_order
from blv_trainer.corpora.table.rows import UnusableRow, nothing_usable, pick_columns
from blv_trainer.corpora.table.sources import RawTable, read_chunks, read_file

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
    if (label_column is None) != (label_order is None):
        raise ValueError("label_column and label_order go together: give both to read labels, or neither.")
    names = None if label_order is None else check_label_order(label_order)
    needed = [name for name in (text_column, label_column) if name is not None]
    raw = read_file(path, single_valued=needed, encoding=encoding, quoting=quoting)
    data = _texts_of(raw, text_column, label_column, names)
    if not data.rows:
        raise ValueError(nothing_usable(pick_columns(raw, text_column, label_column), data.unusable, names))
    for note in data.notes:
        logger.info(note)
    return data


def iter_texts(
    path: str | PathLike,
    *,
    text_column: str = "text",
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
    rows_at_a_time: int = 4096,
) -> Iterator[TextData]:
    """Loads the texts of one file a number of rows at a time, so that a file may be larger than memory.

    Args:
        path: .csv, .tsv, .jsonl, .json or .parquet.
        text_column: Name of the column with the texts; the others are not loaded.
        encoding: Of text files.
        quoting: Whether quotes enclose fields in CSV (default: yes) and TSV (default: no).
        rows_at_a_time: The most rows that are held in memory.

    Yields:
        The texts in order, with their row numbers in the file.

    Raises:
        FileNotFoundError, ValueError: As ``load_texts``.
    """
    unusable, is_empty = [], True
    chunks = read_chunks(
        path, single_valued=[text_column], encoding=encoding, quoting=quoting, rows_at_a_time=rows_at_a_time
    )
    for raw in chunks:
        pick_columns(raw, text_column, None)  # says so where the column is missing
        data = _texts_of(replace(raw, columns=raw.columns.select([text_column])), text_column, None, None)
        if data.rows:
            is_empty = False
            yield data
        elif is_empty:
            unusable += data.unusable
    if is_empty:
        raise ValueError(nothing_usable(pick_columns(raw, text_column, None), unusable, None))


def _texts_of(raw: RawTable, text_column: str, label_column: str | None, names: list[str] | None) -> TextData:
    table = pick_columns(raw, text_column, label_column)
    columns, unusable, notes = usable_columns(table, names, split="")
    left_out = {row.row for row in unusable}
    rows = [row for row in raw.rows if row not in left_out]
    return TextData(as_dataset(columns, names), rows, unusable, notes)
