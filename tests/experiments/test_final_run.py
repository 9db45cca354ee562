"""One model to keep: what it is decided on, that its folder gives its answers, and that a stopped run goes on."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from transformers import AutoModel, AutoModelForSequenceClassification

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.decision import Decision, folded, optimal, tune
from blv_trainer.experiments import final_run, single_run
from blv_trainer.experiments.decisions import Answers, choice, cross_fitted
from blv_trainer.experiments.final_run import train_decided, write_winner
from blv_trainer.experiments.folds import join_splits, out_of_fold
from blv_trainer.metrics import METRICS
from blv_trainer.prediction import load_classifier, predict_logits
from blv_trainer.run_folder import read_predictions, write_config


@pytest.fixture(scope="module")
def train(names, encoder):
    def run(dataset, folder, decision, *, head="mean_pooled", settings=None, **more):
        given = {
            "loss": "cross_entropy",
            "num_train_epochs": 6,
            "learning_rate": 2e-3,
            "per_device_train_batch_size": 8,
            "seed": 1,
        }
        given |= {"save_strategy": "epoch", "use_cpu": True, "report_to": "none", "disable_tqdm": True}
        args = BLVTrainingArguments(str(folder), **(given | (settings or {})))
        model_args = ModelArguments(encoder, head=head, max_length=32)
        how = {"group_column": "speaker", **more}
        return train_decided(dataset, names, model_args=model_args, training_args=args, decision=decision, **how)

    return run


def levels_of_the_loaded(folder, rows):
    """What anyone gets who loads the folder."""
    model, tokenizer = load_classifier(str(folder))
    return predict_logits(model.cpu(), tokenizer, list(rows["text"]), max_length=32).argmax(axis=1)


def predicted(folder, split):
    table = pq.read_table(folder / "predictions.parquet", filters=[("split", "==", split)])
    return np.array(table["prediction"].to_pylist())


@pytest.fixture(scope="module")
def raw(dataset, train, tmp_path_factory):
    """Metrics and folder of a raw run."""
    folder = tmp_path_factory.mktemp("raw")
    return train(dataset, folder, "raw"), folder


@pytest.fixture(scope="module")
def cross_fit(dataset, train, tmp_path_factory):
    """Metrics and folder of a run on all rows, tuned on two folds."""
    folder = tmp_path_factory.mktemp("folds")
    return train(join_splits(dataset), folder, "tuned", num_folds=2), folder


def test_raw_answers_are_the_largest_logits(dataset, raw):
    metrics, folder = raw
    assert list(metrics) == ["train", "validation", "validation_by_group", "test", "test_by_group"]
    assert json.loads((folder / "config.json").read_text())["decision"] == "raw"
    np.testing.assert_array_equal(levels_of_the_loaded(folder, dataset["test"]), predicted(folder, "test"))


def test_a_decision_tuned_on_validation_is_in_the_saved_model(dataset, train, raw, tmp_path, caplog):
    metrics = train(dataset, tmp_path, "tuned", tune_for={"macro_accuracy": 1.0})
    size = len(dataset["validation"])
    assert f"tuned on {size} validation rows: on so few" in caplog.text
    assert "--folds 5" in caplog.text
    before = read_predictions(raw[1])  # the same model
    labels, counts = before["validation"].labels, np.bincount(dataset["train"]["label"], minlength=5).tolist()
    decision = tune(before["validation"].logits, labels, {"macro_accuracy": 1.0}, class_counts=counts)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert folded(model.config) == decision
    assert folded(model.config, of_groups=True) is not None
    np.testing.assert_array_equal(levels_of_the_loaded(tmp_path, dataset["test"]), predicted(tmp_path, "test"))
    np.testing.assert_array_equal(decision.apply(before["test"].logits).argmax(axis=1), predicted(tmp_path, "test"))
    for split in ("validation", "test"):
        for name in METRICS:
            assert metrics[f"{split}_raw"][name] == pytest.approx(raw[0][split][name], nan_ok=True)
    assert (predicted(tmp_path, "test") != predicted(raw[1], "test")).any()


def test_with_folds_the_decision_is_chosen_on_all_rows_and_judged_on_the_folds(dataset, names, cross_fit):
    metrics, folder = cross_fit
    rows = join_splits(dataset)["train"]
    found, folds = out_of_fold([folder / "folds" / f"fold_{k}" for k in range(2)])
    answers = Answers.of(rows, found.logits, "speaker")
    choose = choice("tuned", loss=lambda: None, class_counts=np.bincount(rows["label"], minlength=5).tolist())
    chosen = choose(answers)
    config = load_classifier(str(folder))[0].config
    assert (folded(config), folded(config, of_groups=True)) == chosen
    assert config.class_counts == np.bincount(rows["label"], minlength=5).tolist()
    of_fold = cross_fitted(choose, answers, folds)
    np.testing.assert_array_equal(of_fold[1].argmax(axis=1), predicted(folder, "out_of_fold"))
    assert list(metrics) == ["train", *(f"out_of_fold{k}" for k in ("", "_raw", "_by_group", "_by_group_raw"))]
    assert metrics["out_of_fold"]["accuracy"] == (of_fold[1].argmax(axis=1) == rows["label"]).mean()
    assert metrics["out_of_fold"]["num_rows"] == len(rows)
    assert metrics["out_of_fold_by_group"]["num_rows"] == 30
    assert not list(folder.glob("folds/*/*.safetensors"))


def test_the_same_command_goes_on_after_its_folds_and_within_them(dataset, train, cross_fit, tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    calls, original = [], single_run.write_results

    def killed_at(number):
        def write(*args):
            calls.append(1)
            if len(calls) == number:
                raise KilledError
            return original(*args)

        return write

    for number, finished in ((2, 1), (2 + 2, 2)):  # in the second fold; then at the end of the final training
        monkeypatch.setattr(single_run, "write_results", killed_at(number))
        with pytest.raises(KilledError):
            train(join_splits(dataset), tmp_path, "tuned", num_folds=2)
        assert len(list(tmp_path.glob("folds/*/metrics.json"))) == finished
    monkeypatch.setattr(single_run, "write_results", original)
    assert list(tmp_path.glob("checkpoint-*"))
    said = []
    train(join_splits(dataset), tmp_path, "tuned", num_folds=2, on_run=said.append)
    assert [line.endswith(": finished") for line in said] == [True] * 2
    for name in ("predictions.parquet", "metrics.json", "model.safetensors"):
        assert (tmp_path / name).read_bytes() == (cross_fit[1] / name).read_bytes()


def test_a_finished_run_and_one_with_other_settings_are_left_alone(dataset, train, cross_fit):
    with pytest.raises(FileExistsError, match=r"already holds a run \(metrics.json\): choose another --output_dir"):
        train(join_splits(dataset), cross_fit[1], "tuned", num_folds=2)


def test_the_head_alone_is_trained_on_features_and_decided(dataset, train, tmp_path):
    fast = {"learning_rate": 1e-2, "num_train_epochs": 10}
    metrics = train(join_splits(dataset), tmp_path, "tuned", num_folds=2, freeze_encoder=True, settings=fast)
    model = load_classifier(str(tmp_path))[0]
    assert isinstance(folded(model.config), Decision)
    assert not (tmp_path / "features").exists()
    assert metrics["out_of_fold"]["qwk"] != metrics["out_of_fold_raw"]["qwk"]


def test_the_name_of_a_metric_decides_as_theory_says(dataset, train, tmp_path):
    settings = {"max_steps": 2}
    metrics = train(dataset, tmp_path / "out", "rmse", settings=settings)
    assert folded(load_classifier(str(tmp_path / "out"))[0].config) == optimal("rmse", [1] * 5)
    assert "test_raw" in metrics
    np.testing.assert_array_equal(
        levels_of_the_loaded(tmp_path / "out", dataset["test"]), predicted(tmp_path / "out", "test")
    )


def test_a_stock_head_is_tuned_without_a_cost_and_holds_no_other(dataset, train, tmp_path):
    train(dataset, tmp_path / "out", "tuned", head="stock", settings={"max_steps": 2})
    model = load_classifier(str(tmp_path / "out"))[0]
    assert model.config.model_type == "bert"
    assert folded(model.config).power == 0
    np.testing.assert_array_equal(
        levels_of_the_loaded(tmp_path / "out", dataset["test"]), predicted(tmp_path / "out", "test")
    )
    with pytest.raises(ValueError, match="--decision rmse weighs errors by their distance, which a stock head cannot"):
        train(dataset, tmp_path / "no", "rmse", head="stock")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("head", ["mean_pooled", "stock"])
def test_weights_saved_in_half_precision_are_trained_in_float32(encoder, tmp_path, head):
    shutil.copytree(encoder, tmp_path, dirs_exist_ok=True)
    AutoModel.from_pretrained(encoder).half().save_pretrained(tmp_path)
    model, _ = single_run.build_model(ModelArguments(str(tmp_path), head=head), ["low", "high"])
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_without_rows_to_tune_on_it_says_what_to_give(dataset, train, tmp_path):
    alone = join_splits(dataset)
    with pytest.raises(ValueError, match="--decision tuned has nothing to tune on: give --validation_file, --valid"):
        train(alone, tmp_path / "out", "tuned")
    assert not (tmp_path / "out").exists()
    assert list(train(alone, tmp_path / "raw", "raw", settings={"max_steps": 1})) == ["train"]


BEST = {"load_best_model_at_end": True, "metric_for_best_model": "qwk", "eval_strategy": "epoch"}


def test_the_best_checkpoint_is_found_on_a_tenth_of_all_rows_as_in_each_fold(dataset, train, tmp_path):
    metrics = train(join_splits(dataset), tmp_path, "tuned", num_folds=2, settings=BEST)
    assert metrics["out_of_fold"]["num_rows"] == len(join_splits(dataset)["train"])
    assert 0 < metrics["validation"]["num_rows"] <= 0.2 * metrics["out_of_fold"]["num_rows"]
    for folder in (tmp_path, tmp_path / "folds" / "fold_0"):
        values = [
            entry["eval_qwk"] for entry in json.loads((folder / "history.json").read_text()) if "eval_qwk" in entry
        ]
        found = read_predictions(folder)["validation"]
        if folder != tmp_path:  # raw
            assert METRICS["qwk"](found.labels, found.logits.argmax(axis=1)) == pytest.approx(max(values))


@pytest.mark.parametrize(
    ("settings", "more", "message"),
    [
        (BEST, {}, "--load_best_model_at_end has no rows to find the best on: give --validation_file"),
        ({"push_to_hub": True}, {"freeze_encoder": True}, "--push_to_hub would publish the head that --freeze_encoder"),
    ],
)
def test_settings_that_would_do_nothing_or_harm_are_refused(dataset, train, tmp_path, settings, more, message):
    with pytest.raises(ValueError, match=message):
        train(join_splits(dataset), tmp_path / "out", "raw", settings=settings, **more)
    assert not (tmp_path / "out").exists()


# ---- The winner of a comparison


ANALYSIS = {"rows": {"w": {"method": "blv:scope=element,sigma=2", "decision": "tuned"}}, "chosen": "w", "seeds": [3, 4]}


def test_the_winner_has_trains_flags_alone_and_the_folds_of_the_first_seed(tmp_path):
    write_config(tmp_path, "compare", {"preset": "robust", "learning_rate": 0.5, "decision": None, "loss": "focal"})
    for path in ("runs/blv_scope=element,sigma=2/seed_3/fold_0/run.json", "features/a.safetensors"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("{}")
    path = write_winner(tmp_path, {**ANALYSIS, "num_folds": 1}, ["learning_rate", "loss", "decision", "folds"])
    assert path.read_text().startswith("# blv-trainer train --config THIS_FILE")
    assert yaml.safe_load(path.read_text()) == {
        "learning_rate": 0.5,
        "loss": "blv",
        "loss_kwargs": {"scope": "element", "sigma": 2},
        "decision": "tuned",
        "seed": 3,
        "folds": 1,
        "output_dir": str(tmp_path / "winner"),
    }
    files = sorted(str(path.relative_to(tmp_path / "winner")) for path in tmp_path.glob("winner/*/*"))
    assert files == ["features/a.safetensors", "folds/fold_0"]


def test_a_winner_that_is_being_trained_keeps_its_folds(tmp_path):
    (tmp_path / "winner" / "folds" / "fold_0").mkdir(parents=True)
    (tmp_path / "winner" / "run.json").write_text("{}")
    write_winner(tmp_path, {**ANALYSIS, "num_folds": 2}, [])
    assert (tmp_path / "winner" / "folds" / "fold_0").is_dir()
    assert final_run.WINNER_FILE in {path.name for path in tmp_path.iterdir()}
