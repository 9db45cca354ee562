"""What stands in a model's folder, as far as a card tells of it. Nothing is guessed: what is not there stays empty."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from blv_trainer.corpora.icnale import is_about_icnale
from blv_trainer.decision import Decision, holds_rare_classes_down
from blv_trainer.evaluation import Scores
from blv_trainer.losses import describe_loss
from blv_trainer.metrics import METRICS
from blv_trainer.run_folder import (
    EVALUATION_FILE,
    HISTORY_FILE,
    METRICS_FILE,
    PREDICTIONS_FILE,
    RESULTS_FILE,
    RUN_FILE,
    Predictions,
    conditions,
    predicted_labels,
    read_config,
    read_json,
    read_predictions,
)

logger = logging.getLogger(__name__)

ADAPTER_FILE = "adapter_config.json"
_OUT_OF_FOLD = "out_of_fold"
_HEADLINE = ("test", _OUT_OF_FOLD, "validation")  # the first of these that was measured is what a card is about
_BESIDE = ("_raw", "_by_group", "_by_group_raw", "_human")  # what stands beside a split, by what its name adds
# Settings that say how a model was trained, by their names in TrainingArguments and on the command line.
SETTINGS = (
    "num_train_epochs", "max_steps", "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay",
    "per_device_train_batch_size", "gradient_accumulation_steps", "bf16", "fp16", "max_length", "head",
    "freeze_encoder", "folds", "seed",
)  # fmt: skip
_OF_ROWS = ("group_column", "subgroup_columns")  # those of the predictions, which evaluate may have written last
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

    @property
    def loss(self) -> dict[str, Any]:
        """What training's loss was: its name, options and expected shift; empty where that is not known."""
        return self.config.get("training_loss") or {}

    @property
    def group_column(self) -> str:
        """The column that says whose answers belong together, if there is one of that name."""
        return self.settings.get("group_column") or "speaker"

    @property
    def tuned_on(self) -> str | None:
        """What a tuned decision was chosen on: "out-of-fold" logits or "validation" rows; None if that is not known."""
        decision = self.config.get("decision")
        if not isinstance(decision, dict) or decision.get("kind") != "tuned":
            return None
        if _OUT_OF_FOLD in self.metrics or self.settings.get("folds"):
            return "out-of-fold"
        return "validation" if self.settings.get("decision") == "tuned" else None

    @property
    def consistent_decision(self) -> Decision | None:
        """What adds training's expected shift back, where it holds rare classes down and no decision is folded in."""
        shift, counts = self.loss.get("expected_shift"), self.config.get("class_counts")
        if not shift or not counts or isinstance(self.config.get("decision"), dict):
            return None
        return Decision(tuple(shift), kind="consistent") if holds_rare_classes_down(shift, counts) else None


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
    evaluated = read_config(folder, EVALUATION_FILE)
    measured = read_json(folder / METRICS_FILE) or metrics_of_history(read_json(folder / HISTORY_FILE) or [])
    measured |= {f"{split}_human": of["human"] for split, of in measured.items() if of.get("human")}
    return Facts(
        config=config,
        adapter=adapter,
        names=_names(config, folder),
        metrics={} if stale else {split: numbers(of) for split, of in measured.items() if split != "train"},
        predictions=predictions,
        settings=read_config(folder) | {name: of for name, of in evaluated.items() if name in _OF_ROWS},
        versions=(read_json(folder / RUN_FILE) or {}).get("conditions", {}),
        comparison=_comparison(folder),
    )


def read_trainer_facts(trainer: Any) -> Facts:
    """What trainer and output folder know together."""
    config = getattr(trainer.model, "config", None)
    known = {} if config is None else config.to_dict()
    if trainer.loss_fn is not None:
        known |= {"class_counts": trainer.class_counts, "training_loss": describe_loss(trainer.loss_fn)}
        known.setdefault("decision", "raw")
    if not known.get("architectures"):
        known["architectures"] = [type(trainer.accelerator.unwrap_model(trainer.model)).__name__]
    facts = read_facts(Path(trainer.args.output_dir), config=known)
    args = trainer.args.to_dict() | {"model_name_or_path": getattr(config, "_name_or_path", None)}
    return replace(
        facts,
        metrics=facts.metrics or _logged_metrics(trainer),
        settings={name: args[name] for name in (*SETTINGS, "model_name_or_path") if name in args} | facts.settings,
        versions=conditions(),
    )


@dataclass(frozen=True)
class SplitResult:
    """What one split gave, or its whole groups."""

    split: str  # "out-of-fold": by cross-validation, of models trained on the other folds
    num_rows: int | None  # None where unknown
    metrics: dict[str, float]  # as fractions; recall and number of predictions of each class, too
    other_metrics: dict[str, float] = field(default_factory=dict)  # the loss, and what the user's own metrics gave
    scores: Scores | None = None  # of its predictions; None where there are none
    consistent: Scores | None = None  # with training's expected shift added back, where that helps rare classes
    raw: dict[str, float] = field(default_factory=dict)  # of the largest logit, where the model decides otherwise
    human: dict[str, float] = field(default_factory=dict)  # of raters among themselves, where several judged the rows
    by_group: SplitResult | None = None  # of the joined answers of each group that has one label

    @property
    def resampled(self) -> str:
        """What intervals are drawn over: "speakers", "groups" or "rows"."""
        return "rows" if self.scores is None or self.scores.groups is None else self.scores.resampled

    @property
    def cross_validated(self) -> bool:
        """Whether these are results of other models than this one."""
        return self.split == "out-of-fold"


