import datetime
import json
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import datasets
import openpyxl
import pandas
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora.table.read import ORDERED, read_chunks, read_hub

ROWS = [{"text": "I like tea.", "label": "A2"}, {"text": "Ich trinke gern grünen Tee.", "label": "B1"}]
VIEW = pa.string_view() if pa.__version__ >= "26" else pa.string()  # as polars writes texts; older Arrow cannot
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


# xlsx


def write_xlsx(path, *sheets, hidden=()):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet{number}")
        sheet.sheet_state = "hidden" if number in hidden else "visible"
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_the_first_shown_sheet_is_read_without_empty_rows_and_its_rows_have_the_numbers_of_the_spreadsheet(tmp_path):
    day = datetime.datetime(2024, 5, 1)
    rows = [[None], ["text", "level ", "day"], ["a", 1, day], [], ["b", 1.5, day], ["c", None, None], ["", None, ""]]
    raw = read_file(write_xlsx(tmp_path / "x.xlsx", [["x"], [1]], rows, [["y"], [2]], hidden=[1]))
    assert raw.columns.to_pylist() == [
        {"text": "a", "level": 1.0, "day": day},
        {"text": "b", "level": 1.5, "day": day},
        {"text": "c", "level": None, "day": None},
    ]
    assert (list(raw.rows), raw.unit) == ([3, 5, 6], "row")
    assert raw.notes == [f"{tmp_path / 'x.xlsx'}: sheet 'Sheet2' is read, the first of 3."]
    assert read_file(write_xlsx(tmp_path / "x.xlsx", rows)).notes == []


def test_formulas_are_read_as_what_they_last_gave(tmp_path):
    path = write_xlsx(tmp_path / "x.xlsx", [["text", "label"], ["a", "=1+1"]])
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b"<v />", b"<v>2</v>").replace(b"<v></v>", b"<v>2</v>")
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    assert read_file(path).columns.to_pylist() == [{"text": "a", "label": 2}]


def test_an_xlsx_that_is_none_or_has_no_rows_gives_a_sentence(tmp_path):
    with pytest.raises(
        ValueError, match=r"x\.xlsx cannot be read as an xlsx file .*Save it as xlsx without a password"
    ):
        read_file(write(tmp_path / "x.xlsx", b"text,label\na,B1\n"))
    for rows in ([], [["text", "label"]]):
        with pytest.raises(ValueError, match=r"x\.xlsx has no rows"):
            read_file(write_xlsx(tmp_path / "x.xlsx", rows))
    with pytest.raises(ValueError, match="column 2 has no name"):
        read_file(write_xlsx(tmp_path / "x.xlsx", [["text", None], ["a", 1]]))


# An index that pandas wrote


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".xlsx", ".parquet", ".jsonl"])
def test_an_index_column_without_a_name_is_left_out_with_a_note(tmp_path, suffix):
    frame = pandas.DataFrame({"text": ["a", "b"], "label": ["x", "y"]}, index=[4, 7])
    path, name = tmp_path / f"x{suffix}", ""
    if suffix == ".xlsx":
        frame.to_excel(path)
    elif suffix == ".parquet":
        frame.to_parquet(path)
        name = "__index_level_0__"
    elif suffix == ".jsonl":
        frame.reset_index(names="Unnamed: 0").to_json(path, orient="records", lines=True)
        name = "Unnamed: 0"
    else:
        frame.to_csv(path, sep="\t" if suffix == ".tsv" else ",")
    chunks = list(read_chunks(path, rows_at_a_time=1))
    assert [chunk.columns.to_pylist() for chunk in chunks] == [
        [{"text": "a", "label": "x"}],
        [{"text": "b", "label": "y"}],
    ]
    place = 3 if suffix == ".parquet" else 1
    note = f"{path}: column {place} ({name!r}) is left out: an index that has no name."
    assert [list(chunk.notes) for chunk in chunks] == [[note], []]


# Parquet


def test_parquet_gives_its_rows_and_a_pandas_category_becomes_its_values(tmp_path):
    table = pa.Table.from_pylist(ROWS)
    table = table.set_column(1, "label", table["label"].dictionary_encode())
    table = table.set_column(0, "text", table["text"].cast(VIEW))
    (tmp_path / "lang=de").mkdir()  # a folder named like a partition adds no column
    pq.write_table(table, tmp_path / "lang=de" / "x.parquet", row_group_size=1)
    raw = read_file(tmp_path / "lang=de" / "x.parquet")
    assert raw.columns.to_pylist() == ROWS
    assert raw.columns.schema.types == [pa.string(), pa.string()]
    assert (raw.unit, list(raw.rows)) == ("row", [1, 2])


