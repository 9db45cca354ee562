"""Finished runs are read back as they were written; what is missing or does not fit is named."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from blv_trainer.experiments.results import read_results
from blv_trainer.run_folder import PREDICTIONS_FILE


def test_what_the_runs_wrote_is_read_back(make_comparison, tmp_path):
    folder = make_comparison(tmp_path)
    results = read_results(folder)
    assert results.names == ["A2", "B1", "B2", "C1"]
    assert results.seeds == [1, 2]
    assert [runs.method.spec for runs in results.methods] == ["cross_entropy", "blv:sigma=6"]
    assert results.description["notes"] == ["a & b"]
    blv = results.methods[1]
    assert blv.loss.class_counts.tolist() == results.class_counts["train"]
    assert (blv.validation_logits.shape, blv.test_logits.shape) == ((2, 120, 4), (2, 200, 4))
    assert blv.train_logits.shape == (60, 4)
    written = pq.read_table(folder / "runs" / "blv_sigma=6" / "seed_2" / "predictions.parquet").to_pylist()
    test = [row for row in written if row["split"] == "test"]
    np.testing.assert_array_equal(blv.test_logits[1], [row["logits"] for row in test])
    assert results.test.labels.tolist() == [row["label"] for row in test]
    assert results.test.columns == {name: [row[name] for row in test] for name in ("region", "speaker")}
    assert blv.seconds == [1.5, 1.5]
    assert blv.histories[0][1]["eval_qwk"] == 0.4
    assert blv.conditions[1]["settings"] == {"method": "blv:sigma=6", "seed": 2, "learning_rate": 0.1}


def test_only_the_methods_and_seeds_compared_last_are_read(make_comparison, tmp_path):
    folder = make_comparison(tmp_path)
    facts = json.loads((folder / "comparison.json").read_text())
    (folder / "comparison.json").write_text(json.dumps({**facts, "methods": ["blv:sigma=6"], "seeds": [2]}))
    results = read_results(folder)
    assert len(results.methods) == 1
    assert len(results.methods[0].test_logits) == 1


def test_what_is_missing_is_named_with_what_to_do(make_comparison, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"comparison.json does not exist: make the runs first with blv-traine"):
        read_results(tmp_path)
    folder = make_comparison(tmp_path)
    (folder / "runs" / "cross_entropy" / "seed_2" / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"seed_2 holds no finished run: give the command that made the others"):
        read_results(folder)


def test_runs_on_other_rows_are_not_mixed(make_comparison, tmp_path):
    folder = make_comparison(tmp_path, seeds=(1,))
    path = folder / "runs" / "blv_sigma=6" / "seed_1" / "predictions.parquet"
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(table.num_rows))[::-1]), path)
    with pytest.raises(ValueError, match=r"blv_sigma=6/seed_1 was made on other rows than the runs before it: compare"):
        read_results(folder)


@pytest.mark.parametrize("name", ["history.json", "run.json"])
def test_a_damaged_file_of_a_run_is_named(name, make_comparison, tmp_path):
    folder = make_comparison(tmp_path, methods=("cross_entropy",), seeds=(1,))
    path = folder / "runs" / "cross_entropy" / "seed_1" / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        read_results(folder)


def test_predictions_without_a_split_are_named(make_comparison, tmp_path):
    folder = make_comparison(tmp_path, methods=("cross_entropy",), seeds=(1,))
    path = folder / "runs" / "cross_entropy" / "seed_1" / PREDICTIONS_FILE
    pq.write_table(pq.read_table(path, filters=[("split", "!=", "test")]), path)
    with pytest.raises(ValueError, match="lacks validation or test rows"):
        read_results(folder)


def test_folds_are_read_back_in_the_order_of_the_rows(make_comparison, tmp_path):
    folder = make_comparison(tmp_path, num_folds=3)
    results = read_results(folder)
    assert results.validation is None
    assert results.group_column == "speaker"
    blv = results.methods[1]
    assert blv.test_logits.shape == (2, 200, 4)
    assert blv.validation_logits is None
    assert [len(blv.histories), len(blv.conditions), blv.seconds] == [6, 6, [4.5, 4.5]]
    assert blv.train_logits.shape[0] == (results.folds[0] != 0).sum()
    for seed, folds in zip((1, 2), results.folds, strict=True):
        for fold in range(3):
            path = folder / "runs" / "blv_sigma=6" / f"seed_{seed}" / f"fold_{fold}" / "predictions.parquet"
            rows = [row for row in pq.read_table(path).to_pylist() if row["split"] == "test"]
            assert np.flatnonzero(folds == fold).tolist() == [row["row_of_data"] for row in rows]
            np.testing.assert_array_equal(blv.test_logits[seed - 1][folds == fold], [row["logits"] for row in rows])


def test_a_missing_fold_is_named_and_other_folds_are_not_mixed(make_comparison, tmp_path):
    folder = make_comparison(tmp_path, num_folds=3, seeds=(1,))
    first, second = folder / "runs" / "cross_entropy" / "seed_1", folder / "runs" / "blv_sigma=6" / "seed_1"
    (first / "fold_0").rename(first / "kept")
    with pytest.raises(FileNotFoundError, match=r"seed_1/fold_0 holds no finished run: give the command that made the"):
        read_results(folder)
    (first / "fold_1").rename(first / "fold_0")
    (first / "kept").rename(first / "fold_1")
    with pytest.raises(ValueError, match=f"{second} was made on other rows than the runs before it"):
        read_results(folder)
