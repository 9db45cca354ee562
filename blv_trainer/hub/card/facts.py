"""What stands in a model's folder, as far as a card tells of it. Nothing is guessed: what is not there stays empty."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from blv_trainer.corpora.icnale import normalize_id
from blv_trainer.decision import Decision
from blv_trainer.evaluation import Scores
from blv_trainer.metrics import METRICS
from blv_trainer.run_folder import (
    HISTORY_FILE,
    METRICS_FILE,
    PREDICTIONS_FILE,
    RESULTS_FILE,
    RUN_FILE,
    Predictions,
    predicted_labels,
    read_config,
    read_json,
    read_predictions,
)

logger = logging.getLogger(__name__)

ADAPTER_FILE = "adapter_config.json"
_HEADLINE = ("test", "validation")  # the first of these that was measured is what a card is about
# Settings that say how a model was trained, by their names in TrainingArguments and on the command line.
SETTINGS = (
    "num_train_epochs", "max_steps", "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay",
    "per_device_train_batch_size", "gradient_accumulation_steps", "bf16", "fp16", "max_length", "head", "seed",
)  # fmt: skip
_NO_RESULTS = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time", "num_rows", "epoch")


@dataclass(frozen=True)
class Facts:
    """All that a card is made of."""

    config: dict[str, Any]  # the model's config.json; empty for an adapter
    adapter: dict[str, Any] | None  # adapter_config.json; None unless the folder holds an adapter
    names: list[str]  # the labels, lowest first; empty where they are unknown
    metrics: dict[str, dict[str, float]]  # what was measured, by split, as fractions
    predictions: dict[str, Predictions]  # by split
    settings: dict[str, Any]  # what config.yaml says of training, data and the model that training started from
    versions: dict[str, str]  # of Python and packages, where the model was trained
    comparison: dict[str, Any] | None  # a comparison's results.json, where the model is one of its runs


def read_facts(folder: Path, *, config: dict[str, Any] | None = None) -> Facts:
    """Read what ``train``, ``save_model`` or ``save_pretrained`` left; ``config`` is one of a model in memory."""
    adapter = read_json(folder / ADAPTER_FILE)
    if config is None:
        config = read_json(folder / "config.json")
    if config is None and adapter is None:
        raise FileNotFoundError(
            f"{folder} holds neither config.json nor {ADAPTER_FILE}, so there is no model to write a card for: give "
            "the --output_dir of a finished training run, or save the model there first."
        )
    config = config or {}
    stale = _is_stale(folder, config)
    predictions = {} if stale else read_predictions(folder)
    predictions.pop("train", None)
    measured = read_json(folder / METRICS_FILE) or metrics_of_history(read_json(folder / HISTORY_FILE) or [])
    return Facts(
        config=config,
        adapter=adapter,
        names=_names(config, folder),
        metrics={} if stale else {split: numbers(of) for split, of in measured.items() if split != "train"},
        predictions=predictions,
        settings=read_config(folder),
        versions=(read_json(folder / RUN_FILE) or {}).get("conditions", {}),
        comparison=_comparison(folder),
    )


@dataclass(frozen=True)
class SplitResult:
    """What one split gave."""

    split: str
    num_rows: int | None  # None where unknown
    metrics: dict[str, float]  # as fractions, among them the loss and what the user's own metrics gave
    scores: Scores | None = None  # of its predictions; None where there are none
    consistent: Scores | None = None  # the same with training's expected shift added back, where there is one

    @property
    def resampled(self) -> str:
        """What intervals are drawn over: "speakers" or "rows"."""
        return "rows" if self.scores is None or self.scores.groups is None else "speakers"


def results_of(facts: Facts, *, num_resamples: int) -> list[SplitResult]:
    """The results of each split, the one that the card is about first."""
    splits = {**facts.predictions, **facts.metrics}
    decision = consistent_decision(facts)
    results = []
    for split in sorted(splits, key=lambda name: _HEADLINE.index(name) if name in _HEADLINE else len(_HEADLINE)):
        measured = dict(facts.metrics.get(split, {}))
        num_rows = measured.pop("num_rows", None)
        found = facts.predictions.get(split)
        if found is None or not len(found.labels):
            results.append(SplitResult(split, None if num_rows is None else int(num_rows), measured))
            continue
        scores, *consistent = [
            Scores(found.labels, logits, facts.names, found.columns, num_resamples)
            for logits in (found.logits, *([decision.apply(found.logits)] if decision else []))
        ]
        metrics = measured | scores.values | scores.by_class()
        results.append(SplitResult(split, len(found.labels), metrics, scores, *consistent))
    return results


def consistent_decision(facts: Facts) -> Decision | None:
    """The decision that adds training's expected shift back, where training shifts logits and none is folded in."""
    shift = (facts.config.get("training_loss") or {}).get("expected_shift")
    if not shift or not any(shift) or isinstance(facts.config.get("decision"), dict):
        return None
    return Decision(tuple(shift), kind="consistent")


