import zipfile

import openpyxl
import pytest
from planting import write_sheet

from blv_trainer.corpora.icnale.background import read_background

HEADER = ("Module", "Code", "Country", "L1", "Sex", "Age", "ENS Type", "Academic Genre", "CEFR Level")


def test_speakers_are_read_with_what_the_sheet_says(tmp_path):
    rows = [
        HEADER,
        ("SM", "SM_JPN_001", "Japan", "Japanese & more", "F", 19, None, "Sciences", "B1_1"),
        ("WE", "WE_JPN_001", "Japan", "Japanese", "M", 20, None, "Sciences", "A2_0"),  # somebody else
        (None, None, None),
    ]
    write_sheet(tmp_path / "b.xlsx", rows)
    assert read_background(tmp_path / "b.xlsx") == {
        "JPN_001": {
            "country": "Japan",
            "l1": "Japanese & more",
            "sex": "F",
            "age": "19",
            "ens_type": None,
            "academic_genre": "Sciences",
            "cefr_level": "B1_1",
            "vocabulary_score": None,
        }
    }


def test_a_title_above_and_other_spelling_of_headers_do_not_matter(tmp_path):
    write_sheet(tmp_path / "b.xlsx", [("ICNALE",), (" code ", "CEFR  level"), ("SM_KOR_002", "B2_0")], title="Sheet1")
    assert read_background(tmp_path / "b.xlsx")["KOR_002"]["cefr_level"] == "B2_0"


def test_of_several_worksheets_participants_is_read(tmp_path):
    book = openpyxl.Workbook()
    for title, sex in (("About", "M"), ("Participants", "F")):
        sheet = book.create_sheet(title)
        sheet.append(("Code", "Sex"))
        sheet.append(("SM_JPN_001", sex))
    book.save(tmp_path / "b.xlsx")
    assert read_background(tmp_path / "b.xlsx")["JPN_001"]["sex"] == "F"


def test_a_sheet_that_states_its_size_wrong_is_read_whole(tmp_path):
    write_sheet(tmp_path / "b.xlsx", [("Code", "Sex"), ("SM_TWN_003", "F")])
    with zipfile.ZipFile(tmp_path / "b.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1"'))
    assert read_background(tmp_path / "b.xlsx")["TWN_003"]["sex"] == "F"


def test_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no background sheet .*none.xlsx"):
        read_background(tmp_path / "none.xlsx")


@pytest.mark.parametrize("rows", [[("Name", "Age"), ("x", 1)], [("Code",), ("WE_JPN_001",)], []])
def test_sheet_without_codes_gets_a_sentence(tmp_path, rows):
    write_sheet(tmp_path / "b.xlsx", rows)
    with pytest.raises(ValueError, match="no worksheet with a column 'Code' that holds codes such as SM_JPN_001"):
        read_background(tmp_path / "b.xlsx")


def test_file_that_is_no_xlsx_gets_a_sentence(tmp_path):
    (tmp_path / "b.xlsx").write_text("Code,Sex")
    with pytest.raises(ValueError, match="cannot be read as an xlsx file"):
        read_background(tmp_path / "b.xlsx")
