"""Makes the logits: every corpus, encoder and loss in folds; what is finished is not made again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.corpora import groups_of, k_folds
from blv_trainer.experiments import Plan, compare, parse_methods
from blv_trainer.experiments.results import read_results
from blv_trainer.files import write_json, write_whole
from blv_trainer.presets import FROZEN_TRAINING

NUM_FOLDS, NUM_FOLDS_FINE_TUNED = 5, 3
MAX_LENGTH = 256  # tokens
METHODS = (
    "cross_entropy",
    "focal",
    "blv:sigma=2",
    "blv:sigma=6",
    "blv:scope=sample,sigma=6",
    "blv:scope=element,sigma=6",
    "blv:sigma=6,sign=-1",
    "gaussian_clouded",
    "weighted_cross_entropy",
    "class_balanced",
    "logit_adjustment",
    "ldam",
    "ordinal_log_loss",
    "emd",
    "sord",
    "regression",
)
FINE_TUNED_METHODS = ("cross_entropy", "sord", "blv:sigma=6")
_FINE_TUNING = {
    "num_train_epochs": 3,
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 64,
    "learning_rate": 1e-4,
    "train_sampling_strategy": "group_by_length",
    "save_strategy": "epoch",
    "save_total_limit": 1,
}
_QUIET = {"report_to": "none", "disable_tqdm": True, "eval_strategy": "no"}


@dataclass(frozen=True)
class Logits:
    """What one loss on one corpus gave, every row judged by a model that did not see it.

    Args:
        spec: the loss and its options, as ``compare --methods`` takes them.
        title: in words.
        logits: ``(num_seeds, n, num_classes)``.
        folds: the fold in which each row was judged, ``(num_seeds, n)``.
        shift: what training added on average, ``(num_classes,)``.
    """

    spec: str
    title: str
    logits: np.ndarray
    folds: np.ndarray
    shift: np.ndarray


def train_heads(
    rows: Dataset,
    names: Sequence[str],
    folder: Path,
    *,
    encoder: str,
    group_column: str | None,
    seeds: Sequence[int],
    methods: Sequence[str],
    fine_tune: bool = False,
) -> list[Logits]:
    """The losses ``methods`` on one encoder, frozen or trained on."""
    settings = _FINE_TUNING if fine_tune else FROZEN_TRAINING
    plan = Plan(
        parse_methods(methods),
        seeds,
        ModelArguments(encoder, max_length=MAX_LENGTH),
        BLVTrainingArguments("unused", **{**_QUIET, **settings}),
        NUM_FOLDS_FINE_TUNED if fine_tune else NUM_FOLDS,
        group_column,
        freeze_encoder=not fine_tune,
        num_train_predictions=0,
    )
    compare(DatasetDict(train=rows), names, plan, folder, on_run=lambda line: print(line, flush=True))
    results = read_results(folder)
    _keep_seconds(folder, sum(sum(runs.seconds) for runs in results.methods))
    assert results.folds is not None
    return [
        Logits(runs.method.spec, runs.method.title, runs.test_logits, results.folds, runs.loss.expected_shift().numpy())
        for runs in results.methods
    ]


def train_words(
    rows: Dataset, names: Sequence[str], folder: Path, *, group_column: str | None, seeds: Sequence[int]
) -> list[Logits]:
    """Logistic regression on TF-IDF of words and of letters: what a text classifier of before gives."""
    path = folder / "logits.npz"
    if not path.is_file():
        start = time.perf_counter()
        texts, labels = np.array(rows["text"], dtype=object), np.array(rows["label"])
        found = [_words_by_fold(texts, labels, groups_of(rows, group_column), len(names), seed) for seed in seeds]
        logits, folds = (np.stack(parts) for parts in zip(*found, strict=True))
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, partial(_save, logits=logits, folds=folds))
        _keep_seconds(folder, time.perf_counter() - start)
    kept = np.load(path)
    shift = np.zeros(len(names))
    return [Logits("tfidf", "TF-IDF, logistic regression", kept["logits"], kept["folds"], shift)]


def _words_by_fold(texts, labels, groups, num_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    folds = k_folds(list(labels), groups, num_folds=NUM_FOLDS, seed=seed)
    logits = np.full((len(labels), num_classes), -20.0)  # of a level that a fold lacks
    for fold in range(NUM_FOLDS):
        train, test = folds != fold, folds == fold
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=3, sublinear_tf=True)
        features = FeatureUnion([("words", words), ("letters", letters)])
        head = LogisticRegression(C=10.0, max_iter=300)
        head.fit(features.fit_transform(texts[train]), labels[train])
        logits[np.ix_(test, head.classes_)] = head.decision_function(features.transform(texts[test]))
    return logits, folds


def _save(path: Path, **arrays: np.ndarray) -> None:
    with open(path, "wb") as file:  # by its name alone, numpy would add an ending
        np.savez(file, **arrays)


def _keep_seconds(folder: Path, seconds: float) -> None:
    """Keep how long the training of all that is in a folder took."""
    write_json(folder / "seconds.json", {"seconds": seconds})


def seconds_of(folder: Path) -> float:
    """What ``_keep_seconds`` kept."""
    return json.loads((folder / "seconds.json").read_text())["seconds"]
