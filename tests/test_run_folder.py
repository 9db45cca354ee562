"""What a run leaves behind is read back as it was written."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import Dataset

from blv_trainer.prediction import prediction_table
from blv_trainer.run_folder import (
    conditions,
    is_finished,
    predicted_labels,
    predictions_of_split,
    read_config,
    read_json,
    read_predictions,
    write_config,
    write_predictions,
)

NAMES = ["A2", "B1"]


def test_predictions_come_back_by_split_with_what_is_known_of_each_row(tmp_path):
    logits = np.array([[1.5, -2.0], [0.25, 0.5], [3.0, 1.0]], dtype=np.float32)
    rows = Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, 0], "speaker": ["s1", "s1", None]})
    tables = [predictions_of_split(rows, split, prediction_table(logits, NAMES)) for split in ("validation", "test")]
    write_predictions(tmp_path, tables)
    found = read_predictions(tmp_path)
    assert list(found) == ["validation", "test"]
    np.testing.assert_array_equal(found["test"].logits, logits)
    assert found["test"].labels.tolist() == [0, 1, 0]
    assert found["test"].columns == {"speaker": ["s1", "s1", None]}
    assert predicted_labels(tmp_path) == NAMES


def test_levels_stand_by_name_and_columns_with_our_names_are_kept_beside_ours(tmp_path):
    logits = np.array([[1.5, -2.0], [0.25, 0.5]], dtype=np.float32)
    own = {"split": ["fold 1", "fold 2"], "level": ["x", "y"], "p_id": [7, 8], "id": [1, 2]}
    rows = Dataset.from_dict({"text": ["a", "b"], "label": [1, 1], **own})
    write_predictions(tmp_path, [predictions_of_split(rows, "test", prediction_table(logits, NAMES))])
    table = pq.read_table(tmp_path / "predictions.parquet").to_pydict()
    assert (table["true_level"], table["level"]) == (["B1", "B1"], ["A2", "B1"])
    found = read_predictions(tmp_path)["test"]
    assert found.columns == {f"input_{name}" if name != "id" else name: cells for name, cells in own.items()}
    assert predicted_labels(tmp_path) == NAMES


def test_a_folder_without_predictions_has_none(tmp_path):
    assert read_predictions(tmp_path) == {}
    assert predicted_labels(tmp_path) == []
    assert read_config(tmp_path) == {}
    assert read_json(tmp_path / "metrics.json") is None


def test_a_damaged_file_is_named_with_what_to_do(tmp_path):
    (tmp_path / "metrics.json").write_text('{"test": ')
    with pytest.raises(ValueError, match=r"metrics.json is damaged \(.*\): make it again, or remove it"):
        read_json(tmp_path / "metrics.json")


def test_settings_are_those_that_are_given_and_later_ones_win(tmp_path):
    path = write_config(tmp_path, "train", {"seed": 1, "loss": "blv", "max_length": None}, {"seed": 2})
    assert path.read_text().startswith("# blv-trainer train --config THIS_FILE repeats this run\n")
    assert yaml.safe_load(path.read_text()) == read_config(tmp_path) == {"seed": 2, "loss": "blv"}


def test_a_run_is_finished_once_its_metrics_are_there_and_whole(tmp_path):
    assert not is_finished(tmp_path)
    (tmp_path / "metrics.json").write_text("{}")
    assert is_finished(tmp_path)
    (tmp_path / "_incomplete").touch()
    assert not is_finished(tmp_path)


def test_conditions_name_versions_and_machine():
    found = conditions()
    assert {"blv_trainer", "python", "torch", "system", "device"} <= found.keys()
