"""The frozen encoder: features are what the head of the whole model sees, and the trained head fits into it."""

import json
import shutil
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from datasets import DatasetDict
from transformers import AutoModel, AutoTokenizer

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.experiments.frozen import FrozenHead, head_learner, pooled_features
from blv_trainer.experiments.single_run import train_and_evaluate
from blv_trainer.prediction import load_classifier, predict_logits


@pytest.fixture(scope="module")
def features(dataset, encoder, tmp_path_factory):
    return pooled_features(dataset, ModelArguments(encoder, max_length=32), tmp_path_factory.mktemp("features"))


def train(features, dataset, encoder, folder, *, keep_model=False, **settings):
    settings = {"num_train_epochs": 3, "learning_rate": 1e-2, "per_device_train_batch_size": 16} | settings
    settings |= {"save_strategy": "no", "eval_strategy": "epoch", "report_to": "none", "disable_tqdm": True}
    return train_and_evaluate(
        dataset,
        dataset["train"].features["label"].names,
        model_args=ModelArguments(encoder, max_length=32),
        training_args=BLVTrainingArguments(str(folder), use_cpu=True, **settings),
        learn=partial(head_learner, features),
        quiet=True,
        num_train_predictions=20,
        keep_model=keep_model,
    )


def test_features_are_means_over_the_tokens_of_each_text(features, dataset, encoder):
    model, tokenizer = AutoModel.from_pretrained(encoder).eval(), AutoTokenizer.from_pretrained(encoder)
    assert features["test"].shape == (len(dataset["test"]), 64)
    for row in (0, 5):
        inputs = tokenizer(dataset["test"][row]["text"], truncation=True, max_length=32, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state[0]
        np.testing.assert_allclose(features["test"][row], hidden.mean(dim=0).numpy(), atol=1e-5)


def test_features_are_computed_once(dataset, encoder, features, tmp_path, caplog):
    copy = tmp_path / "encoder"
    shutil.copytree(encoder, copy)
    first = pooled_features(dataset, ModelArguments(str(copy), max_length=32), tmp_path / "cache")
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text())  # same content: same features
    with caplog.at_level("INFO", logger="blv_trainer"):
        second = pooled_features(dataset, ModelArguments(str(copy), max_length=32), tmp_path / "cache")
    assert "read from" in caplog.text
    np.testing.assert_array_equal(first["train"], second["train"])
    pooled_features(dataset, ModelArguments(str(copy), max_length=16), tmp_path / "cache")
    other = DatasetDict({**dataset, "test": dataset["validation"]})
    pooled_features(other, ModelArguments(str(copy), max_length=32), tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 3 + 3 + 1  # a file for each split, and each that is new


def test_the_head_learns_and_leaves_what_a_run_leaves(features, dataset, encoder, tmp_path):
    metrics = train(features, dataset, encoder, tmp_path / "out", loss="cross_entropy", num_train_epochs=30)
    assert (tmp_path / "out" / "metrics.json").is_file()
    table = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pandas()
    assert table["split"].value_counts()["train"] == 20
    test = table[table["split"] == "test"]
    assert test["label"].tolist() == dataset["test"]["label"]
    assert test["speaker"].tolist() == dataset["test"]["speaker"]
    assert metrics["test"]["accuracy"] == pytest.approx((test["label"] == test["prediction"]).mean())
    assert "recall_B1_2" in metrics["test"]
    history = json.loads((tmp_path / "out" / "history.json").read_text())
    losses = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    assert losses[-1] < losses[0]


def test_the_same_seed_gives_the_same_predictions_and_another_one_others(features, dataset, encoder, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(features, dataset, encoder, tmp_path / name, seed=seed)
    a, b, c = (pq.read_table(tmp_path / name / "predictions.parquet") for name in "abc")
    assert a.equals(b)
    assert not a.equals(c)


def test_a_kept_model_gives_the_logits_of_the_run(features, dataset, encoder, tmp_path):
    train(features, dataset, encoder, tmp_path / "out", keep_model=True)
    model, tokenizer = load_classifier(str(tmp_path / "out"))
    logits = predict_logits(model.cpu(), tokenizer, list(dataset["test"]["text"]), max_length=32)
    table = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pandas()
    np.testing.assert_allclose(logits, np.stack(table[table["split"] == "test"]["logits"]), atol=1e-5)
    assert model.config.training_loss["name"] == "blv"
    assert sum(model.config.class_counts) == len(dataset["train"])


def test_another_head_than_the_mean_pooled_one_is_refused(dataset, encoder, tmp_path):
    with pytest.raises(ValueError, match="--freeze_encoder trains the mean-pooled head, not --head stock"):
        pooled_features(dataset, ModelArguments(encoder, head="stock"), tmp_path)


def test_dropout_acts_in_training_alone():
    head = FrozenHead(8, ["A2", "B1"], dropout=0.5)
    inputs = torch.ones(4, 8)
    assert not torch.equal(head(inputs)["logits"], head(inputs)["logits"])
    head.eval()
    torch.testing.assert_close(head(inputs)["logits"], head.classifier(inputs))
