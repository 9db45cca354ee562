"""Methods x seeds x folds on one dataset: every run that is not finished is made, resumed or left alone."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from transformers.trainer_utils import IntervalStrategy

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.experiments import runs
from blv_trainer.experiments.folds import assign_folds, fold_dataset
from blv_trainer.experiments.frozen import FEATURES_FOLDER, head_learner, pooled_features
from blv_trainer.experiments.methods import Method
from blv_trainer.experiments.progress import in_words, with_time_left
from blv_trainer.experiments.single_run import Learner, text_learner, train_and_evaluate
from blv_trainer.files import write_json
from blv_trainer.run_folder import COMPARISON_FILE, METRICS_FILE, read_json, write_config
from blv_trainer.training import check_every_class, count_classes

logger = logging.getLogger(__name__)

Run = tuple[Method, int, int | None]  # with its seed and its fold, None where there are no folds


@dataclass(frozen=True)
class Plan:
    """What is compared, and how each run is made.

    Args:
        methods: the losses; the first is the one that the others are compared with.
        seeds: one run of each method for each, or one of each fold.
        model_args: which model.
        training_args: settings of every run but loss, seed and output folder.
        num_folds: of cross-validation; 0 to train on "train" and test on "test".
        group_column: whose answers belong together, so that they share a fold; None for no column.
        freeze_encoder: train the head alone on features that are computed once.
        keep_models: keep the weights of finished runs.
        num_train_predictions: training rows whose logits the first seed's runs keep, for the t-SNE.
    """

    methods: Sequence[Method]
    seeds: Sequence[int]
    model_args: ModelArguments
    training_args: BLVTrainingArguments
    num_folds: int = 0
    group_column: str | None = None
    freeze_encoder: bool = False
    keep_models: bool = False
    num_train_predictions: int = 4000

    def __post_init__(self) -> None:
        if self.num_folds and not self.training_args.load_best_model_at_end:  # no validation rows are spent
            object.__setattr__(self, "training_args", copy.copy(self.training_args))
            self.training_args.eval_strategy = IntervalStrategy.NO

    @property
    def folds(self) -> Sequence[int | None]:
        """Numbers of the folds; one None where there are none."""
        return range(self.num_folds) if self.num_folds else (None,)


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
        dataset: with columns ``text`` and ``label``: "train", "validation" and "test", or for folds "train" alone.
        names: the labels, lowest first.
        plan: what to do.
        output_dir: gets ``comparison.json`` and ``runs/<method>/seed_<n>/``, with ``fold_<k>/`` in it for folds.
        description: further facts for the report, in plain types, such as ``{"notes": [...], "command": "..."}``.
        config: the settings of ``config.yaml``, by the names of the command line's flags.
        on_run: called with a line of progress before each run and after the last.

    Raises:
        ValueError: a finished run was made with other settings or on other rows; what the trainer refuses.
        FileExistsError: a run's folder holds something else.
    """
    if (Path(output_dir) / METRICS_FILE).exists():
        raise FileExistsError(
            f"{output_dir} holds a single run ({METRICS_FILE}), no comparison: choose another --output_dir."
        )
    shared, where = shared_settings(dataset, names, plan), partial(runs.folder_of, output_dir)
    counts = {split: count_classes(rows, len(names)) for split, rows in dataset.items()}
    for method in plan.methods:
        check_every_class(method.loss, counts["train"], dict(enumerate(names)))
    refuse_other_runs(plan, where, shared)
    before = read_json(Path(output_dir, COMPARISON_FILE)) or {}
    if before and (before["label_names"], before["class_counts"]) != (list(names), counts):
        raise ValueError(f"{output_dir} holds a comparison on other rows or splits: choose another --output_dir.")
    if plan.training_args.should_save:
        facts: dict[str, Any] = {"label_names": list(names), "class_counts": counts, "seeds": list(plan.seeds)}
        facts |= {"num_folds": plan.num_folds, "group_column": plan.group_column}
        facts |= {"methods": [method.spec for method in plan.methods], **(description or {})}
        write_json(Path(output_dir, COMPARISON_FILE), facts)
        write_config(output_dir, "compare", *config)
    make_runs(dataset, names, plan, where, shared=shared, cache_dir=Path(output_dir, FEATURES_FOLDER), on_run=on_run)