@pytest.mark.parametrize("row_group_size", [1, 100])
def test_an_ordered_category_remembers_its_order(tmp_path, row_group_size):
    levels = pandas.Categorical(["mid", "low", "mid"], categories=["low", "mid", "high"], ordered=True)
    plain = pandas.Categorical(["mid", "low", "mid"], categories=["mid", "low"])
    frame = pandas.DataFrame({"text": ["a", "b", "c"], "label": levels, "plain": plain})
    frame.to_parquet(tmp_path / "x.parquet", row_group_size=row_group_size)
    columns = read_file(tmp_path / "x.parquet").columns
    assert json.loads(columns.schema.field("label").metadata[ORDERED]) == ["low", "mid", "high"]
    assert not columns.schema.field("plain").metadata
    assert columns["label"].to_pylist() == ["mid", "low", "mid"]


def test_a_parquet_file_that_is_none_or_has_no_rows_gives_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"x\.parquet cannot be read as Parquet"):
        read_file(write(tmp_path / "x.parquet", b"text,label\na,B1\n"))
    pq.write_table(pa.Table.from_pylist(ROWS).slice(0, 0), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet has no rows"):
        read_file(tmp_path / "x.parquet")


def test_a_parquet_file_that_memory_cannot_hold_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=300_000))  # bytes
    pq.write_table(pa.table({"text": [f"{number:0200}" for number in range(2000)]}), tmp_path / "x.parquet")
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", lambda *_: iter(()))  # so that only the metadata are known
    with pytest.raises(ValueError, match=r"takes 0\.0004\d* GB of memory or more; 0\.0003 GB are free. Leave out"):
        read_file(tmp_path / "x.parquet")


def test_a_parquet_file_that_repeats_a_text_is_refused_by_its_size_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**8))  # bytes
    pq.write_table(pa.table({"text": ["tea " * 2500] * 20_000}), tmp_path / "x.parquet", row_group_size=5000)
    with pytest.raises(ValueError, match=r"takes 0\.1\d* GB of memory or more; 0\.1 GB are free"):
        read_file(tmp_path / "x.parquet")
    assert sum(chunk.columns.num_rows for chunk in read_chunks(tmp_path / "x.parquet", rows_at_a_time=100)) == 20_000


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
    pq.write_table(
        pa.Table.from_pylist(ROWS).cast(pa.schema([("text", VIEW), ("label", VIEW)])), f"{name}/train.parquet"
    )
    notes = []
    tables = read_hub(name, None, notes)
    assert tables["train"].columns.schema.types == [pa.string()] * 2
    assert {split: table.columns.to_pylist() for split, table in tables.items()} == splits
    assert notes == []
    assert (tables["test"].source, tables["test"].unit, list(tables["test"].rows)) == (f"{name} [test]", "row", [1])


@pytest.mark.parametrize("name", ["validation", "dev", "valid"])
def test_a_validation_split_is_known_by_each_of_its_names_and_one_that_is_not_used_is_noted(monkeypatch, name):
    rows = datasets.Dataset.from_list(ROWS)  # in a local folder datasets itself would rename the splits
    splits = datasets.DatasetDict({"train": rows, name: rows, "unsupervised": rows, "test": rows.take(0)})
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: splits)
    notes = []
    tables = read_hub("some/dataset", None, notes)
    assert list(tables) == ["train", "validation"]
    assert tables["validation"].source == f"some/dataset [{name}]"
    assert notes == ["Splits of the dataset 'some/dataset' that are not used: unsupervised, test."]


def test_a_dataset_without_train_lists_its_splits_and_an_unknown_configuration_those_there_are(tmp_path):
    name = make_hub_folder(tmp_path / "data", test=ROWS, validation=ROWS)
    with pytest.raises(ValueError, match=r"has no rows in a split named 'train'. Its splits: validation, test"):
        read_hub(name, None, [])
    with pytest.raises(ValueError, match=r"configuration 'en' cannot be loaded: .*'en' not found"):
        read_hub(name, "en", [])
