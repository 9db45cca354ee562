"""Tables of types that nobody expects, and of one that would run code where it is unpacked."""

import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blv_trainer.corpora import load_table, load_texts

ARRAYS = {
    "decimals": pa.array([decimal.Decimal("1.5"), None], pa.decimal256(40, 2)),
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


@pytest.mark.parametrize("column", ["text", "label", "more"])
@pytest.mark.parametrize("kind", ARRAYS)
def test_columns_of_every_type_are_read_or_refused_with_a_sentence(kind, column, refusals, tmp_path):
    path = tmp_path / "rows.parquet"
    columns = {"text": ["x", "y"], "label": ["a", "b"], column: ARRAYS[kind]}
    pq.write_table(pa.table(columns), path)
    with refusals(path):
        load_table(path, validation_fraction=0)


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
