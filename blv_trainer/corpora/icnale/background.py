"""The optional background sheet (xlsx): what is known of each speaker."""

import os
import re
from collections import Counter
from collections.abc import Mapping

from blv_trainer.corpora.icnale.names import LABEL_OF_CODE
from blv_trainer.corpora.icnale.quality_report import Finding
from blv_trainer.corpora.table.read import open_sheets

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
SHEET = "Participants"

_CODE = re.compile(r"SM_([A-Z]{3})_(\d{3})(?!\d).*", re.ASCII | re.DOTALL)


def read_background(path: str | os.PathLike) -> dict[str, dict[str, str | None]]:
    """The columns of ``BACKGROUND_COLUMNS`` of each speaker (``JPN_001``) as text, None where a cell is empty."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no background sheet {path}. It is the xlsx that comes with the corpus.")
    with open_sheets(path) as sheets:
        sheets.sort(key=lambda sheet: sheet.title != SHEET)
        cells = [[list(map(_text, row)) for row in sheet.iter_rows(values_only=True)] for sheet in sheets]
    for rows in cells:
        for number, row in enumerate(rows):
            header = [_normalized(title or "") for title in row]
            if "code" not in header:
                continue
            records = [dict(zip(header, record, strict=False)) for record in rows[number + 1 :]]
            speakers = {
                f"{match[1]}_{match[2]}": {
                    column: record.get(_normalized(title)) for column, title in BACKGROUND_COLUMNS.items()
                }
                for record in records
                if (match := _CODE.fullmatch(record.get("code") or ""))
            }
            if speakers:
                return speakers
    raise ValueError(f"{path} has no worksheet with a column 'Code' that holds codes such as SM_JPN_001.")


def _text(value: object) -> str | None:
    return None if value is None else str(value).strip() or None


def _normalized(title: str) -> str:
    return " ".join(title.split()).casefold()


def check_background(levels: Mapping[str, Counter[str]], background: dict[str, dict[str, str | None]]) -> list[Finding]:
    """Speakers whom the sheet does not know or gives another level, and columns that it does not have."""
    findings = []
    for speaker, counts in levels.items():
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
