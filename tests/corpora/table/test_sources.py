import gzip

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blv_trainer.corpora.table.sources import read_file, read_hub

ROWS = [{"text": "I like tea.", "label": "A2"}, {"text": "Ich trinke gern grünen Tee.", "label": "B1"}]


@pytest.fixture(autouse=True)
def _private_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def read(path, **kwargs):
    return read_file(path, single_valued=["text", "label"], **kwargs)


def write(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "content", "unit", "rows"),
    [
        ("x.csv", "text,label\nI like tea.,A2\nIch trinke gern grünen Tee.,B1\n", "line", [2, 3]),
        ("x.TSV", "text\tlabel\nI like tea.\tA2\nIch trinke gern grünen Tee.\tB1\n", "line", [2, 3]),
        (
            "x.jsonl",
            '{"text": "I like tea.", "label": "A2"}\n{"text": "Ich trinke gern grünen Tee.", "label": "B1"}',
            "line",
            [1, 2],
        ),
        (
            "x.json",
            '[{"text": "I like tea.", "label": "A2"}, {"text": "Ich trinke gern grünen Tee.", "label": "B1"}]',
            "row",
            [1, 2],
        ),
    ],
)
def test_each_text_format_gives_the_same_rows_with_or_without_a_byte_order_mark(tmp_path, name, content, unit, rows):
    for encoding in ("utf-8", "utf-8-sig"):
        raw = read(write(tmp_path / name, content, encoding))
        assert raw.columns.to_pylist() == ROWS
        assert (raw.source, raw.unit, list(raw.rows)) == (str(tmp_path / name), unit, rows)


def test_parquet_gives_its_rows_and_a_pandas_category_becomes_its_values(tmp_path):
    table = pa.Table.from_pylist(ROWS)
    table = table.set_column(1, "label", table["label"].dictionary_encode())
    pq.write_table(table, tmp_path / "x.parquet")
    raw = read(tmp_path / "x.parquet")
    assert raw.columns.to_pylist() == ROWS
    assert raw.columns.schema.field("label").type == pa.string()
    assert (raw.unit, list(raw.rows)) == ("row", [1, 2])


def test_a_folder_named_like_a_partition_adds_no_column_to_parquet(tmp_path):
    (tmp_path / "lang=de").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "lang=de" / "x.parquet")
    assert read(tmp_path / "lang=de" / "x.parquet").columns.column_names == ["text", "label"]


def test_quotes_enclose_fields_in_csv_and_are_characters_in_tsv_unless_told_otherwise(tmp_path):
    comma = write(tmp_path / "x.csv", 'text,label\n"a",B1\n')
    tab = write(tmp_path / "x.tsv", 'text\tlabel\n"a"\tB1\n')
    assert [read(path).columns["text"][0].as_py() for path in (comma, tab)] == ["a", '"a"']
    assert read(comma, quoting=False).columns["text"][0].as_py() == '"a"'
    assert read(tab, quoting=True).columns["text"][0].as_py() == "a"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_another_encoding_can_be_given(tmp_path, encoding):
    path = write(tmp_path / "x.csv", "text,label\nGrün,B1\n", encoding)
    assert read(path, encoding=encoding).columns.to_pylist() == [{"text": "Grün", "label": "B1"}]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_that_is_not_utf8_is_named_with_file_line_and_offset(tmp_path, mark):
    content = mark + "text,label\nGrün,B1\n".encode("cp1252")
    path = write(tmp_path / "x.csv", content)
    message = rf"x\.csv, line 2: byte {len(mark) + 13} \(0xfc\) is not utf-8-sig\. Save it as UTF-8 or give encoding"
    assert content[len(mark) + 13] == 0xFC
    with pytest.raises(ValueError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\nGrün,B1\n".encode("utf-16"), "is UTF-16, not utf-8-sig.*give encoding='utf-16'"),
        ("text,label\na,B1\n".encode("utf-16-le"), "line 1: a NUL character"),
        (b"text,label\na\0b,B1\n", "line 2: a NUL character"),
        (b"PK\x03\x04...", r"is not text: it is a zip archive or an Excel workbook.*export it as \.csv"),
        (b"\xd0\xcf\x11\xe0...", "an old Excel workbook"),
        (gzip.compress(b"text,label\n", mtime=0), "compressed with gzip"),
        (b"PAR1...", "a Parquet file"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n\n", "is empty"),
        (b"text,label\n", r"names columns \(text, label\) but has no rows"),
        (b"text,label,\na,B1,\n", "column 3 has no name. The columns: 'text', 'label', ''"),
        (b"text,label,text\na,B1,b\n", "the column name 'text' stands twice"),
        (b"She left .,1,1\nHe came .,2,1\n", "the column name '1' stands twice.*names its columns in its first line"),
    ],
)
def test_a_csv_that_is_none_gives_a_sentence(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path / "x.csv", content))


