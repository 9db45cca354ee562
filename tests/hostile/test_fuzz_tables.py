"""Tables of every format: damaged, cut short, random, or of types and encodings that nobody expects."""

import datetime
import decimal
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from blv_trainer.corpora.table import load_table
from blv_trainer.corpora.table.sources import SUFFIXES
from blv_trainer.corpora.table.texts import load_texts

ROWS = [{"text": f"I like tea {k}.", "label": ("A2", "B1")[k % 2], "age": k, "note": None} for k in range(8)]
ENCODINGS = ["utf-8-sig", "utf-16", "cp1252", "utf-7", "idna", "punycode", "hex", "rot13", "undefined", "é", "", "a\0b"]
NO_UTF_8 = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.array([0, 2, 4], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfeab")]
)
ARRAYS = {
    "bytes that are no text": NO_UTF_8,
    "decimals": pa.array([decimal.Decimal("1.5"), None], pa.decimal256(40, 2)),
    "days beyond the calendar": pa.array([86_400_000 * 10**9, 0], pa.date64()),
    "a time zone that is none": pa.array([1, 2], pa.timestamp("s", tz="Nowhere/Nothing")),
    "durations": pa.array([datetime.timedelta(1), None]),
    "binary": pa.array([b"a", b"\xff"]),
    "views": pa.array(["a", "b"], pa.string_view()),
    "categories": pa.array(["a", None]).dictionary_encode(),
    "structs": pa.array([{"a": 1}, {"a": 2}]),
    "lists": pa.array([[[1]], []]),
    "whole numbers beyond 64 bits": pa.array([2**64 - 1, 0], pa.uint64()),
    "numbers that are none": pa.array([float("nan"), float("inf")]),
    "nothing": pa.nulls(2),
}
METADATA = [
    b"garbage",
    b"\xff",
    b"[" * 100_000,
    b'{"info": 1}',
    b'{"info": {"features": [1]}}',
    b'{"info": {"features": {"text": {"_type": "Features"}}}}',
    b'{"info": {"features": {"text": {"_type": "os"}}}}',
    b'{"info": {"features": {"text": {"_type": []}}}}',
    b'{"info": {"features": {"text": {"_type": "Value", "dtype": "__import__"}}}}',
    b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["a", "a"]}}}}',
    b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": 5}}}}',
]


def parquet(table):
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


CSV = "text,label,age,note\n" + "".join('"{text}",{label},{age},\n'.format(**row) for row in ROWS)
VALID = {
    ".csv": [CSV.encode(), ("\ufeff" + CSV).encode(), CSV.encode("utf-16"), CSV.replace("\n", "\r\n").encode()],
    ".tsv": [CSV.replace(",", "\t").encode()],
    ".jsonl": ["\n".join(map(json.dumps, ROWS)).encode()],
    ".json": [json.dumps(ROWS).encode(), "\n".join(map(json.dumps, ROWS)).encode()],
    ".parquet": [parquet(pa.Table.from_pylist(ROWS))],
}


