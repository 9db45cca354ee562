"""A split assignment in a TSV: to publish one's own, and to use someone else's."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

_SPLIT_NAME = re.compile(r"\w{1,100}(\.\w{1,100})?", re.ASCII)  # it becomes part of a file's name


def write_assignment(path: str | Path, assignment: Mapping[str, str]) -> None:
    """Writes ``{id: split}`` as a TSV with the header ``id``, ``split``, sorted by id.

    Args:
        path: File to write.
        assignment: Split name of each id.
    """
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["id", "split"])
        writer.writerows(sorted(assignment.items()))


def read_assignment(path: str | Path) -> dict[str, str]:
    """Reads a TSV with the columns ``id`` and ``split`` (others are ignored).

    Args:
        path: File to read; UTF-8, with or without BOM.

    Returns:
        Split name of each id, in the order of the file.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where it is no TSV in UTF-8, a column is missing, a cell is empty, an id has two splits, or the name
            of a split is more than letters, digits and underscores.

    Examples:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "split.tsv")
        >>> write_assignment(path, {"SM_JPN_PTJ1_002": "test", "SM_JPN_PTJ1_001": "train"})
        >>> read_assignment(path)
        {'SM_JPN_PTJ1_001': 'train', 'SM_JPN_PTJ1_002': 'test'}
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no split file {path}. Give a TSV with the columns id and split.")
    try:
        return _read(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no TSV in UTF-8 ({error}).") from error


def _read(path: Path) -> dict[str, str]:
    assignment: dict[str, str] = {}
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        missing = {"id", "split"} - set(reader.fieldnames or [])
        if missing:
            raise ValueError(
                f"{path}: the header must name id and split, separated by a tab; missing: {sorted(missing)}."
            )
        for row in reader:
            id_, name = row["id"], row["split"]
            if not id_ or not name:
                raise ValueError(f"{path}, line {reader.line_num}: id and split must both be filled in.")
            if not _SPLIT_NAME.fullmatch(name):
                raise ValueError(
                    f"{path}, line {reader.line_num}: {name!r} cannot name a split; use letters, digits and _."
                )
            if assignment.setdefault(id_, name) != name:
                raise ValueError(f"{path}, line {reader.line_num}: {id_} is in {assignment[id_]!r} and in {name!r}.")
    return assignment
