"""Runs that are finished, interrupted, foreign, or made with other settings."""

import dataclasses
import json
import shutil

import pyarrow.parquet as pq
import pytest

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.experiments import compare as module
from blv_trainer.experiments.compare import Plan, compare
from blv_trainer.experiments.invented import build_encoder, make_dataset
from blv_trainer.experiments.methods import parse_methods
from blv_trainer.experiments.results import read_results


@pytest.fixture(scope="module")
def dataset():
    return make_dataset(20, seed=1)


@pytest.fixture(scope="module")
def names(dataset):
    return dataset["train"].features["label"].names


@pytest.fixture(scope="module")
def encoder(dataset, tmp_path_factory):
    return build_encoder(dataset["train"]["text"], tmp_path_factory.mktemp("encoder"), seed=1)


@pytest.fixture
def make_plan(encoder):
    def make(methods=("cross_entropy", "blv:sigma=2"), seeds=(1,), *, output_dir="unused", **settings):
        plan_settings = {key: settings.pop(key) for key in ("freeze_encoder", "keep_models") if key in settings}
        settings = {"num_train_epochs": 2, "save_strategy": "epoch", "eval_strategy": "epoch"} | settings
        args = BLVTrainingArguments(
            output_dir, learning_rate=1e-3, per_device_train_batch_size=16, report_to="none", disable_tqdm=True,
            use_cpu=True, **settings,
        )  # fmt: skip
        return Plan(parse_methods(methods), list(seeds), ModelArguments(encoder, max_length=32), args, **plan_settings)

    return make


def predictions(folder):
    return pq.read_table(folder / "predictions.parquet")


def test_each_method_and_seed_gets_a_folder_without_weights(dataset, names, make_plan, tmp_path):
    said = []
    compare(dataset, names, make_plan(seeds=(1, 2)), tmp_path, description={"source": "tests"}, on_run=said.append)
    folders = sorted(str(path.parent.relative_to(tmp_path)) for path in tmp_path.glob("runs/*/*/metrics.json"))
    assert folders == [f"runs/{method}/seed_{seed}" for method in ("blv_sigma=2", "cross_entropy") for seed in (1, 2)]
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not list(tmp_path.rglob("checkpoint-*"))
    assert said[0] == "[1/4] cross-entropy, seed 1"
    results = read_results(tmp_path)
    assert results.test_labels.tolist() == dataset["test"]["label"]
    assert results.methods[1].test_logits.shape == (2, len(dataset["test"]), 5)
    assert results.methods[1].train_logits.shape == (len(dataset["train"]), 5)
    assert results.class_counts["train"] == [dataset["train"]["label"].count(k) for k in range(5)]
    assert results.description["source"] == "tests"


def test_finished_runs_are_left_alone(dataset, names, make_plan, tmp_path, monkeypatch):
    compare(dataset, names, make_plan(["focal"]), tmp_path)
    before = (tmp_path / "runs/focal/seed_1/predictions.parquet").stat().st_mtime_ns
    made, original = [], module.run_once
    monkeypatch.setattr(
        module, "run_once", lambda *args, **kwargs: made.append(args[3].spec) or original(*args, **kwargs)
    )
    said = []
    compare(dataset, names, make_plan(["focal", "emd"]), tmp_path, on_run=said.append)
    assert made == ["emd"]
    assert said == ["[1/2] focal loss, seed 1: finished", "[2/2] EMD, seed 1"]
    assert (tmp_path / "runs/focal/seed_1/predictions.parquet").stat().st_mtime_ns == before


def test_other_settings_are_refused_before_anything_runs(dataset, names, make_plan, tmp_path):
    compare(dataset, names, make_plan(["focal"]), tmp_path)
    with pytest.raises(
        ValueError, match=r"focal/seed_1 was made with num_train_epochs=2, now TrainingArguments' default.*not mixed"
    ):
        compare(dataset, names, make_plan(["emd", "focal"], num_train_epochs=3), tmp_path)
    assert not (tmp_path / "runs" / "emd").exists()
    fewer = dataset.copy()
    fewer["train"] = dataset["train"].select(range(len(dataset["train"]) - 1))
    with pytest.raises(ValueError, match="was made with data="):
        compare(fewer, names, make_plan(["focal"]), tmp_path)
    silent = make_plan(["focal"], save_total_limit=1, logging_steps=3)  # changes no result
    compare(dataset, names, silent, tmp_path)