def refuse_other_runs(plan: Plan, where: Callable[[Method, int, int | None], Path], shared: Mapping[str, Any]) -> None:
    """Raise a ValueError where a finished run was made with other settings than the plan's."""
    for run in _all_runs(plan):
        if runs.is_finished(where(*run)):
            runs.refuse_changed_settings(where(*run), _settings(shared, run))


def make_runs(
    dataset: DatasetDict,
    names: Sequence[str],
    plan: Plan,
    where: Callable[[Method, int, int | None], Path],
    *,
    shared: Mapping[str, Any],
    cache_dir: Path,
    on_run: Callable[[str], None] | None = None,
) -> None:
    """Make each run that is not finished in the folder ``where`` says; ``shared`` is what ``shared_settings`` gave."""
    say = on_run or logger.info
    todo = _all_runs(plan)
    unfinished = [run for run in todo if not runs.is_finished(where(*run))]
    counts = count_classes(dataset["train"], len(names))  # a fold may lack a class, and all folds have one loss
    features = None
    if plan.freeze_encoder and unfinished:
        with plan.training_args.main_process_first(local=False):
            features = pooled_features(dataset, plan.model_args, cache_dir)
    folds = cache(partial(assign_folds, dataset["train"], plan.num_folds, plan.group_column))  # once a seed
    begun, done = time.monotonic(), 0
    for k, run in enumerate(todo, start=1):
        method, seed, fold = run
        of_fold = "" if fold is None else f", fold {fold + 1} of {plan.num_folds}"
        state = "" if run in unfinished else ": finished"
        if done and not state:
            left = (time.monotonic() - begun) / done * (len(unfinished) - done)
            state = f" ({len(unfinished) - done} runs left, about {in_words(left)})"
        say(f"[{k}/{len(todo)}] {method.title}, seed {seed}{of_fold}{state}")
        if run in unfinished:
            rows, own = dataset, features
            if fold is not None:
                how: dict[str, Any] = {"group_column": plan.group_column, "seed": seed}
                how["with_validation"] = plan.training_args.load_best_model_at_end
                rows, places = fold_dataset(dataset["train"], folds(seed=seed), fold, **how)
                own = features and {split: features["train"][place] for split, place in places.items()}
            learner: Callable[..., Learner] = text_learner if own is None else partial(head_learner, own)
            learn = with_time_left(partial(learner, class_counts=counts))
            _run_once(rows, learn, names, plan, run, where(*run), settings=_settings(shared, run))
            done += 1
        if plan.training_args.should_save:
            runs.drop_weights(where(*run), checkpoints_only=plan.keep_models)


def shared_settings(dataset: DatasetDict, names: Sequence[str], plan: Plan) -> dict[str, Any]:
    """What decides the outcome of all runs of a plan alike."""
    settings = runs.run_settings(
        dataset, names, plan.model_args, plan.training_args, freeze_encoder=plan.freeze_encoder
    )
    return settings | ({"num_folds": plan.num_folds, "group_column": plan.group_column} if plan.num_folds else {})


def _settings(shared: Mapping[str, Any], run: Run) -> dict[str, Any]:
    method, seed, fold = run
    return {**shared, "method": method.spec, "seed": seed, **({} if fold is None else {"fold": fold})}


def _all_runs(plan: Plan) -> list[Run]:
    return [(method, seed, fold) for seed in plan.seeds for method in plan.methods for fold in plan.folds]


def _run_once(
    dataset: DatasetDict,
    learn: Callable[..., Learner],
    names: Sequence[str],
    plan: Plan,
    run: Run,
    folder: Path,
    *,
    settings: dict[str, Any],
) -> None:
    """One run in ``folder``, resumed where it was interrupted."""
    (method, seed, fold), args = run, copy.copy(plan.training_args)
    args.output_dir, args.seed = str(folder), seed
    args.loss, args.loss_kwargs = method.loss, dict(method.options)
    args.push_to_hub = False  # of many runs, none is the one to publish
    with args.main_process_first(local=False):
        args.resume_from_checkpoint = runs.begin(folder, settings, chosen_by_user=False, num_processes=args.world_size)
    shows_train = seed == plan.seeds[0] and fold in (None, 0)
    train_and_evaluate(
        dataset,
        names,
        model_args=plan.model_args,
        training_args=args,
        learn=learn,
        keep_model=plan.keep_models or (not plan.freeze_encoder and fold is None),
        quiet=True,
        num_train_predictions=plan.num_train_predictions if shows_train else 0,
    )
