"""What lies in a corpus folder: file names, texts, background sheets, transcripts, split files."""

import io
import json
import os
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from blv_trainer.corpora.assignment import read_assignment
from blv_trainer.corpora.icnale import read_corpus
from blv_trainer.corpora.icnale.background import read_background
from blv_trainer.corpora.icnale.names import LABELS, REGIONS, is_other_module, normalize_id, parse_stem
from blv_trainer.corpora.icnale.text import TextCleaning, decode, features
from blv_trainer.corpora.icnale.transcripts import read_transcripts
from blv_trainer.corpora.synthetic.background import write_sheet

STEMS = ["SM_JPN_PTJ1_061_B1_1", "SM_ENS_SMK2_001_XX_1", "WE_CHN_PTJ0_001_B1_1", "SM_TWN_SMK1_007_A2_0_ORIG"]
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
ENTITY = '<!DOCTYPE s [<!ENTITY a "SM_JPN_001">]>'
ROWS = [{"id": f"SM_JPN_PTJ1_{k:03}", "text": f"I like tea {k}.", "duration_s": 60.0} for k in range(5)]


def packed(sheet, **parts):
    """An xlsx of one sheet; other parts replace its own."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "workbook.xml": f'<workbook {MAIN} xmlns:r="{office}"><sheets><sheet name="Participants" r:id="r1"/></sheets>'
        "</workbook>",
        "_rels/workbook.xml.rels": '<R><R Id="r1" Target="worksheets/sheet1.xml"/></R>',
        "worksheets/sheet1.xml": sheet,
    } | parts
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(f"xl/{name}", content)
    return buffer.getvalue()


def sheet(rows, *, declared=""):
    return f"{declared}<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>"


def parquet(table):
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


# ---- Names and texts


def test_any_name_is_one_of_the_corpus_or_none(fuzz, mutations, words):
    names = st.one_of(words, mutations(*(stem.encode() for stem in STEMS)).map(os.fsdecode))

    def check(name):
        parsed = parse_stem(name)
        assert is_other_module(name) in (True, False)
        assert isinstance(normalize_id(name), str)
        if parsed is not None:
            key, label = parsed
            assert key.region in REGIONS
            assert label in LABELS
            assert key.number.isascii()
            assert name.upper().startswith(key.id)

    fuzz(check, names)


@pytest.mark.parametrize("name", ["SM_JPN_PTJ1_٠٦١_B1_1", "\u017fM_JPN_PTJ1_061_B1_1", "SM_JPN_PTJ1_061_B1_1\n"])
def test_letters_and_digits_of_other_scripts_name_no_answer(name):
    assert parse_stem(name) is None
    assert normalize_id(name) == name


def test_any_bytes_are_a_clean_text_or_none(fuzz, mutations):
    strict = TextCleaning(keep_breaks=False, keep_masks=False, keep_trailing=False, keep_fillers=False)
    text = "\ufeff\nUh I live in [***] \u2013 it\x92s um nice and..."

    def check(content):
        decoded = decode(content)
        if decoded is not None:
            for cleaning in (TextCleaning(), strict):
                clean = cleaning(decoded[0])
                assert clean == " ".join(clean.split())
                clean.encode()
            features(content, decoded[0])

    fuzz(check, st.one_of(st.binary(max_size=300), mutations(text.encode(), text.encode("utf-16"), b"caf\xe9 ")))


def test_long_runs_of_one_character_are_cleaned_at_once():
    strict = TextCleaning(keep_breaks=False, keep_masks=False, keep_trailing=False, keep_fillers=False)
    for run in (" ", ".", "-", " -", "u", "uh", "h", "[*", "[***", "\n", "\u2026 "):
        assert len(strict(run * 100_000)) <= len(run) * 100_000


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_folder_of_odd_names_is_reported_name_by_name(fuzz, mutations, tmp_path_factory):
    names = st.lists(mutations(*(f"{stem}.txt".encode() for stem in STEMS)), max_size=4)

    def check(names):
        folder = tmp_path_factory.mktemp("corpus")
        written = {name for name in names if name.strip(b".") and len(name) < 200 and not set(name) & {0, ord("/")}}
        for name in [b"SM_KOR_PTJ1_001_B1_1.txt", *written]:
            with open(os.path.join(os.fsencode(folder), name), "wb") as file:
                file.write(b"I like tea. " * 10)
        report = read_corpus(folder).report
        report.to_text().encode()
        json.dumps(report.to_dict(), ensure_ascii=False).encode()

    fuzz(check, names, slower=10)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_folder_whose_name_is_no_utf_8_is_refused(tmp_path):
    folder = os.path.join(os.fsencode(tmp_path), b"\x93\xfa")
    os.mkdir(folder)
    with pytest.raises(ValueError, match=r"udc93.udcfa' is not UTF-8; rename it"):
        read_corpus(os.fsdecode(folder))


# ---- Background sheets


def test_damaged_sheets_are_read_or_refused_with_a_sentence(fuzz, refusals, mutations, tmp_path):
    path = tmp_path / "sheet.xlsx"
    write_sheet(path, [("Code", "Sex", "CEFR Level"), *((f"SM_JPN_{k:03}", "F", "B1_1") for k in range(9))])
    valid = path.read_bytes()

    def check(content):
        path.write_bytes(content)
        with refusals(path):
            read_background(path)

    fuzz(check, mutations(valid, packed(sheet('<row><c r="A1"><v>Code</v></c></row>'))))


def test_any_cells_are_read_or_refused_with_a_sentence(fuzz, refusals, words, tmp_path):
    path = tmp_path / "sheet.xlsx"
    part = st.one_of(
        words,
        st.sampled_from(
            ["A1", "B2", "XFD1", "ZZZZZZZ1", "1", "s", "inlineStr", "-1", "7", "9" * 5000, "Code", "SM_JPN_001"]
        ),
    )
    escaped = part.map(lambda text: "".join(c for c in text if c.isprintable() and c not in '<>&"\ud800'))
    cell = st.builds('<c r="{}" t="{}"><v>{}</v></c>'.format, escaped, escaped, escaped)
    rows = st.lists(st.lists(cell, max_size=4).map("".join), max_size=4)

    def check(rows):
        path.write_bytes(packed(sheet("".join(f"<row>{row}</row>" for row in rows))))
        with refusals(path, at_most=20_000):
            read_background(path)

    fuzz(check, rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed(sheet('<row><c r="ZZZZZZZ1"><v>x</v></c></row>')), "there is no cell 'ZZZZZZZ1'"),
        (packed(sheet("", declared=ENTITY)), "declares a document type"),
        (
            packed(sheet("", declared=f'<?xml version="1.0" encoding="utf-16"?>{ENTITY}').encode("utf-16")),
            "document type",
        ),
        (packed(b"<a>" + b" " * (300 << 20)), "would unpack to"),
        (packed("", **{"_rels/workbook.xml.rels": '<R><R Id="r1"/></R>'}), "no worksheet"),
        (packed(sheet('<row><c r="A1" t="s"><v>99</v></c></row>')), "no worksheet"),
    ],
    ids=["far column", "entities", "entities in UTF-16", "bomb", "no target", "no such string"],
)
def test_a_sheet_that_explodes_or_points_nowhere_is_refused(content, message, tmp_path):
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_background(path)


# ---- Transcripts and split files


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_damaged_transcripts_are_read_or_refused_with_a_sentence(fuzz, refusals, mutations, tmp_path, suffix):
    path = tmp_path / f"transcripts{suffix}"
    lines = "\n".join(map(json.dumps, ROWS)).encode()
    valid = lines if suffix == ".jsonl" else parquet(pa.Table.from_pylist(ROWS))

    def check(content):
        path.write_bytes(content)
        with refusals(path):
            for transcript in read_transcripts(path).values():
                transcript.text.encode()
                assert transcript.duration_s is None or transcript.duration_s >= 0

    fuzz(check, mutations(valid))


@pytest.mark.parametrize(
    "value", ['"x"', "[1]", "true", "-1", "1e999", "NaN", "9" * 5000, '"\\ud800"'], ids=lambda v: v[:9]
)
def test_a_duration_that_is_no_number_of_seconds_is_refused(value, tmp_path):
    path = tmp_path / "transcripts.jsonl"
    path.write_text(f'{{"id": "SM_JPN_PTJ1_001", "text": "a", "duration_s": {value}}}\n')
    with pytest.raises(ValueError, match=r"transcripts.jsonl.*(seconds|not JSON)"):
        read_transcripts(path)


def test_damaged_split_files_are_read_or_refused_with_a_sentence(fuzz, refusals, mutations, words, tmp_path):
    path = tmp_path / "split.tsv"
    valid = "id\tsplit\n" + "".join(f"{row['id']}\ttrain\n" for row in ROWS)
    random = st.lists(words, min_size=2, max_size=6).map("\t".join).map(lambda text: f"id\tsplit\n{text}")

    def check(content):
        path.write_bytes(content)
        with refusals(path):
            read_assignment(path)

    encoded = random.map(lambda text: text.encode("utf-8", "surrogatepass"))
    fuzz(check, st.one_of(mutations(valid.encode()), encoded, st.just(b"id\tsplit\na\t" + b"x" * 200_000)))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/tmp/x", "a/b", "..", "x" * 300, "tr ain", "tråin"])
def test_the_name_of_a_split_cannot_be_a_path(name, tmp_path):
    path = tmp_path / "split.tsv"
    path.write_text(f"id\tsplit\nSM_JPN_PTJ1_001\t{name}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot name a split"):
        read_assignment(path)
