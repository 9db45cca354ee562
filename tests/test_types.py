"""The annotations: right among themselves, and of use to whoever calls the package."""

import subprocess
import sys
from pathlib import Path

import pytest

import blv_trainer

pytest.importorskip("mypy")

_ROOT = Path(__file__).parents[1]

_CALLER = """
# mypy: warn-unused-ignores
import numpy as np
import torch

from blv_trainer import (
    LOSSES,
    BLVTrainer,
    BLVTrainingArguments,
    ImbalanceLoss,
    MeanPooledForSequenceClassification,
    build_loss,
    make_compute_metrics,
)
from blv_trainer.asr import Audio, load_audio
from blv_trainer.corpora import load_table, split_by_group
from blv_trainer.decision import Decision, consistent, fold, tune
from blv_trainer.evaluation.statistics import bootstrap_intervals
from blv_trainer.metrics import METRICS
from blv_trainer.prediction import load_classifier, predict_logits, prediction_table

data = load_table("train.csv", label_order=["A2", "B1"])
names: list[str] = data.label_names
model = MeanPooledForSequenceClassification.from_encoder("bert-base-uncased", id2label=dict(enumerate(names)))
args = BLVTrainingArguments("out", loss="blv", loss_kwargs={"sigma": 2})
trainer = BLVTrainer(model, args, train_dataset=data.dataset["train"], compute_metrics=make_compute_metrics(names))
trainer.train()
model = fold(model, consistent(trainer.loss_fn))

loss: ImbalanceLoss = build_loss("blv", [90, 10], sigma=6)
shift: list[float] = LOSSES["focal"](torch.tensor([90, 10])).expected_shift().tolist()
decision: Decision = tune([[0.0, 1.0]], [1], {"qwk": 1.0}, class_counts=trainer.class_counts)
classifier, tokenizer = load_classifier("out")
logits: np.ndarray = predict_logits(classifier, tokenizer, ["I like tea."])
levels: list[str] = prediction_table(logits, names)["level"].to_pylist()
low: float = bootstrap_intervals([0, 1], [0, 1], num_resamples=10)["qwk"].low
score: float = METRICS["macro_rmse"]([0, 1], np.array([0, 1]))
sound: Audio = load_audio(b"RIFF")
split = split_by_group([0, 1], ["ann", "bob"])

build_loss(["blv"], [90, 10])  # type: ignore[arg-type]
load_table("train.csv", label_order=3)  # type: ignore[arg-type]
make_compute_metrics(names, metrics=names)  # type: ignore[call-arg]
trainer.train(resume_from_checkpoint=3)  # type: ignore[arg-type]
decision.shift = (0.0, 1.0)  # type: ignore[misc]
"""


@pytest.fixture
def caller(tmp_path):
    path = tmp_path / "caller.py"
    path.write_text(_CALLER, encoding="utf-8")
    return path


def _mypy(folder: Path, caller: Path, *options: str) -> str:
    """What mypy finds in the package and its caller; empty where nothing is wrong."""
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"), "--no-error-summary", *options]
    done = subprocess.run([*command, "blv_trainer", str(caller)], cwd=_ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_type_checkers_are_told_that_the_package_has_types():
    assert Path(blv_trainer.__file__).with_name("py.typed").is_file()


@pytest.mark.slow
def test_annotations_fit_those_of_the_libraries(tmp_path, caller):
    assert _mypy(tmp_path, caller) == ""
