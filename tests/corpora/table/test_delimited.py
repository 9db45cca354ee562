import csv
import gzip
import io
import tempfile
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora.table.delimited import check_delimiter
from blv_trainer.corpora.table.read import read_chunks

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def parsed(name, content, **kwargs):
    """Rows and their numbers in a file of this name and content."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_bytes(content if isinstance(content, bytes) else content.encode())
        raw = next(read_chunks(Path(folder, name), **kwargs))
    return raw.columns.to_pylist(), list(raw.rows)


# CSV and TSV


def physical_line(text):
    """The 1-based line on which something appended to ``text`` would begin."""
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


@given(rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8), terminator=st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_csv_writer_writes_is_read_back_unchanged_with_its_line(rows, terminator):
    file = io.StringIO(newline="")
    # QUOTE_ALL: before Python 3.13 the writer leaves a lone "\r" bare when lines end in "\n".
    writer = csv.writer(file, lineterminator=terminator, quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "label", "id"])
    expected_lines = []
    for row in rows:
        expected_lines.append(physical_line(file.getvalue()))
        writer.writerow(row)
    found, lines = parsed("x.csv", file.getvalue())
    assert [tuple(row.values()) for row in found] == rows
    assert lines == expected_lines


@given(
    st.lists(st.tuples(CELL, CELL).filter(lambda row: not set("\t\r\n") & set("".join(row))), min_size=1, max_size=8)
)
def test_a_plain_tsv_is_read_back_unchanged_quotes_and_all(rows):
    found, lines = parsed("x.tsv", "text\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows))
    assert [tuple(row.values()) for row in found] == rows
    assert lines == list(range(2, len(rows) + 2))


def test_words_that_pandas_takes_for_missing_values_and_formulas_stay_as_they_are():
    words = ["NA", "None", "null", "nan", "N/A", "-", "007", "1e3", "true", "'=1", "'-x", "=1+1"]
    rows, _ = parsed("x.csv", "text, label\n" + "".join(f"{word},x\n" for word in words))
    assert rows == [{"text": word, "label": "x"} for word in words]  # " label": space around a name is no part of it


def test_long_texts_of_several_lines_and_empty_lines_keep_the_numbers_that_an_editor_shows():
    text = "word " * 200_000
    rows, lines = parsed("x.csv", f'text,label\n"{text}\ntwo\r\nthree",1\n\n\n"four",2\n')
    assert [row["text"] for row in rows] == [f"{text}\ntwo\r\nthree", "four"]
    assert lines == [2, 7]
    rows, lines = parsed("x.jsonl", '{"text": "a\u2028b"}\r\n\r\n{"text": "c"}')
    assert [row["text"] for row in rows] == ["a\u2028b", "c"]
    assert lines == [1, 3]


def test_quotes_enclose_fields_in_csv_and_are_characters_in_tsv_unless_told_otherwise():
    assert parsed("x.csv", 'text,label\n"He said ""yes"", twice",B1\n')[0][0]["text"] == 'He said "yes", twice'
    assert parsed("x.csv", 'text,label\n"a",B1\n', quoting=False)[0][0]["text"] == '"a"'
    assert parsed("x.tsv", 'text\tlabel\n"a"\tB1\n')[0][0]["text"] == '"a"'
    assert parsed("x.tsv", 'text\tlabel\n"a\tb"\tB1\n', quoting=True)[0][0]["text"] == "a\tb"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "x.csv",
            'text,label\n"a\nb",B1\nI came, I saw,B1\n',
            r"x\.csv, line 4: 3 fields, but the header names 2 columns \('text', 'label'\).*comma in quotes",
        ),
        ("x.csv", "text,label\na,B1\nb\n", r"x\.csv, line 3: 1 fields"),
        ("x.tsv", 'text\tlabel\n"a\tb"\tB1\n', r"x\.tsv, line 2: 3 fields.*tab inside a text.*quoting=True"),
        ("x.csv", 'text,label\na,B1\n"never closed,B1\nb,B2\n', r"row beginning on line 3: .*quoting=False"),
        ("x.csv", 'text,label\na,B1\n"closed" too early,B1\n', r"row beginning on line 3: .*quoting=False"),
        ("x.csv", b"", "has no rows. A text file names its columns"),
        ("x.csv", b"\xef\xbb\xbf\r\n\n", "has no rows"),
        ("x.csv", b"text,label\n", "has no rows"),
        ("x.csv", b"text,label,\na,B1,\n", "column 3 has no name. The columns: 'text', 'label', ''"),
        ("x.csv", b"She left .,1,1\nHe came .,2,1\n", "column name '1' stands twice.*names its columns in its first"),
        ("x.csv", "text,label\nGrün,B1\n".encode("utf-16"), r"line 1: byte 0xff is not utf-8-sig.*'utf-16'"),
    ],
)
def test_a_csv_that_is_none_gives_a_sentence(name, content, message):
    with pytest.raises(ValueError, match=message):
        parsed(name, content)


# Delimiters

MARKS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
ESSAYS = [("I came, I saw; I left", "1,5"), ('She said "no | never"\tand left', "2"), ("Yes,\nno", "10")]


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("name", MARKS)
def test_the_delimiter_is_found_whatever_the_texts_hold_and_a_note_names_it(tmp_path, suffix, name):
    path = tmp_path / f"x{suffix}"
    pandas.DataFrame(ESSAYS, columns=["text", "label"]).to_csv(path, sep=MARKS[name], index=False)
    if (suffix, name) == (".tsv", "tab"):  # whose quotes are characters
        path.write_text("text\tlabel\n" + "".join("\t".join(row) + "\n" for row in [('"I, am; 5', "1|5"), ("b", "2")]))
        assert parsed(path.name, path.read_text())[0][0] == {"text": '"I, am; 5', "label": "1|5"}
        return
    raw = next(read_chunks(path))
    assert [tuple(row.values()) for row in raw.columns.to_pylist()] == ESSAYS
    usual = {".csv": "comma", ".tsv": "tab"}[suffix]
    assert raw.notes == ([] if name == usual else [f"{path}: its columns are separated by {name}s."])


def test_the_delimiter_given_wins_over_what_the_first_lines_look_like():
    content = "text,a;b,c\nx,y;z,w\n"
    assert parsed("x.csv", content)[0] == [{"text": "x", "a;b": "y;z", "c": "w"}]
    for delimiter in (";", "semicolon"):
        assert parsed("x.csv", content, delimiter=delimiter)[0] == [{"text,a": "x,y", "b,c": "z,w"}]
    assert parsed("x.csv", "text:label\nx:y\n", delimiter=":")[0] == [{"text": "x", "label": "y"}]
    assert [check_delimiter(given) for given in ("tab", "\\t", "\t", None)] == ["\t", "\t", "\t", None]
    with pytest.raises(
        ValueError, match="delimiter='::' is unknown. Give one character, or comma, semicolon, tab, bar"
    ):
        parsed("x.csv", content, delimiter="::")


def test_one_column_needs_no_delimiter_and_a_malformed_file_is_named_by_the_usual_one():
    assert parsed("x.csv", "text\nI like tea\n")[0] == [{"text": "I like tea"}]
    with pytest.raises(ValueError, match=r"line 3: 3 fields, but the header names 2 columns.*semicolon in quotes"):
        parsed("x.csv", "text;label\na;B1\nI, well; saw;B1\n")


# gzip


def test_a_packed_file_is_read_as_the_file_in_it_and_a_damaged_one_gives_a_sentence():
    content = 'text;label\n"grün;\nblau";2\n'
    assert parsed("x.csv.gz", gzip.compress(content.encode())) == parsed("x.csv", content)
    packed = gzip.compress(content.encode() * 1000)
    for damaged in (content.encode(), packed[:40], packed[:30] + b"\0\0\0\0" + packed[34:]):
        with pytest.raises(ValueError, match=r"x\.csv\.gz cannot be read as a gzip file"):
            parsed("x.csv.gz", damaged)
    with pytest.raises(ValueError, match=r"x\.csv\.gz, line 2: byte 0xfc is not utf-8-sig"):
        parsed("x.csv.gz", gzip.compress(content.encode("cp1252")))
    with pytest.raises(ValueError, match=r"files ending in '\.parquet\.gz' are not read"):
        parsed("x.parquet.gz", packed)