def is_about_icnale(facts: Facts, datasets: Sequence[str]) -> bool:
    """Whether the data are ICNALE's: their name says so, or the rows are named as its answers are."""
    given = [facts.settings.get(name) or "" for name in ("dataset_name", "train_file", "test_file")]
    if any("icnale" in PurePath(str(name)).name.lower() for name in [*given, *datasets]):
        return True
    ids = [str(value) for found in facts.predictions.values() for value in found.columns.get("id", [])]
    return bool(ids) and all(normalize_id(f"{value}.txt") == value for value in ids)


def metrics_of_history(
    history: Sequence[Mapping[str, Any]], *, splits: Iterable[str] = ("",), best_step: int | None = None
) -> dict[str, dict[str, float]]:
    """The results of the last evaluation that a trainer logged, or of that at ``best_step``, by evaluation set.

    Examples:
        >>> metrics_of_history([{"eval_qwk": 0.5, "step": 1}, {"eval_qwk": 0.6, "step": 2}, {"loss": 1.0, "step": 3}])
        {'validation': {'qwk': 0.6}}
    """
    found = {}
    for split in splits:
        prefix = f"eval_{split}_" if split else "eval_"
        entries = [entry for entry in history if any(key.startswith(prefix) for key in entry)]
        kept = [entry for entry in entries if entry.get("step") == best_step] or entries
        if kept:
            values = {key.removeprefix(prefix): value for key, value in kept[-1].items() if key.startswith(prefix)}
            found[split or "validation"] = numbers(values)
    return found


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The entries that are numbers; an undefined one (null in JSON) becomes nan."""
    known = {key: float("nan") if value is None and key in METRICS else value for key, value in values.items()}
    return {k: v for k, v in known.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}


def other_metrics(metrics: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """What a split was measured by besides ``METRICS``: the loss, and metrics of the user's own."""
    of_classes = {f"{kind}_{name}" for kind in ("recall", "predicted") for name in names}
    return {k: v for k, v in metrics.items() if k not in METRICS and k not in of_classes and k not in _NO_RESULTS}


def _names(config: dict[str, Any], folder: Path) -> list[str]:
    id2label = {int(k): str(name) for k, name in (config.get("id2label") or {}).items()}
    return [id2label[k] for k in sorted(id2label)] or predicted_labels(folder)  # an adapter's config has none


def _is_stale(folder: Path, config: dict[str, Any]) -> bool:
    """Whether results are older than a decision that was folded into the weights beside them."""
    predictions = folder / PREDICTIONS_FILE
    weights = [*folder.glob("*.safetensors")]
    if not isinstance(config.get("decision"), dict) or not predictions.is_file() or not weights:
        return False
    stale = predictions.stat().st_mtime < max(path.stat().st_mtime for path in weights)
    if stale:
        logger.warning(
            "%s is older than the weights, into which a decision was folded: the card leaves results out. Make them "
            "anew with blv-trainer evaluate MODEL --test_file ROWS --output_dir MODEL.",
            predictions,
        )
    return stale


def _comparison(folder: Path) -> dict[str, Any] | None:
    """Of the folder itself, or of the comparison that it is a run of: ``<comparison>/runs/<method>/seed_<n>``."""
    of_run = [folder.resolve().parents[2]] if folder.resolve().parent.parent.name == "runs" else []
    return next((found for root in (folder, *of_run) if (found := read_json(root / RESULTS_FILE))), None)