def test_a_parquet_file_that_is_none_gives_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"x\.parquet cannot be read as Parquet"):
        read(write(tmp_path / "x.parquet", b"text,label\na,B1\n"))


def test_a_parquet_file_without_rows_gives_a_sentence(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS).slice(0, 0), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"names columns \(text, label\) but has no rows"):
        read(tmp_path / "x.parquet")


def test_an_unknown_encoding_gives_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="encoding='utf9' is unknown"):
        read(write(tmp_path / "x.csv", "text\na\n"), encoding="utf9")


def test_an_unknown_suffix_lists_the_accepted_ones(tmp_path):
    with pytest.raises(ValueError, match=r"ending in '\.txt' are not read. Accepted: \.csv, \.tsv, \.jsonl"):
        read(write(tmp_path / "x.txt", "text\na\n"))


def test_a_missing_file_is_named_with_its_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv does not exist"):
        read(tmp_path / "nowhere.csv")


def test_a_folder_named_like_a_file_gives_a_sentence(tmp_path):
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(ValueError, match=r"is a folder. Give a file"):
        read(tmp_path / "x.csv")


def make_hub_folder(folder, **splits):
    folder.mkdir()
    for split, rows in splits.items():
        datasets.Dataset.from_list(rows).to_parquet(folder / f"{split}.parquet")
    return str(folder)


def test_a_local_folder_is_a_dataset(tmp_path):
    name = make_hub_folder(tmp_path / "data", train=ROWS, validation=ROWS[:1], test=ROWS[1:])
    tables, notes = read_hub(name)
    assert {split: table.columns.to_pylist() for split, table in tables.items()} == {
        "train": ROWS,
        "validation": ROWS[:1],
        "test": ROWS[1:],
    }
    assert notes == []
    assert (tables["test"].source, tables["test"].unit, list(tables["test"].rows)) == (f"{name} [test]", "row", [1])


@pytest.fixture
def on_the_hub(monkeypatch):
    """Makes ``load_dataset`` return the given splits: file names of a local folder are renamed by datasets itself."""

    def publish(**splits):
        monkeypatch.setattr(datasets, "load_dataset", lambda *_: datasets.DatasetDict(splits))

    return publish


@pytest.mark.parametrize("name", ["validation", "dev", "valid"])
def test_a_validation_split_is_known_by_each_of_its_names(on_the_hub, name):
    on_the_hub(**{"train": datasets.Dataset.from_list(ROWS), name: datasets.Dataset.from_list(ROWS[:1])})
    tables, notes = read_hub("some/dataset")
    assert list(tables) == ["train", "validation"]
    assert tables["validation"].source == f"some/dataset [{name}]"
    assert notes == []


def test_a_split_that_is_not_used_is_noted(on_the_hub):
    rows = datasets.Dataset.from_list(ROWS)
    on_the_hub(train=rows, unsupervised=rows, test=rows.take(0))
    tables, notes = read_hub("some/dataset")
    assert list(tables) == ["train"]
    assert notes == ["Splits of the dataset 'some/dataset' that are not used: unsupervised, test."]


def test_the_features_of_a_dataset_stand_in_the_schema(on_the_hub):
    features = datasets.Features({"label": datasets.ClassLabel(names=["low", "high"])})
    info = datasets.DatasetInfo(features=features)
    on_the_hub(train=datasets.Dataset(pa.table({"label": [1, 0]}), info=info))
    schema = read_hub("some/dataset")[0]["train"].columns.schema
    assert datasets.Features.from_arrow_schema(schema) == features


def test_a_dataset_without_train_lists_its_splits(tmp_path):
    name = make_hub_folder(tmp_path / "data", test=ROWS, validation=ROWS)
    with pytest.raises(ValueError, match=r"has no rows in a split named 'train'. Its splits: validation, test"):
        read_hub(name)


def test_a_dataset_that_cannot_be_found_is_named_and_the_cause_kept():
    with pytest.raises(FileNotFoundError, match="The dataset 'nobody/nothing' was not found on the Hub") as caught:
        read_hub("nobody/nothing")
    assert isinstance(caught.value.__cause__, OSError)


def test_an_unknown_configuration_gives_a_sentence(tmp_path):
    name = make_hub_folder(tmp_path / "data", train=ROWS)
    with pytest.raises(ValueError, match=r"configuration 'en' cannot be loaded: .*'en' not found"):
        read_hub(name, "en")
