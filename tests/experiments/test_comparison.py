"""Runs that are finished, interrupted, foreign, or made with other settings."""

import dataclasses
import json
import shutil

import pyarrow.parquet as pq
import pytest
from datasets import DatasetDict

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.experiments import comparison as module
from blv_trainer.experiments import invented, progress
from blv_trainer.experiments.comparison import Plan, compare
from blv_trainer.experiments.folds import join_splits
from blv_trainer.experiments.methods import parse_methods
from blv_trainer.experiments.results import read_results


@pytest.fixture(scope="module")
def make_plan(encoder):
    def make(methods, seeds=(1,), *, num_folds=0, freeze_encoder=False, keep_models=False, **settings):
        settings = {"num_train_epochs": 2, "save_strategy": "epoch", "eval_strategy": "epoch"} | settings
        settings |= {"learning_rate": 1e-3, "per_device_train_batch_size": 16, "use_cpu": True}
        args = BLVTrainingArguments("unused", report_to="none", disable_tqdm=True, **settings)
        model_args, kinds = ModelArguments(encoder, max_length=32), parse_methods(methods)
        folds = {"num_folds": num_folds, "group_column": "speaker" if num_folds else None}
        kept = {"freeze_encoder": freeze_encoder, "keep_models": keep_models}
        return Plan(kinds, list(seeds), model_args, args, **folds, **kept)

    return make


