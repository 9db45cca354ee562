import zipfile

import pytest

from blv_trainer.corpora.icnale.background import BACKGROUND_COLUMNS, read_background
from blv_trainer.corpora.synthetic.background import write_sheet

HEADER = ("Module", "Code", "Country", "L1", "Sex", "Age", "ENS Type", "Academic Genre", "CEFR Level")
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


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
    write_sheet(tmp_path / "b.xlsx", [("ICNALE",), (" code ", "CEFR  level"), ("SM_KOR_002", "B2_0")])
    assert read_background(tmp_path / "b.xlsx")["KOR_002"]["cefr_level"] == "B2_0"


def write_as_excel_does(path):
    """Shared strings with runs and phonetic guides, the sheet second of two, its target absolute."""
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{office}"><sheets><sheet name="About" sheetId="1" r:id="rId1"/>'
        '<sheet name="Participants" sheetId="2" r:id="rId2"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{rels}">'
        '<Relationship Id="rId1" Target="worksheets/sheet1.xml"/>'
        '<Relationship Id="rId2" Target="/xl/worksheets/sheet2.xml"/></Relationships>',
        "xl/sharedStrings.xml": f"<sst {MAIN}><si><t>Code</t></si><si><r><t>Se</t></r><r><t>x</t></r></si>"
        "<si><t>SM_TWN_003</t></si><si><t>F</t><rPh><t>efu</t></rPh></si></sst>",
        "xl/worksheets/sheet1.xml": f"<worksheet {MAIN}><sheetData/></worksheet>",
        "xl/worksheets/sheet2.xml": f'<worksheet {MAIN}><sheetData><row><c r="A1" t="s"><v>0</v></c>'
        '<c r="AB1" t="s"><v>1</v></c></row><row><c r="A2" t="s"><v>2</v></c><c r="AB2" t="s"><v>3</v></c></row>'
        "</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_shared_strings_runs_and_far_columns_are_read(tmp_path):
    write_as_excel_does(tmp_path / "b.xlsx")
    assert read_background(tmp_path / "b.xlsx")["TWN_003"]["sex"] == "F"


def test_every_column_of_the_corpus_can_be_filled(tmp_path):
    write_sheet(tmp_path / "b.xlsx", [("Code", *BACKGROUND_COLUMNS.values()), ("SM_JPN_001", *"abcdefgh")])
    assert list(read_background(tmp_path / "b.xlsx")["JPN_001"].values()) == list("abcdefgh")


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
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    with pytest.raises(ValueError, match="cannot be read as an xlsx file"):
        read_background(tmp_path / "c.xlsx")


def test_declared_entities_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("xl/_rels/workbook.xml.rels", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    with pytest.raises(ValueError, match="declares a document type"):
        read_background(tmp_path / "b.xlsx")
