import csv
import io
import json
import tempfile
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora.table.read import read_chunks, read_hub

ROWS = [{"text": "I like tea.", "label": "A2"}, {"text": "Ich trinke gern grünen Tee.", "label": "B1"}]
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@pytest.fixture(autouse=True)
def _private_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def read_file(path, **options):
    return next(read_chunks(path, **options))


def write(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def parsed(name, content, **kwargs):
    """Rows and their numbers in a file of this name and content."""
    with tempfile.TemporaryDirectory() as folder:
        raw = read_file(write(Path(folder, name), content), **kwargs)
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


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_another_encoding_can_be_given(encoding):
    content = "text,label\nGrün,B1\n".encode(encoding)
    assert parsed("x.csv", content, encoding=encoding)[0] == [{"text": "Grün", "label": "B1"}]
    with pytest.raises(ValueError, match="encoding='utf9' is unknown. Try 'utf-8', 'utf-16', 'cp1252'"):
        parsed("x.csv", content, encoding="utf9")


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_a_byte_that_is_not_utf8_is_named_with_file_and_line(name):
    row = "tea,B1\n" if name == "x.csv" else '{"text": "tea"}\n'
    content = ("text,label\n" if name == "x.csv" else row) + row * 19_999 + row.replace("tea", "Grün")
    with pytest.raises(ValueError, match=f"{name}, line 20001: byte 0xfc is not utf-8-sig. Save it as text in UTF-8"):
        parsed(name, content.encode("cp1252"))


@pytest.mark.parametrize(
    ("name", "content", "unit", "rows"),
    [
        ("x.csv", "text,label\nI like tea.,A2\nIch trinke gern grünen Tee.,B1\n", "line", [2, 3]),
        ("x.TSV", "text\tlabel\nI like tea.\tA2\nIch trinke gern grünen Tee.\tB1\n", "line", [2, 3]),
        ("x.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), "line", [1, 2]),
        ("x.json", json.dumps(ROWS, indent=1), "row", [1, 2]),
        ("x.json", "\n".join(json.dumps(row) for row in ROWS), "row", [1, 2]),
    ],
)
def test_each_text_format_gives_the_same_rows_with_or_without_a_byte_order_mark(tmp_path, name, content, unit, rows):
    for encoding in ("utf-8", "utf-8-sig"):
        raw = read_file(write(tmp_path / name, content, encoding))
        assert raw.columns.to_pylist() == ROWS
        assert (raw.source, raw.unit, list(raw.rows)) == (str(tmp_path / name), unit, rows)


# JSON


@given(
    st.lists(st.dictionaries(st.sampled_from(["text", "label", "id"]), CELL, min_size=1), min_size=1, max_size=8),
    st.booleans(),
)
def test_json_lines_are_read_back_unchanged_and_a_missing_key_is_none(rows, ensure_ascii):
    found, lines = parsed("x.jsonl", "".join(json.dumps(row, ensure_ascii=ensure_ascii) + "\n" for row in rows))
    names = {name for row in rows for name in row}
    assert found == [{name: row.get(name) for name in names} for row in rows]
    assert lines == list(range(1, len(rows) + 1))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, "one", None], ["1", "one", None]),
        ([2.0, "two"], ["2", "two"]),
        ([True, 1], ["true", "1"]),
        ([10**30, 1], [str(10**30), "1"]),
        ([[1], "x"], [["[1]"], ["x"]]),  # which is no column of texts
        ([1, 2.5], [1.0, 2.5]),
        ([1e20, "x"], ["100000000000000000000", "x"]),
    ],
)
def test_a_json_column_of_mixed_types_becomes_text(values, expected):
    rows, _ = parsed("x.jsonl", "".join(json.dumps({"id": value}) + "\n" for value in values))
    assert [row["id"] for row in rows] == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.jsonl", '{"text": "a"}\n{"text": \n', r"x\.jsonl, line 2: not JSON .*one JSON object a line"),
        ("x.jsonl", '{"text": "a"}\n["b"]\n', r"x\.jsonl, line 2: a list where an object"),
        ("x.json", '[{"text": "a"}, "b"]', r"x\.json, item 2: a str where an object"),
    ],
)
def test_bad_json_is_an_error_with_its_place(name, text, message):
    with pytest.raises(ValueError, match=message):
        parsed(name, text)


# Parquet


def test_parquet_gives_its_rows_and_a_pandas_category_becomes_its_values(tmp_path):
    table = pa.Table.from_pylist(ROWS)
    table = table.set_column(1, "label", table["label"].dictionary_encode())
    (tmp_path / "lang=de").mkdir()  # a folder named like a partition adds no column
    pq.write_table(table, tmp_path / "lang=de" / "x.parquet", row_group_size=1)
    raw = read_file(tmp_path / "lang=de" / "x.parquet")
    assert raw.columns.to_pylist() == ROWS
    assert raw.columns.schema.field("label").type == pa.string()
    assert (raw.unit, list(raw.rows)) == ("row", [1, 2])


def test_a_parquet_file_that_is_none_or_has_no_rows_gives_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"x\.parquet cannot be read as Parquet"):
        read_file(write(tmp_path / "x.parquet", b"text,label\na,B1\n"))
    pq.write_table(pa.Table.from_pylist(ROWS).slice(0, 0), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet has no rows"):
        read_file(tmp_path / "x.parquet")


# Paths


def test_a_path_that_cannot_be_read_gives_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"ending in '\.txt' are not read. Accepted: \.csv, \.tsv, \.jsonl"):
        read_file(write(tmp_path / "x.txt", "text\na\n"))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv does not exist"):
        read_file(tmp_path / "nowhere.csv")
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(ValueError, match=r"is a folder. Give a file"):
        read_file(tmp_path / "x.csv")


# Datasets


def make_hub_folder(folder, **splits):
    folder.mkdir()
    for split, rows in splits.items():
        datasets.Dataset.from_list(rows).to_parquet(folder / f"{split}.parquet")
    return str(folder)


def test_a_local_folder_is_a_dataset(tmp_path):
    splits = {"train": ROWS, "validation": ROWS[:1], "test": ROWS[1:]}
    name = make_hub_folder(tmp_path / "data", **splits)
    tables, notes = read_hub(name)
    assert {split: table.columns.to_pylist() for split, table in tables.items()} == splits
    assert notes == []
    assert (tables["test"].source, tables["test"].unit, list(tables["test"].rows)) == (f"{name} [test]", "row", [1])


@pytest.mark.parametrize("name", ["validation", "dev", "valid"])
def test_a_validation_split_is_known_by_each_of_its_names_and_one_that_is_not_used_is_noted(monkeypatch, name):
    rows = datasets.Dataset.from_list(ROWS)  # in a local folder datasets itself would rename the splits
    splits = datasets.DatasetDict({"train": rows, name: rows, "unsupervised": rows, "test": rows.take(0)})
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: splits)
    tables, notes = read_hub("some/dataset")
    assert list(tables) == ["train", "validation"]
    assert tables["validation"].source == f"some/dataset [{name}]"
    assert notes == ["Splits of the dataset 'some/dataset' that are not used: unsupervised, test."]


def test_a_dataset_without_train_lists_its_splits_and_an_unknown_configuration_those_there_are(tmp_path):
    name = make_hub_folder(tmp_path / "data", test=ROWS, validation=ROWS)
    with pytest.raises(ValueError, match=r"has no rows in a split named 'train'. Its splits: validation, test"):
        read_hub(name)
    with pytest.raises(ValueError, match=r"configuration 'en' cannot be loaded: .*'en' not found"):
        read_hub(name, "en")
