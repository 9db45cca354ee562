import datetime

import pyarrow as pa
from datasets import ClassLabel, Features, List, Value

from blv_trainer.corpora.table.dataset import as_dataset, usable_columns
from blv_trainer.corpora.table.rows import pick_columns
from blv_trainer.corpora.table.sources import RawTable


def prepare(columns, schema=None, *, text_column="text", label_column="label"):
    table = pa.table(columns, schema=schema)
    return pick_columns(RawTable("x.parquet", table, range(1, table.num_rows + 1), "row"), text_column, label_column)


def test_columns_of_single_values_are_kept_with_their_types():
    others = {
        "score": pa.array([1.5, None]),
        "trial": pa.array([1, 2], pa.int8()),
        "native": [True, False],
        "day": [datetime.date(2020, 1, 1), None],
        "nothing": pa.nulls(2),
    }
    table = prepare({"id": ["a", "b"], "label": ["x", "y"], "text": ["one", "two"], **others})
    columns, unusable, notes = usable_columns(table, ["x", "y"], "train")
    dataset = as_dataset(columns, ["x", "y"], "train")
    assert dataset.column_names == ["text", "label", "id", *others]
    assert dataset[1] == {
        "text": "two",
        "label": 1,
        "id": "b",
        "score": None,
        "trial": 2,
        "native": False,
        "day": None,
        "nothing": None,
    }
    assert dataset.features["trial"] == Value("int8")
    assert (unusable, notes) == ([], [])


def test_a_column_of_lists_objects_or_bytes_is_left_out_with_a_note():
    table = prepare({"text": ["a"], "label": ["x"], "tokens": [["a"]], "meta": [{"k": 1}], "audio": [b"RIFF"]})
    columns, _, notes = usable_columns(table, ["x", "y"], "train")
    assert columns.column_names == ["text", "label"]
    assert [note.split(" is left out, because ")[0] for note in notes] == [
        "x.parquet: column 'tokens'",
        "x.parquet: column 'meta'",
        "x.parquet: column 'audio'",
    ]
    assert all("it holds" in note for note in notes)


def test_a_column_whose_name_is_taken_is_left_out_with_a_note():
    table = prepare(
        {"text": ["raw"], "sentence": ["clean"], "label": ["x"], "cefr": ["y"]},
        text_column="sentence",
        label_column="cefr",
    )
    columns, _, notes = usable_columns(table, ["x", "y"], "train")
    assert columns.to_pylist() == [{"text": "clean", "label": 1}]
    assert notes == [
        "x.parquet: column 'text' is left out, because its name is taken.",
        "x.parquet: column 'label' is left out, because its name is taken.",
    ]


def test_the_features_of_other_columns_survive():
    features = Features(
        {
            "text": Value("large_string"),
            "label": ClassLabel(names=["y", "x"]),
            "region": ClassLabel(names=["JPN", "CHN"]),
            "tokens": List(Value("string")),
        }
    )
    values = [pa.array(["a"], pa.large_string()), pa.array([1]), pa.array([0]), pa.array([["a"]])]
    columns, _, _ = usable_columns(prepare(values, features.arrow_schema), ["x", "y"], "test")
    dataset = as_dataset(columns, ["x", "y"], "test")
    assert dataset.features == Features(
        {"text": Value("string"), "label": ClassLabel(names=["x", "y"]), "region": ClassLabel(names=["JPN", "CHN"])}
    )
    assert dataset[0] == {"text": "a", "label": 0, "region": 0}
    assert dataset.split == "test"


def test_rows_are_dropped_from_all_columns_alike():
    table = prepare({"text": ["a", " ", "c", "d"], "label": ["x", "x", "?", "y"], "id": [1, 2, 3, 4]})
    columns, unusable, _ = usable_columns(table, ["x", "y"], "train")
    assert columns.to_pylist() == [{"text": "a", "label": 0, "id": 1}, {"text": "d", "label": 1, "id": 4}]
    assert [row.row for row in unusable] == [2, 3]


def test_a_fingerprint_in_the_source_is_not_taken_over():
    schema = pa.schema({"text": pa.string(), "label": pa.string()}, metadata={"huggingface": '{"fingerprint": "old"}'})
    columns, _, _ = usable_columns(prepare([["a", ""], ["x", "y"]], schema), ["x", "y"], "train")
    assert as_dataset(columns, ["x", "y"], "train")._fingerprint != "old"


def test_the_dataset_can_be_saved_and_loaded_as_parquet(tmp_path):
    columns, _, _ = usable_columns(prepare({"text": ["a", "b"], "label": ["x", "y"]}), ["x", "y"], "train")
    dataset = as_dataset(columns, ["x", "y"], "train")
    dataset.to_parquet(tmp_path / "x.parquet")
    loaded = type(dataset).from_parquet(str(tmp_path / "x.parquet"), cache_dir=str(tmp_path / "cache"))
    assert loaded.features == dataset.features
    assert loaded[:] == dataset[:]