class KilledError(Exception):
    pass


@pytest.fixture
def compare_until_killed(monkeypatch):
    """A comparison that stops after training, before anything is predicted, and leaves its checkpoints behind."""

    def stop(*args, **kwargs):
        raise KilledError

    def run(*args):
        with monkeypatch.context() as patched:
            patched.setattr("blv_trainer.experiments.single_run.predict_and_write", stop)
            with pytest.raises(KilledError):
                compare(*args)

    return run


def test_an_interrupted_run_resumes_to_the_same_predictions(
    dataset, names, make_plan, compare_until_killed, tmp_path, monkeypatch
):
    compare(dataset, names, make_plan(["blv"]), tmp_path / "whole")
    compare_until_killed(dataset, names, make_plan(["blv"]), tmp_path / "torn")
    run = tmp_path / "torn" / "runs" / "blv" / "seed_1"
    first, second = sorted(run.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    (second / "trainer_state.json").write_text('{"half of it')  # as if the power had gone
    resumed = []
    original = module.train_and_evaluate
    monkeypatch.setattr(
        module,
        "train_and_evaluate",
        lambda *args, training_args, **kwargs: (
            resumed.append(training_args.resume_from_checkpoint)
            or original(*args, training_args=training_args, **kwargs)
        ),
    )
    compare(dataset, names, make_plan(["blv"]), tmp_path / "torn")
    assert resumed == [str(first)]
    assert predictions(run).equals(predictions(tmp_path / "whole" / "runs" / "blv" / "seed_1"))


def test_an_unfinished_run_of_other_settings_starts_again(dataset, names, make_plan, compare_until_killed, tmp_path):
    compare_until_killed(dataset, names, make_plan(["focal"], num_train_epochs=3), tmp_path / "changed")
    compare(dataset, names, make_plan(["focal"]), tmp_path / "changed")
    compare(dataset, names, make_plan(["focal"]), tmp_path / "whole")
    run = "runs/focal/seed_1"
    assert predictions(tmp_path / "changed" / run).equals(predictions(tmp_path / "whole" / run))
    settings = json.loads((tmp_path / "changed" / run / "run.json").read_text())["settings"]
    assert settings["num_train_epochs"] == 2


def test_a_folder_of_something_else_is_left_alone(dataset, names, make_plan, tmp_path):
    folder = tmp_path / "runs" / "focal" / "seed_1"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"seed_1 holds files but no run.json"):
        compare(dataset, names, make_plan(["focal"]), tmp_path)
    assert (folder / "thesis.txt").exists()


def test_models_are_kept_where_wanted(dataset, names, make_plan, tmp_path):
    compare(dataset, names, make_plan(["focal"], keep_models=True), tmp_path)
    assert (tmp_path / "runs/focal/seed_1/model.safetensors").exists()
    assert not list(tmp_path.rglob("checkpoint-*"))


def test_a_changed_encoder_under_the_same_name_is_noticed(dataset, names, make_plan, encoder, tmp_path):
    shutil.copytree(encoder, tmp_path / "encoder")
    plan = make_plan(["focal"], freeze_encoder=True, save_strategy="no")
    plan = dataclasses.replace(plan, model_args=ModelArguments(str(tmp_path / "encoder"), max_length=32))
    compare(dataset, names, plan, tmp_path / "out")
    build_encoder(dataset["train"]["text"], tmp_path / "encoder", seed=2)
    with pytest.raises(ValueError, match="was made with encoder="):
        compare(dataset, names, plan, tmp_path / "out")


def test_a_frozen_encoder_leaves_the_same_files(dataset, names, make_plan, tmp_path):
    plan = make_plan(freeze_encoder=True, save_strategy="no", num_train_epochs=4)
    compare(dataset, names, plan, tmp_path)
    assert len(list((tmp_path / "features").iterdir())) == 1
    results = read_results(tmp_path)
    assert results.methods[0].validation_logits.shape == (1, len(dataset["validation"]), 5)
    assert len([entry for entry in results.methods[0].histories[0] if "eval_qwk" in entry]) == 4
