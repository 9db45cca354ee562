"""The optional background sheet: what is known of each speaker, read from the xlsx with the standard library.

One sheet of plain cells needs no spreadsheet package: an xlsx is a zip of XML files.
"""

import lzma
import os
import re
import struct
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NoReturn
from xml.etree import ElementTree

from blv_trainer.corpora.icnale.answer import Answer
from blv_trainer.corpora.icnale.names import LABEL_OF_CODE
from blv_trainer.corpora.icnale.report import Finding

# Column of the corpus -> header in the sheet. Any header but Code may be missing.
BACKGROUND_COLUMNS = {
    "country": "Country",
    "l1": "L1",
    "sex": "Sex",
    "age": "Age",
    "ens_type": "ENS Type",
    "academic_genre": "Academic Genre",
    "cefr_level": "CEFR Level",
    "vocabulary_score": "Vocabulary Size Test Score",
}
_SHEET = "Participants"
_LARGEST_PART = 256 * 2**20  # bytes; a sheet of ten thousand speakers has some five million
_CODE = re.compile(r"SM_([A-Z]{3})_(\d{3})(?!\d).*", re.ASCII | re.DOTALL)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# What zipfile and expat raise where bytes are damaged, the file is locked, or its compression is unknown here.
_NO_XLSX = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, struct.error),
    *(KeyError, ValueError, OverflowError, ElementTree.ParseError),
)


def read_background(path: str | os.PathLike) -> dict[str, dict[str, str | None]]:
    """Reads the speakers of the Spoken Monologue from the worksheet ``Participants``.

    Args:
        path: An xlsx file.

    Returns:
        For each speaker (``JPN_001``) the columns of ``BACKGROUND_COLUMNS`` as text, None where a cell is empty.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where the file is no xlsx, or has no worksheet with a column ``Code`` of codes like SM_JPN_001.
    """
    path = os.path.expanduser(os.fspath(path))
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no background sheet {path}. It is the xlsx that comes with the corpus.")
    try:
        with zipfile.ZipFile(path) as archive:
            sheets = _read_sheets(archive)
    except _NO_XLSX as error:
        raise ValueError(
            f"{path} cannot be read as an xlsx file ({error}). Save it as xlsx without a password."
        ) from error
    for rows in sheets:
        header, records = _table(rows)
        if header:
            return {
                f"{match[1]}_{match[2]}": {
                    column: record.get(_normalized(title)) for column, title in BACKGROUND_COLUMNS.items()
                }
                for record in records
                if (match := _CODE.fullmatch(record.get("code") or ""))
            }
    raise ValueError(f"{path} has no worksheet with a column 'Code' that holds codes such as SM_JPN_001.")


def _read_sheets(archive: zipfile.ZipFile) -> list[list[list[str | None]]]:
    """Cells of every worksheet, the one named ``Participants`` first."""
    links = {link.get("Id"): link.get("Target", "") for link in _xml(archive, "xl/_rels/workbook.xml.rels")}
    strings = []
    if "xl/sharedStrings.xml" in archive.namelist():
        strings = [_joined(item) for item in _xml(archive, "xl/sharedStrings.xml").iter(f"{_MAIN}si")]
    sheets = list(_xml(archive, "xl/workbook.xml").iter(f"{_MAIN}sheet"))
    sheets.sort(key=lambda sheet: sheet.get("name") != _SHEET)
    targets = [links[sheet.get(_LINK)] for sheet in sheets]
    parts = [target.lstrip("/") if target.startswith("/") else f"xl/{target}" for target in targets]
    return [
        [_cells(row, strings) for row in _xml(archive, part).iter(f"{_MAIN}row")]
        for part in parts
        if part.startswith("xl/worksheets/")
    ]


def _xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    size = archive.getinfo(name).file_size
    if size > _LARGEST_PART:
        raise ElementTree.ParseError(f"{name} would unpack to {size:,} bytes")
    return ElementTree.fromstring(archive.read(name), ElementTree.XMLParser(target=_NoDocumentType()))


class _NoDocumentType(ElementTree.TreeBuilder):
    """No spreadsheet declares a document type; entities in one could expand without end."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise ElementTree.ParseError("it declares a document type")


def _cells(row: ElementTree.Element, strings: list[str]) -> list[str | None]:
    """Values of one row by position; cells without a value are absent from the file."""
    values: dict[int, str | None] = {}
    for position, cell in enumerate(row.iter(f"{_MAIN}c")):
        column = _column_number(reference) if (reference := cell.get("r")) else position
        value = cell.findtext(f"{_MAIN}v")
        if cell.get("t") == "s" and value is not None:
            value = strings[int(value)] if value.isdecimal() and int(value) < len(strings) else None
        elif cell.get("t") == "inlineStr":
            value = _joined(cell)
        values[column] = value.strip() or None if value else None
    return [values.get(column) for column in range(max(values, default=-1) + 1)]


def _column_number(reference: str) -> int:
    letters = re.match("[A-Z]{1,3}(?![A-Z])", reference)  # a sheet ends at column XFD
    if letters is None:
        raise ElementTree.ParseError(f"there is no cell {reference[:20]!r}")
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _joined(item: ElementTree.Element) -> str:
    """Text of all runs; the phonetic guides of East Asian sheets lie in ``rPh`` and are no part of it."""
    phonetic = {run for guide in item.iter(f"{_MAIN}rPh") for run in guide.iter(f"{_MAIN}t")}
    return "".join(run.text or "" for run in item.iter(f"{_MAIN}t") if run not in phonetic)


def _table(rows: list[list[str | None]]) -> tuple[list[str], list[dict[str, str | None]]]:
    """Header and records below it, if there is a header with ``Code`` and a code of the module below."""
    for number, row in enumerate(rows):
        header = [_normalized(title or "") for title in row]
        if "code" in header:
            records = [dict(zip(header, record, strict=False)) for record in rows[number + 1 :]]
            if any(_CODE.fullmatch(record.get("code") or "") for record in records):
                return header, records
    return [], []


def _normalized(title: str) -> str:
    return " ".join(title.split()).casefold()


def check_background(answers: Iterable[Answer], background: dict[str, dict[str, str | None]]) -> list[Finding]:
    """Speakers whom the sheet does not know or gives another level, and columns that it does not have."""
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        labels[answer.speaker][answer.label] += 1
    findings = []
    for speaker, counts in labels.items():
        if speaker not in background:
            findings.append(Finding("background_missing", speaker))
            continue
        level = background[speaker]["cefr_level"]
        label = LABEL_OF_CODE.get((level or "").upper())
        if label is not None and label not in counts:
            findings.append(Finding("background_level", speaker, f"sheet {level}, names {', '.join(sorted(counts))}"))
    for column, title in BACKGROUND_COLUMNS.items():
        if background and all(speaker[column] is None for speaker in background.values()):
            findings.append(Finding("background_column", title))
    return findings
