"""Methods x seeds on one dataset: every run that is not finished is made, resumed or left alone."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import DatasetDict

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.experiments import runs
from blv_trainer.experiments.frozen import pooled_features, train_head_and_evaluate
from blv_trainer.experiments.methods import Method
from blv_trainer.experiments.single_run import train_and_evaluate
from blv_trainer.files import write_json
from blv_trainer.run_folder import COMPARISON_FILE, METRICS_FILE, write_config
from blv_trainer.training import count_classes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is compared, and how each run is made.

    Args:
        methods: the losses; the first is the one that the others are compared with.
        seeds: one run of each method for each.
        model_args: which model.
        training_args: settings of every run but loss, seed and output folder.
        freeze_encoder: train the head alone on features that are computed once.
        keep_models: keep the weights of finished runs.
        num_train_predictions: training rows whose logits the first seed's runs keep, for the t-SNE.
    """

    methods: Sequence[Method]
    seeds: Sequence[int]
    model_args: ModelArguments
    training_args: BLVTrainingArguments
    freeze_encoder: bool = False
    keep_models: bool = False
    num_train_predictions: int = 4000


def compare(
    dataset: DatasetDict,
    names: Sequence[str],
    plan: Plan,
    output_dir: str | Path,
    *,
    description: dict[str, Any] | None = None,
    config: Sequence[Mapping[str, Any]] = (),
    on_run: Callable[[str], None] | None = None,
) -> None:
    """Make every run of a plan that is not finished yet.

    A finished run is kept, an interrupted one goes on from its last whole checkpoint, or starts again where there is
    none; both give the same predictions as a run that nobody interrupted.

    Args:
        dataset: "train", "validation" and "test" with columns ``text`` and ``label``.
        names: the labels, lowest first.
        plan: what to do.
        output_dir: gets ``comparison.json`` and ``runs/<method>/seed_<n>/``.
        description: further facts for the report, in plain types, such as ``{"notes": [...], "command": "..."}``.
        config: the settings of ``config.yaml``, by the names of the command line's flags.
        on_run: called with a line of progress before each run and after the last.

    Raises:
        ValueError: a finished run was made with other settings; what the trainer refuses.
        FileExistsError: a run's folder holds something else.
    """
    say = on_run or logger.info
    shared = runs.run_settings(dataset, names, plan.model_args, plan.training_args, freeze_encoder=plan.freeze_encoder)
    _refuse_other_runs(shared, plan, output_dir)
    todo = [(method, seed) for seed in plan.seeds for method in plan.methods]
    if plan.training_args.should_save:
        counts = {split: count_classes(rows, len(names)) for split, rows in dataset.items()}
        facts = {"label_names": list(names), "class_counts": counts, "seeds": list(plan.seeds)}
        methods = [method.spec for method in plan.methods]
        write_json(Path(output_dir, COMPARISON_FILE), {**facts, "methods": methods, **(description or {})})
        write_config(output_dir, "compare", *config)
    unfinished = [pair for pair in todo if not runs.is_finished(runs.folder_of(output_dir, *pair))]
    features = None
    if plan.freeze_encoder and unfinished:
        with plan.training_args.main_process_first(local=False):
            features = pooled_features(dataset, plan.model_args, Path(output_dir, "features"))
    for k, (method, seed) in enumerate(todo, start=1):
        folder = runs.folder_of(output_dir, method, seed)
        say(f"[{k}/{len(todo)}] {method.title}, seed {seed}{'' if (method, seed) in unfinished else ': finished'}")
        if (method, seed) in unfinished:
            settings = {**shared, "method": method.spec, "seed": seed}
            _run_once(dataset, names, plan, method, seed, folder, settings=settings, features=features)
        if plan.training_args.should_save:
            runs.drop_weights(folder, checkpoints_only=plan.keep_models)


def _refuse_other_runs(shared: dict[str, Any], plan: Plan, output_dir: str | Path) -> None:
    """Raise an error where a folder holds results that do not belong to the plan."""
    if (Path(output_dir) / METRICS_FILE).exists():
        raise FileExistsError(
            f"{output_dir} holds a single run ({METRICS_FILE}), no comparison: choose another --output_dir."
        )
    for method in plan.methods:
        for seed in plan.seeds:
            folder = runs.folder_of(output_dir, method, seed)
            if runs.is_finished(folder):
                runs.refuse_changed_settings(folder, {**shared, "method": method.spec, "seed": seed})


def _run_once(
    dataset: DatasetDict,
    names: Sequence[str],
    plan: Plan,
    method: Method,
    seed: int,
    folder: Path,
    *,
    settings: dict[str, Any],
    features: Mapping[str, np.ndarray] | None = None,
) -> dict[str, dict[str, float]]:
    """One run in ``folder``, resumed where it was interrupted; returns its metrics by split."""
    args = copy.copy(plan.training_args)
    args.output_dir, args.seed = str(folder), seed
    args.loss, args.loss_kwargs = method.loss, dict(method.options)
    with args.main_process_first(local=False):
        args.resume_from_checkpoint = runs.begin(folder, settings, chosen_by_user=False, num_processes=args.world_size)
    common: dict[str, Any] = {
        "model_args": plan.model_args,
        "training_args": args,
        "quiet": True,
        "num_train_predictions": plan.num_train_predictions if seed == plan.seeds[0] else 0,
    }
    if features is None:
        return train_and_evaluate(dataset, names, **common)
    return train_head_and_evaluate(features, dataset, names, keep_model=plan.keep_models, **common)