@pytest.fixture(scope="module")
def finished(dataset, names, make_plan, tmp_path_factory):
    """A comparison of one run."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    compare(dataset, names, make_plan(["blv"]), folder)
    return folder


@pytest.fixture
def finished_copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


def predictions(folder):
    return pq.read_table(folder / "predictions.parquet")


def test_each_method_and_seed_gets_a_folder_without_weights(dataset, names, make_plan, tmp_path):
    said = []
    plan = make_plan(["cross_entropy", "blv:sigma=2"], seeds=(1, 2), num_train_epochs=1)
    compare(dataset, names, plan, tmp_path, description={"source": "tests"}, on_run=said.append)
    folders = sorted(str(path.parent.relative_to(tmp_path)) for path in tmp_path.glob("runs/*/*/metrics.json"))
    assert folders == [f"runs/{method}/seed_{seed}" for method in ("blv_sigma=2", "cross_entropy") for seed in (1, 2)]
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not list(tmp_path.rglob("checkpoint-*"))
    assert said[0] == "[1/4] cross-entropy, seed 1"
    results = read_results(tmp_path)
    assert results.test.labels.tolist() == dataset["test"]["label"]
    assert results.methods[1].test_logits.shape == (2, len(dataset["test"]), 5)
    assert results.methods[1].train_logits.shape == (len(dataset["train"]), 5)
    assert results.class_counts["train"] == [dataset["train"]["label"].count(k) for k in range(5)]
    assert results.description["source"] == "tests"


def test_finished_runs_are_left_alone(dataset, names, make_plan, finished_copy):
    path = finished_copy / "runs" / "blv" / "seed_1" / "predictions.parquet"
    before = path.stat().st_mtime_ns
    said = []
    compare(dataset, names, make_plan(["blv", "emd"], num_train_epochs=2), finished_copy, on_run=said.append)
    assert said == ["[1/2] BLV, seed 1: finished", "[2/2] EMD, seed 1"]
    assert path.stat().st_mtime_ns == before


def test_other_settings_are_refused_before_anything_runs(dataset, names, make_plan, finished_copy):
    message = r"blv/seed_1 was made with num_train_epochs=2, now TrainingArguments' default.*not mixed"
    with pytest.raises(ValueError, match=message):
        compare(dataset, names, make_plan(["emd", "blv"], num_train_epochs=3), finished_copy)
    assert not (finished_copy / "runs" / "emd").exists()
    fewer = dataset.copy()
    fewer["train"] = dataset["train"].select(range(len(dataset["train"]) - 1))
    with pytest.raises(ValueError, match=r"was made with rows=.*now"):
        compare(fewer, names, make_plan(["blv"]), finished_copy)
    silent = make_plan(["blv"], save_total_limit=1, logging_steps=3)  # changes no result
    compare(dataset, names, silent, finished_copy)


class KilledError(Exception):
    pass


@pytest.fixture
def compare_until_killed(monkeypatch):
    """A comparison that stops after training, before anything is predicted, and leaves its checkpoints behind."""

    def stop(*args, **kwargs):
        raise KilledError

    def run(*args):
        with monkeypatch.context() as patched:
            patched.setattr("blv_trainer.experiments.single_run.write_results", stop)
            with pytest.raises(KilledError):
                compare(*args)

    return run


def test_an_interrupted_run_resumes_to_the_same_predictions(
    dataset, names, make_plan, compare_until_killed, finished, tmp_path, monkeypatch
):
    compare_until_killed(dataset, names, make_plan(["blv"]), tmp_path)
    run = tmp_path / "runs" / "blv" / "seed_1"
    first, second = sorted(run.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    (second / "checkpoint_whole.json").unlink()  # as if the power had gone
    resumed, original = [], module.train_and_evaluate

    def noted(*args, training_args, **kwargs):
        resumed.append(training_args.resume_from_checkpoint)
        return original(*args, training_args=training_args, **kwargs)

    monkeypatch.setattr(module, "train_and_evaluate", noted)
    compare(dataset, names, make_plan(["blv"]), tmp_path)
    assert resumed == [str(first)]
    assert predictions(run).equals(predictions(finished / "runs" / "blv" / "seed_1"))


def test_an_unfinished_run_of_other_settings_starts_again(
    dataset, names, make_plan, compare_until_killed, finished, tmp_path
):
    compare_until_killed(dataset, names, make_plan(["blv"], num_train_epochs=1), tmp_path)
    compare(dataset, names, make_plan(["blv"], keep_models=True), tmp_path)
    run = tmp_path / "runs" / "blv" / "seed_1"
    assert predictions(run).equals(predictions(finished / "runs" / "blv" / "seed_1"))
    assert json.loads((run / "run.json").read_text())["settings"]["num_train_epochs"] == 2
    assert (run / "model.safetensors").exists()  # kept, as wanted
    assert not list(run.glob("checkpoint-*"))


def test_a_changed_encoder_under_the_same_name_is_noticed(dataset, names, make_plan, encoder, tmp_path):
    shutil.copytree(encoder, tmp_path / "encoder")
    plan = make_plan(["focal"], freeze_encoder=True, save_strategy="no")
    plan = dataclasses.replace(plan, model_args=ModelArguments(str(tmp_path / "encoder"), max_length=32))
    compare(dataset, names, plan, tmp_path / "out")
    invented.build_encoder(dataset["train"]["text"], tmp_path / "encoder", seed=2)
    with pytest.raises(ValueError, match="was made with an encoder of other weights or settings"):
        compare(dataset, names, plan, tmp_path / "out")


def test_a_frozen_encoder_leaves_the_same_files(dataset, names, make_plan, tmp_path):
    methods = ["cross_entropy", "blv:sigma=2"]
    compare(dataset, names, make_plan(methods, freeze_encoder=True, save_strategy="no"), tmp_path)
    assert len(list((tmp_path / "features").iterdir())) == 3  # one for each split
    results = read_results(tmp_path)
    assert results.methods[0].validation_logits.shape == (1, len(dataset["validation"]), 5)
    assert len([entry for entry in results.methods[0].histories[0] if "eval_qwk" in entry]) == 2


# ---- Folds


@pytest.fixture(scope="module")
def all_rows(dataset):
    return join_splits(dataset)


@pytest.fixture(scope="module")
def folded(all_rows, names, make_plan, tmp_path_factory):
    """A comparison of one method in two folds."""
    folder = tmp_path_factory.mktemp("folded") / "out"
    compare(all_rows, names, make_plan(["blv"], num_folds=2), folder)
    return folder


def test_each_fold_gets_a_folder_and_all_rows_are_tested(folded, all_rows):
    folders = sorted(folded.glob("runs/blv/seed_1/*"))
    assert [folder.name for folder in folders] == ["fold_0", "fold_1"]
    assert not list(folded.rglob("*.safetensors"))
    assert not list(folded.rglob("checkpoint-*"))
    tables = [predictions(folder) for folder in folders]
    assert "train" in tables[0]["split"].to_pylist()  # for the t-SNE, of the first fold
    assert set(tables[1]["split"].to_pylist()) == {"test"}  # no validation rows are spent
    results = read_results(folded)
    assert results.test.labels.tolist() == all_rows["train"]["label"]
    assert results.test.columns["id"] == all_rows["train"]["id"]
    assert (results.validation, results.methods[0].validation_logits) == (None, None)
    assert results.methods[0].loss.class_counts.tolist() == results.class_counts["train"]
    assert len(results.methods[0].histories) == 2
    assert len(results.methods[0].seconds) == 1


def test_finished_folds_stay_and_an_interrupted_one_resumes_to_the_same_predictions(
    all_rows, names, make_plan, compare_until_killed, folded, tmp_path
):
    shutil.copytree(folded, tmp_path / "out")
    run = tmp_path / "out" / "runs" / "blv" / "seed_1"
    shutil.rmtree(run / "fold_1")
    before = (run / "fold_0" / "predictions.parquet").stat().st_mtime_ns
    compare_until_killed(all_rows, names, make_plan(["blv"], num_folds=2), tmp_path / "out")
    assert list((run / "fold_1").glob("checkpoint-*"))
    said = []
    compare(all_rows, names, make_plan(["blv"], num_folds=2), tmp_path / "out", on_run=said.append)
    assert said == ["[1/2] BLV, seed 1, fold 1 of 2: finished", "[2/2] BLV, seed 1, fold 2 of 2"]
    assert predictions(run / "fold_1").equals(predictions(folded / "runs" / "blv" / "seed_1" / "fold_1"))
    assert (run / "fold_0" / "predictions.parquet").stat().st_mtime_ns == before


def test_folds_of_other_settings_are_refused(all_rows, names, make_plan, folded):
    with pytest.raises(ValueError, match="blv/seed_1/fold_0 was made with num_folds=2, now 3"):
        compare(all_rows, names, make_plan(["blv"], num_folds=3), folded)
    other = dataclasses.replace(make_plan(["blv"], num_folds=2), group_column=None)
    with pytest.raises(ValueError, match='was made with group_column="speaker", now null'):
        compare(all_rows, names, other, folded)


def test_where_the_best_checkpoint_is_wanted_validation_rows_are_cut_inside_the_training_part(
    all_rows, names, make_plan, tmp_path
):
    best = {"load_best_model_at_end": True, "metric_for_best_model": "qwk", "num_train_epochs": 1}
    compare(all_rows, names, make_plan(["focal"], num_folds=2, **best), tmp_path)
    folder = tmp_path / "runs" / "focal" / "seed_1" / "fold_1"
    splits = predictions(folder)["split"].to_pylist()
    assert splits.count("validation") > 0
    assert "eval_qwk" in (folder / "history.json").read_text()
    assert len(read_results(tmp_path).test.labels) == len(all_rows["train"])


def test_a_frozen_encoder_sees_each_row_once_whatever_the_folds(all_rows, names, make_plan, tmp_path, monkeypatch):
    seen = []
    original = progress.predict_logits
    monkeypatch.setattr(
        progress, "predict_logits", lambda *args, **kw: seen.append(len(args[2])) or original(*args, **kw)
    )
    plan = make_plan(["emd", "blv"], seeds=(1, 2), num_folds=3, freeze_encoder=True, save_strategy="no")
    compare(all_rows, names, plan, tmp_path)
    assert seen == [len(all_rows["train"])]
    results = read_results(tmp_path)
    assert results.folds.shape == (2, len(all_rows["train"]))
    assert results.folds[0].tolist() != results.folds[1].tolist()


def test_a_fold_without_a_class_trains_with_the_loss_of_all_rows(all_rows, names, make_plan, tmp_path):
    """A level of one speaker is in no training part of the fold that tests it; BLV needs a row of every class."""
    rows = all_rows["train"]
    first = next(row["speaker"] for row in rows if row["label"] == 0)
    few = DatasetDict(train=rows.filter(lambda row: row["label"] > 0 or row["speaker"] == first))
    plan = make_plan(["blv"], num_folds=2, freeze_encoder=True, save_strategy="no")
    compare(few, names, plan, tmp_path)
    assert (read_results(tmp_path).test.labels == 0).sum() == 4


def test_a_level_without_any_row_is_named_before_the_first_run(all_rows, names, make_plan, tmp_path):
    none = DatasetDict(train=all_rows["train"].filter(lambda row: row["label"] > 0))
    with pytest.raises(ValueError, match=r"class 0 \('A2'\) has no training example, so loss='blv' is undefined"):
        compare(none, names, make_plan(["emd", "blv"], num_folds=2), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_comparison_on_other_rows_is_left_alone(dataset, names, make_plan, finished_copy):
    before = (finished_copy / "comparison.json").read_bytes()
    fewer = DatasetDict({**dataset, "train": dataset["train"].select(range(len(dataset["train"]) - 1))})
    with pytest.raises(ValueError, match="holds a comparison on other rows or splits: choose another --output_dir"):
        compare(fewer, names, make_plan(["focal"]), finished_copy)
    assert (finished_copy / "comparison.json").read_bytes() == before