@pytest.fixture
def read(refusals):
    """Reads a file as texts, as labelled rows and in parts; each may be refused with a sentence."""

    def read(path, **options):
        with refusals(path):
            load_texts(path, **options).dataset[:]
        with refusals(path):
            load_table(path, validation_fraction=0, **options).dataset["train"].select_columns(["text", "label"])[:]

    return read


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_tables_are_read_or_refused_with_a_sentence(fuzz, read, mutations, tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"

    def check(content):
        path.write_bytes(content)
        read(path)

    fuzz(check, mutations(*VALID[suffix]))


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_any_cells_are_read_or_refused_with_a_sentence(fuzz, read, words, tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    delimiter = "," if suffix == ".csv" else "\t"
    lines = st.lists(st.lists(words, max_size=4).map(delimiter.join), max_size=5)

    def check(lines, quoting):
        header = delimiter.join(["text", "label"])
        path.write_bytes("\n".join([header, *lines]).encode("utf-8", "surrogatepass"))
        read(path, quoting=quoting)

    fuzz(check, lines, st.sampled_from([None, True, False]))


def test_any_objects_are_read_or_refused_with_a_sentence(fuzz, read, words, tmp_path):
    path = tmp_path / "rows.jsonl"
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words)
    values = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
    )
    keys = st.one_of(st.sampled_from(["text", "label", "more"]), words)

    def check(rows):
        path.write_text("\n".join(map(json.dumps, rows)))
        read(path)

    fuzz(check, st.lists(st.dictionaries(keys, values, max_size=4), max_size=4))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_encoding_reads_or_refuses(fuzz, refusals, mutations, encoding, tmp_path):
    path = tmp_path / "rows.csv"
    valid = [CSV.encode(), CSV.encode("utf-16"), CSV.encode("utf-7"), b"text,label\n+2AA-x,A2\n"]

    def check(content):
        path.write_bytes(content)
        with refusals("encoding=" if encoding in ENCODINGS[6:] else path):
            load_texts(path, encoding=encoding)

    fuzz(check, st.one_of(st.sampled_from(valid), mutations(*valid)), slower=10)


@pytest.mark.parametrize("column", ["text", "label", "more"])
@pytest.mark.parametrize("kind", ARRAYS)
def test_columns_of_every_type_are_read_or_refused_with_a_sentence(kind, column, refusals, tmp_path):
    path = tmp_path / "rows.parquet"
    columns = {"text": ["x", "y"], "label": ["a", "b"], column: ARRAYS[kind]}
    pq.write_table(pa.table(columns), path)
    with refusals(path):
        load_table(path, validation_fraction=0)


@pytest.mark.parametrize("metadata", METADATA, ids=lambda metadata: repr(metadata[:60]))
def test_what_a_file_says_of_its_columns_is_believed_or_refused(metadata, tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["x"], "label": ["a"]}).replace_schema_metadata({"huggingface": metadata}), path)
    with pytest.raises(ValueError, match=r"rows.parquet: what it says of its own columns.*cannot be read") as caught:
        load_texts(path)
    assert type(caught.value) is ValueError


def test_types_of_arrow_that_need_a_pickle_are_not_unpickled(tmp_path):
    path, mark = tmp_path / "rows.parquet", tmp_path / "ran"
    pickled = f"cpathlib\nPath.touch\n(cpathlib\nPath\n(V{mark}\ntRtR.".encode()
    extension = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickled}
    field = pa.field("label", pa.string(), metadata=extension)
    pq.write_table(
        pa.table({"text": ["x", "y"], "label": ["a", "b"]}).cast(pa.schema([("text", pa.string()), field])), path
    )
    load_texts(path)
    assert not mark.exists()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_text_of_a_million_characters_is_a_text(suffix, tmp_path):
    path, text = tmp_path / f"rows{suffix}", "tea " * 250_000
    path.write_text(f"text\n{text}\n" if suffix == ".csv" else json.dumps({"text": text}))
    assert load_texts(path).dataset["text"][0] == text


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_damaged_dataset_folders_are_read_or_refused_with_a_sentence(
    fuzz, refusals, mutations, suffix, tmp_path_factory, monkeypatch
):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))

    def check(content):
        folder = tmp_path_factory.mktemp("data")  # a new one each time: datasets keeps what it has read
        (folder / f"train{suffix}").write_bytes(content)
        with refusals(folder):
            load_table(dataset_name=str(folder), validation_fraction=0)

    fuzz(check, mutations(VALID[suffix][0]), slower=8)


@pytest.mark.parametrize("name", ["\0label", "lab\0el"])
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_a_nul_in_the_name_of_a_column_is_refused(suffix, name, tmp_path):
    path = tmp_path / f"rows{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table({"text": ["x"], name: ["a"]}), path)
    else:
        path.write_text(json.dumps({"text": "x", name: "a"}))
    with pytest.raises(ValueError, match="the name of a column holds a NUL character"):
        load_texts(path)
