"""``BLVTrainer.create_model_card``: a card from a trainer in memory and what stands in its output folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from blv_trainer.experiments.runs import conditions
from blv_trainer.hub.card.facts import SETTINGS, Facts, metrics_of_history, read_facts
from blv_trainer.hub.card.options import CardOptions, as_list, hub_ids, is_here, is_hub_id
from blv_trainer.hub.card.write import write_card_of
from blv_trainer.training.loss_choice import describe_loss


def write_trainer_card(
    trainer: Any,
    language: str | None = None,
    license: str | None = None,
    tags: str | list[str] | None = None,
    model_name: str | None = None,
    finetuned_from: str | None = None,
    tasks: str | list[str] | None = None,
    dataset_tags: str | list[str] | None = None,
    dataset: str | list[str] | None = None,
    dataset_args: str | list[str] | None = None,
) -> Path:
    """Write the card of a trainer's model into ``args.output_dir``; the arguments are ``create_model_card``'s.

    Results are those in the folder, or else of the last evaluation (with ``load_best_model_at_end`` of the best one).

    Returns:
        The path of ``README.md``.
    """
    folder = Path(trainer.args.output_dir)
    repo_id = trainer.hub_model_id if is_hub_id(trainer.hub_model_id) else None
    options = CardOptions(
        repo_id=repo_id,
        language=language,
        license=license,
        base_model=hub_ids("finetuned_from", finetuned_from) or _base_model(trainer),
        datasets=hub_ids("dataset_tags", dataset_tags),
        tags=as_list(tags),
        model_name=model_name,
        dataset_name=", ".join(as_list(dataset)) or None,
        dataset_args=dataset_args,
        pipeline_tag=(as_list(tasks) or ["text-classification"])[0],
    )
    return write_card_of(folder, trainer_facts(trainer), options)


def trainer_facts(trainer: Any) -> Facts:
    """What trainer and output folder know together."""
    config = getattr(trainer.model, "config", None)
    known = {} if config is None else config.to_dict()
    if trainer.loss_fn is not None:
        known |= {"class_counts": trainer.class_counts, "training_loss": describe_loss(trainer.loss_fn)}
        known.setdefault("decision", "raw")
    if "architectures" not in known or not known["architectures"]:
        known["architectures"] = [type(trainer.accelerator.unwrap_model(trainer.model)).__name__]
    facts = read_facts(Path(trainer.args.output_dir), config=known)
    args = trainer.args.to_dict()
    return dataclasses.replace(
        facts,
        metrics=facts.metrics or _metrics(trainer),
        settings={name: args[name] for name in SETTINGS if name in args} | facts.settings,
        versions=conditions(),
    )


def _metrics(trainer: Any) -> dict[str, dict[str, float]]:
    sets = trainer.eval_dataset if isinstance(trainer.eval_dataset, dict) else {"": trainer.eval_dataset}
    best_step = trainer.state.best_global_step if trainer.args.load_best_model_at_end else None
    found = metrics_of_history(trainer.state.log_history, splits=sets, best_step=best_step)
    for name, rows in sets.items():
        if (name or "validation") in found and hasattr(rows, "__len__"):
            found[name or "validation"].setdefault("num_rows", len(rows))
    return found


def _base_model(trainer: Any) -> list[str]:
    name = getattr(getattr(trainer.model, "config", None), "_name_or_path", None)
    return [name] if is_hub_id(name) and not is_here(name, Path(trainer.args.output_dir)) else []
