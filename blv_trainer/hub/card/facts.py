"""What stands in a model's folder, as far as a card tells of it. Nothing is guessed: what is not there stays empty."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from blv_trainer.experiments.runs import RUN_FILE
from blv_trainer.experiments.training import HISTORY_FILE, METRICS_FILE, PREDICTIONS_FILE
from blv_trainer.metrics import METRICS

logger = logging.getLogger(__name__)

ADAPTER_FILE = "adapter_config.json"
RESULTS_FILE = Path("report", "results.json")  # of a comparison
# Settings that say how a model was trained, by their names in TrainingArguments and on the command line.
SETTINGS = (
    "num_train_epochs", "max_steps", "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay",
    "per_device_train_batch_size", "gradient_accumulation_steps", "bf16", "fp16", "max_length", "head", "seed",
)  # fmt: skip
_NO_RESULTS = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time", "num_rows", "epoch")
_OURS = ("split", "label", "prediction", "level", "expected_score", "logits")


@dataclass(frozen=True)
class Predictions:
    """The rows of one split.

    Args:
        labels: ``(n,)``.
        logits: ``(n, num_classes)``.
        columns: what else is known of each row (speaker, region, ...), by column.
    """

    labels: np.ndarray
    logits: np.ndarray
    columns: dict[str, list[Any]]


@dataclass(frozen=True)
class Facts:
    """All that a card is made of.

    Args:
        config: the model's ``config.json``; empty for an adapter.
        adapter: ``adapter_config.json``; None unless the folder holds an adapter.
        names: the labels, lowest first; empty where they are unknown.
        metrics: what was measured, by split, as fractions.
        predictions: by split.
        settings: of the training, by the names in ``SETTINGS``.
        data: what ``config.yaml`` says of the data and the model that training started from.
        versions: of Python and packages, where the model was trained.
        comparison: what a comparison's ``results.json`` holds, where the model is one of its runs.
    """

    config: dict[str, Any]
    adapter: dict[str, Any] | None = None
    names: list[str] = field(default_factory=list)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    predictions: dict[str, Predictions] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    comparison: dict[str, Any] | None = None


def read_facts(folder: Path, *, config: dict[str, Any] | None = None) -> Facts:
    """Read a folder that ``blv-trainer train``, ``Trainer.save_model`` or ``save_pretrained`` left.

    Args:
        folder: with ``config.json`` or ``adapter_config.json``; everything else may be missing.
        config: instead of the file, such as the config of a model in memory.

    Raises:
        FileNotFoundError: no saved model.
        ValueError: a file that cannot be read.
    """
    adapter = _json(folder / ADAPTER_FILE)
    if config is None:
        config = _json(folder / "config.json")
    if config is None and adapter is None:
        raise FileNotFoundError(
            f"{folder} holds neither config.json nor {ADAPTER_FILE}, so there is no model to write a card for: give "
            "the --output_dir of a finished training run, or save the model there first."
        )
    config = config or {}
    predictions = {} if _stale(folder, config) else _predictions(folder / PREDICTIONS_FILE)
    measured = _json(folder / METRICS_FILE) or metrics_of_history(_json(folder / HISTORY_FILE) or [])
    given = _yaml(folder / "config.yaml")
    return Facts(
        config=config,
        adapter=adapter,
        names=_names(config, folder / PREDICTIONS_FILE),
        metrics={} if _stale(folder, config) else {k: numbers(v) for k, v in measured.items() if k != "train"},
        predictions=predictions,
        settings={name: given[name] for name in SETTINGS if name in given},
        data=given,
        versions=(_json(folder / RUN_FILE) or {}).get("conditions", {}),
        comparison=_comparison(folder),
    )


def metrics_of_history(
    history: Sequence[Mapping[str, Any]], *, splits: Iterable[str] = ("",), best_step: int | None = None
) -> dict[str, dict[str, float]]:
    """The results of the last evaluation in ``trainer.state.log_history``, or of that at ``best_step``.

    Args:
        history: what the trainer logged.
        splits: names of the evaluation sets where the trainer has several; "" for a single one, called "validation".
        best_step: optimisation step of the weights that were kept.

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


def _names(config: dict[str, Any], predictions: Path) -> list[str]:
    id2label = {int(k): str(name) for k, name in (config.get("id2label") or {}).items()}
    if id2label:
        return [id2label[k] for k in sorted(id2label)]
    if predictions.is_file():  # beside an adapter, whose config says nothing of labels
        return [name.removeprefix("p_") for name in pq.read_schema(predictions).names if name.startswith("p_")]
    return []


def _predictions(path: Path) -> dict[str, Predictions]:
    if not path.is_file():
        return {}
    table = pq.read_table(path, partitioning=None)  # a folder may be called "sigma=6"
    if not {"split", "label", "logits"} <= set(table.column_names):
        raise ValueError(f"{path} has no columns split, label and logits: make it with blv-trainer train or evaluate.")
    known = [name for name in table.column_names if name not in _OURS and not name.startswith("p_")]
    splits = {}
    for split in pc.unique(table["split"]).to_pylist():
        rows = table.filter(pc.equal(table["split"], split))
        splits[split] = Predictions(
            np.asarray(rows["label"].to_pylist(), dtype=np.int64),
            np.asarray(rows["logits"].to_pylist(), dtype=np.float64),
            {name: rows[name].to_pylist() for name in known},
        )
    splits.pop("train", None)
    return splits


def _stale(folder: Path, config: dict[str, Any]) -> bool:
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
    return next((found for root in (folder, *of_run) if (found := _json(root / RESULTS_FILE))), None)


def _json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}): write it anew, or remove it.") from error


def _yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML: write it anew, or remove it.") from error
    return found if isinstance(found, dict) else {}
