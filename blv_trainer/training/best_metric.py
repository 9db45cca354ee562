"""By which metric the best checkpoint is found: of our own, which values are better is known."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from transformers import Trainer, TrainingArguments
from transformers.trainer_utils import IntervalStrategy

from blv_trainer.arguments import metric_of_ours
from blv_trainer.checks import did_you_mean
from blv_trainer.metrics import METRICS

logger = logging.getLogger(__name__)

OUR_NAMES = (*METRICS, *(f"abs_{name}" for name, metric in METRICS.items() if metric.better == "near 0"))


def settle_direction(args: TrainingArguments, datasets: Iterable[str]) -> None:
    """Set which values of a metric of ours are better; of one that is best near 0, the distance from 0 counts.

    Whoever chose in ``BLVTrainingArguments`` keeps the choice; plain ``TrainingArguments`` do not tell a choice from
    the default, so that a warning says what is changed.
    """
    name = args.metric_for_best_model or ""
    metric = metric_of_ours(name, datasets=[*datasets])
    if metric is None:
        return
    if args.greater_is_better is not (metric.better == "higher"):
        if getattr(args, "chose_direction", False):
            return
        args.greater_is_better = not args.greater_is_better
        logger.warning(
            "metric_for_best_model=%r is better %s, so greater_is_better is %s from here on. If you mean the contrary, "
            "say so in BLVTrainingArguments.",
            *(name, metric.better, args.greater_is_better),
        )
    if metric.better == "near 0" and "abs_" not in name:
        dataset, _, short = name.rpartition("_")
        args.metric_for_best_model = "_".join(filter(None, [dataset, "abs", short]))


def add_distance(args: TrainingArguments, metrics: dict[str, float], *, prefix: str) -> None:
    """Add the distance from 0 of a metric that is best near 0, where the best checkpoint is found by it."""
    name = "eval_" + (args.metric_for_best_model or "").removeprefix("eval_")
    signed = name.replace("abs_", "", 1)
    if name != signed and name.startswith(f"{prefix}_abs_") and signed in metrics:
        metrics[name] = abs(metrics[signed])


def check_best_metric(name: str | None, names: Sequence[str], *, hint: str = "") -> None:
    """Raise a ValueError unless evaluations hold the metric under one of these names."""
    if name is not None and name.removeprefix("eval_") not in names:
        raise ValueError(
            f"metric_for_best_model={name!r} is in no evaluation. Choose from: {', '.join(names)}."
            f"{did_you_mean(name.removeprefix('eval_'), names)}{hint}"
        )


def check_trainers_metric(trainer: Trainer, label_names: Sequence[str]) -> None:
    """Refuse a metric that no evaluation of a trainer will hold, as far as its metrics are known beforehand."""
    compute_metrics = trainer.compute_metrics
    is_known = compute_metrics is None or getattr(compute_metrics, "names", None) == (*METRICS,)
    if not is_known or trainer.args.eval_strategy == IntervalStrategy.NO or type(trainer).evaluate != Trainer.evaluate:
        return
    names = ["loss", *(OUR_NAMES if compute_metrics else ())]
    names += [f"{kind}_{label}" for kind in ("recall", "predicted") for label in label_names]
    if isinstance(trainer.eval_dataset, dict):
        names = [f"{dataset}_{name}" for dataset in trainer.eval_dataset for name in names]
    hint = "" if compute_metrics else " Others come from compute_metrics=make_compute_metrics([...]), for one."
    check_best_metric(trainer.args.metric_for_best_model, names, hint=hint)