def results_of(facts: Facts, *, num_resamples: int) -> list[SplitResult]:
    """The results of each split, the one that the card is about first."""
    known = {**facts.predictions, **facts.metrics}
    beside = {f"{split}{kind}" for split in known for kind in _BESIDE}
    splits = dict.fromkeys(split for split in (*_HEADLINE, *known) if split in known and split not in beside)
    return [_result(facts, split, num_resamples) for split in splits]


def of_icnale(facts: Facts, datasets: Sequence[str]) -> bool:
    """Whether the data are ICNALE's."""
    given = [str(facts.settings.get(name) or "") for name in ("dataset_name", "train_file", "test_file")]
    ids = [value for found in facts.predictions.values() for value in found.columns.get("id", [])]
    return is_about_icnale([*given, *datasets], ids)


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


def _result(facts: Facts, split: str, num_resamples: int) -> SplitResult:
    measured, found = dict(facts.metrics.get(split, {})), facts.predictions.get(split)
    num_rows: Any = measured.pop("num_rows", None)  # a whole number
    scores = consistent = None
    if found is not None:
        judge = partial(
            Scores,
            found.labels,
            names=facts.names,
            columns=found.columns,
            num_resamples=num_resamples,
            group_column=facts.group_column,
            subgroup_columns=facts.settings.get("subgroup_columns"),
        )
        num_rows, scores, decision = len(found.labels), judge(found.logits), facts.consistent_decision
        consistent = judge(decision.apply(found.logits)) if decision else None
    metrics = measured | (scores.as_metrics if scores else {})
    ours = {*METRICS, *_NO_RESULTS, *(f"{kind}_{name}" for kind in ("recall", "predicted") for name in facts.names)}
    return SplitResult(
        split.replace(_OUT_OF_FOLD, "out-of-fold"),
        num_rows,
        metrics,
        other_metrics={name: metrics[name] for name in metrics if name not in ours},
        scores=scores,
        consistent=consistent,
        raw=facts.metrics.get(f"{split}_raw", {}),
        human=facts.metrics.get(f"{split}_human", {}),
        by_group=_of_groups(facts, split, num_resamples),
    )


def _of_groups(facts: Facts, split: str, num_resamples: int) -> SplitResult | None:
    """What metrics.json says of whole groups; with intervals where the predictions hold theirs."""
    measured, found, scores = facts.metrics.get(f"{split}_by_group"), facts.predictions.get(split), None
    if not measured:
        return None
    if found is not None and found.by_group is not None:
        scores = Scores(found.by_group.labels, found.by_group.logits, facts.names, num_resamples=num_resamples)
    metrics, raw = measured | (scores.values if scores else {}), facts.metrics.get(f"{split}_by_group_raw", {})
    return SplitResult(split, int(measured["num_rows"]), metrics, scores=scores, raw=raw)


def _names(config: dict[str, Any], folder: Path) -> list[str]:
    id2label = {int(k): str(name) for k, name in (config.get("id2label") or {}).items()}
    return [id2label[k] for k in sorted(id2label)] or predicted_labels(folder)  # an adapter's config has none


def _is_stale(folder: Path, config: dict[str, Any]) -> bool:
    """Whether results are older than the decision beside them: in the weights, or by cost in config.json."""
    predictions = folder / PREDICTIONS_FILE
    if not isinstance(config.get("decision"), dict) or not predictions.is_file():
        return False
    model = [*folder.glob("*.safetensors"), *folder.glob("config.json")]
    if stale := any(path.stat().st_mtime > predictions.stat().st_mtime for path in model):
        logger.warning(
            "%s is older than the model, into which a decision was folded: the card leaves results out. Make them "
            "anew with blv-trainer evaluate MODEL --test_file ROWS --output_dir MODEL.",
            predictions,
        )
    return stale


def _comparison(folder: Path) -> dict[str, Any] | None:
    """Of that around the folder, ``<comparison>/winner`` or ``<comparison>/runs/<method>/seed_<n>``."""
    place = folder.resolve()
    if place.name == "winner":
        return read_json(place.parent / RESULTS_FILE)
    return read_json(place.parents[2] / RESULTS_FILE) if place.parent.parent.name == "runs" else None


def _logged_metrics(trainer: Any) -> dict[str, dict[str, float]]:
    sets = trainer.eval_dataset if isinstance(trainer.eval_dataset, dict) else {"": trainer.eval_dataset}
    best_step = trainer.state.best_global_step if trainer.args.load_best_model_at_end else None
    found = metrics_of_history(trainer.state.log_history, splits=sets, best_step=best_step)
    for name, rows in sets.items():
        if (name or "validation") in found and hasattr(rows, "__len__"):
            found[name or "validation"].setdefault("num_rows", len(rows))
    return found
