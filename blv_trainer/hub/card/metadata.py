"""The YAML of a card with its names on the Hub, and the file in ``.eval_results/`` beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData, eval_result_entries_to_yaml
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id, yaml_dump

from blv_trainer.evaluation import NUM_RESAMPLES
from blv_trainer.files import write_text
from blv_trainer.hub.card.facts import Facts, SplitResult
from blv_trainer.metrics import METRICS

# Invented; no corpus has a part in them.
EXAMPLE_TEXTS = (
    "I like to walk in the park every day because it is good for health and I can see many dogs.",
    "Although commuting by train takes longer, it leaves me time to read, which I would not trade for anything.",
)
_ORDER = ["license", "language", "library_name", "pipeline_tag", "base_model", "datasets", "tags", "metrics"]


@dataclass(frozen=True)
class CardOptions:
    """What a person says of a model, as ``write_card`` takes it; names on the Hub are checked."""

    repo_id: str | None = None
    language: str | list[str] | None = "en"
    license: str | None = "apache-2.0"
    base_model: Sequence[str] = ()
    datasets: Sequence[str] = ()
    tags: Sequence[str] = ()
    model_name: str | None = None
    dataset_name: str | None = None
    dataset_args: Any = None
    pipeline_tag: str = "text-classification"
    icnale: bool | None = None
    num_resamples: int = NUM_RESAMPLES

    @property
    def dataset(self) -> str | None:
        """The one name of the data on the Hub; None where there are several or none."""
        return self.datasets[0] if len(self.datasets) == 1 else None


def as_list(given: str | Sequence[str] | None) -> list[str]:
    """One name, several or none, as a list."""
    return [given] if isinstance(given, str) else list(given or ())


def is_on_hub(name: str, folder: Path | None = None) -> bool:
    """Whether a name may be one on the Hub: none of a path here, or below one of the folders around ``folder``."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    around = [Path.cwd(), *(folder.resolve().parents if folder else ())]
    return not any((root / name).exists() for root in around)


def hub_ids(what: str, given: str | Sequence[str] | None) -> list[str]:
    """The names as a list; a ValueError for a path, or what has not the form of a name on the Hub."""
    names = as_list(given)
    for name in names:
        if not is_on_hub(name):
            raise ValueError(
                f"{what}={name!r} is no name on the Hub, and a path of this machine tells others nothing: give "
                "'user/name', or leave it out."
            )
    return names


def card_metadata(facts: Facts, results: Sequence[SplitResult], options: CardOptions) -> str:
    """The YAML, with the results of each split as the model decides in ``model-index``."""
    # Nothing in the index would tell what stands beside a split (largest logit, whole groups) from its own results.
    evaluations = [
        _eval_result(metric, value, of_split, facts, options)
        for of_split in results
        for metric, value in _finite(of_split).items()
    ]
    texts = EXAMPLE_TEXTS if "en" in as_list(options.language) and options.pipeline_tag == "text-classification" else ()
    metadata = ModelCardData(
        language=options.language or None,
        license=options.license,
        library_name="transformers" if facts.adapter is None else "peft",
        pipeline_tag=options.pipeline_tag,
        base_model=list(options.base_model) or None,
        datasets=list(options.datasets) or None,
        metrics=list(dict.fromkeys(evaluation.metric_type for evaluation in evaluations)) or None,
        tags=_tags(facts, options),
        widget=[{"text": text} for text in texts] or None,
        model_name=options.model_name if evaluations else None,  # it stands in model-index alone
        eval_results=evaluations or None,
    )
    return metadata.to_yaml(original_order=_ORDER)


def write_eval_results(folder: Path, results: Sequence[SplitResult], dataset: str | None) -> None:
    """Write ``.eval_results/<dataset>.yaml``, which the Hub shows on the model's page and the dataset's leaderboard."""
    # A leaderboard ranks models, and other models gave cross-validated results.
    first = next((of_split for of_split in results if not of_split.cross_validated), None)
    if dataset is None or first is None:
        return
    entries = [
        EvalResultEntry(dataset, task_id=metric, value=round(value, 6), notes=_notes(first, metric))
        for metric, value in _finite(first).items()
    ]
    if entries:
        text = yaml_dump(eval_result_entries_to_yaml(entries), sort_keys=False)
        write_text(folder / ".eval_results" / f"{dataset.replace('/', '--')}.yaml", text)


def _notes(results: SplitResult, metric: str) -> str:
    notes = [f"{results.split} split"]
    if results.num_rows is not None:
        notes.append(f"{results.num_rows} rows")
    found = results.scores.intervals.get(metric) if results.scores is not None else None
    if found is not None and math.isfinite(found.low) and math.isfinite(found.high):
        notes.append(f"95 % bootstrap interval {found.low:.4f} to {found.high:.4f} over {results.resampled}")
    return ", ".join(notes)


def _finite(results: SplitResult) -> dict[str, float]:
    """Our metrics in their order, then the others; an undefined one has no place in metadata."""
    ours = {name: results.metrics[name] for name in METRICS if name in results.metrics}
    return {k: v for k, v in (ours | results.other_metrics).items() if math.isfinite(v)}


def _eval_result(metric: str, value: float, results: SplitResult, facts: Facts, options: CardOptions) -> EvalResult:
    args = {} if results.num_rows is None else {"num_rows": results.num_rows}
    if options.dataset_args is not None:
        args["args"] = options.dataset_args
    return EvalResult(
        task_type=options.pipeline_tag,
        task_name=options.pipeline_tag.replace("-", " ").capitalize(),
        dataset_type=options.dataset or "unpublished",
        dataset_name=options.dataset_name or options.dataset or "Held-out rows",
        dataset_config=facts.settings.get("dataset_config_name"),
        dataset_split=results.split,
        dataset_args=args or None,
        metric_type=metric,
        metric_name=metric.replace("_", " ") + (", cross-validated" if results.cross_validated else ""),
        metric_value=round(value, 6),
    )


def _tags(facts: Facts, options: CardOptions) -> list[str]:
    tags = ["blv_trainer", "ordinal-classification", "class-imbalance"]
    if loss := facts.loss.get("name"):
        tags.append(str(loss))
    if options.icnale:
        tags += ["automated-speaking-assessment", "learner-english", "cefr"]
    return list(dict.fromkeys([*tags, *options.tags]))
