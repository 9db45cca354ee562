"""One model to keep: trained, decided on rows that it did not see, the decision folded in."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from datasets import DatasetDict

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments, output_folder
from blv_trainer.decision import POWERS
from blv_trainer.experiments import runs
from blv_trainer.experiments.comparison import Plan, make_runs, refuse_other_runs, shared_settings
from blv_trainer.experiments.decisions import Answers, Choice, Decided, Found, choice, cross_fitted
from blv_trainer.experiments.folds import cut_validation, out_of_fold
from blv_trainer.experiments.frozen import FEATURES_FOLDER, head_learner, pooled_features
from blv_trainer.experiments.methods import Method, parse_method
from blv_trainer.experiments.progress import with_time_left
from blv_trainer.experiments.single_run import Learner, refuse_used_folder, text_learner, train_and_evaluate
from blv_trainer.run_folder import RUN_FILE, read_config, write_config
from blv_trainer.training import count_classes

logger = logging.getLogger(__name__)

WINNER_FILE = "winner.yaml"
FOLDS_FOLDER = "folds"
_FEW_ROWS = 200  # below, one tuning in twenty loses 3 to 12 points of accuracy on other rows (docs/evidence.md)


def train_decided(
    dataset: DatasetDict,
    names: Sequence[str],
    *,
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    decision: str = "raw",
    tune_for: Mapping[str, float] | None = None,
    num_folds: int = 0,
    group_column: str | None = None,
    freeze_encoder: bool = False,
    on_run: Callable[[str], None] | None = None,
) -> dict[str, dict[str, float]]:
    """Train a model on "train", fold a decision into it, and judge it with the largest logit's answers beside.

    A tuned decision is chosen on the validation rows, or with folds on the logits that each row gets from a model that
    did not see its group; then "train" holds all rows, and the final model is trained on all of them (but for a tenth
    where the best checkpoint is asked for). Their judgement, each fold decided by the others, stands under
    "out_of_fold". A run that was stopped goes on, its folds too.

    Args:
        dataset: "train", and "validation" and "test" as far as there are any, with columns ``text`` and ``label``.
        names: the labels, lowest first.
        model_args: which model.
        training_args: how; ``output_dir`` is where, and with folds ``folds/fold_<k>/`` in it.
        decision: "raw", "consistent", "tuned", or the name of a metric, for what theory says is best for it.
        tune_for: weights of the metrics that a tuned decision is chosen for; None for "balanced", as ``tune`` has it.
        num_folds: 0 for none.
        group_column: whose answers belong together: they share a fold, and are decided as a whole besides; or None.
        freeze_encoder: train the head alone on features that are computed once.
        on_run: called with a line of progress before each fold.

    Returns:
        Metrics by split, as ``metrics.json`` has them: ``<split>``, ``<split>_raw``, ``<split>_by_group``.

    Raises:
        ValueError: nothing to tune on; folds that are not possible; what ``train_and_evaluate`` refuses.
        FileExistsError: the output folder already holds a finished run, or one with other settings.
    """
    refuse_used_folder(training_args)
    method = Method(training_args.loss, cast(dict[str, Any], training_args.loss_kwargs or {}))
    counts = count_classes(dataset["train"], len(names))
    choose = choice(
        decision,
        loss=partial(method.build, counts),
        class_counts=counts,
        metric=tune_for or "balanced",
        powers=(0.0,) if model_args.head == "stock" else POWERS,  # a stock head holds no cost
    )
    _check(dataset, model_args, training_args, decision, choose, num_folds=num_folds, freeze_encoder=freeze_encoder)
    cache_dir = output_folder(training_args) / FEATURES_FOLDER
    out_of_fold_rows, chosen = None, None
    if num_folds:
        plan = Plan([method], [training_args.seed], model_args, training_args, num_folds, group_column, freeze_encoder)
        plan = dataclasses.replace(plan, num_train_predictions=0)
        answers, folds = _make_folds(DatasetDict(train=dataset["train"]), names, plan, cache_dir, on_run)
        out_of_fold_rows = (dataset["train"], answers.logits, *cross_fitted(choose, answers, folds)[1:])
        chosen = choose(answers)
        if training_args.load_best_model_at_end:  # as in each fold
            cut = cut_validation(dataset["train"], group_column, seed=training_args.seed)
            dataset = DatasetDict({**dataset, **{split: dataset["train"].select(own) for split, own in cut.items()}})
    _resume_or_begin(dataset, names, model_args, training_args, freeze_encoder=freeze_encoder)
    learn: Callable[..., Learner] = text_learner
    if freeze_encoder:
        with training_args.main_process_first(local=False):
            learn = partial(head_learner, pooled_features(dataset, model_args, cache_dir))

    def decide(found: Mapping[str, Found]) -> Decided:
        tuned_on = Answers.of(*found["validation"], group_column) if "validation" in found else None
        return Decided(chosen or choose(tuned_on), group_column, out_of_fold_rows)

    metrics = train_and_evaluate(
        dataset, names, model_args=model_args, training_args=training_args, learn=with_time_left(learn), decide=decide
    )
    if training_args.should_save:
        shutil.rmtree(cache_dir, ignore_errors=True)
    return metrics


def _check(
    dataset: DatasetDict,
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    decision: str,
    choose: Choice,
    *,
    num_folds: int,
    freeze_encoder: bool,
) -> None:
    """Raise a ValueError for settings that would do nothing or harm; warn of a decision tuned on few rows."""
    if decision == "tuned" and not num_folds and "validation" not in dataset:
        raise ValueError(
            "--decision tuned has nothing to tune on: give --validation_file, --validation_fraction or --folds, or "
            "--decision raw."
        )
    if decision == "tuned" and not num_folds and len(dataset["validation"]) < _FEW_ROWS:
        logger.warning(
            "The decision is tuned on %d validation rows: on so few it may lose points of accuracy on other rows. "
            "--folds 5 tunes it on all training rows.",
            len(dataset["validation"]),
        )
    if freeze_encoder and training_args.push_to_hub:
        raise ValueError(
            "--push_to_hub would publish the head that --freeze_encoder trains, without its encoder: leave it out, and "
            "publish the finished folder with blv-trainer push."
        )
    if training_args.load_best_model_at_end and not num_folds and "validation" not in dataset:
        raise ValueError(
            "--load_best_model_at_end has no rows to find the best on: give --validation_file, --validation_fraction "
            "or --folds."
        )
    if model_args.head == "stock" and decision != "tuned" and choose(None).decision.power > 0:
        raise ValueError(
            f"--decision {decision} weighs errors by their distance, which a stock head cannot hold: give --head "
            "mean_pooled, or --decision tuned."
        )


def _make_folds(
    dataset: DatasetDict, names: Sequence[str], plan: Plan, cache_dir: Path, on_run: Callable[[str], None] | None
) -> tuple[Answers, np.ndarray]:
    """Each row's logits from a model that did not see its group, and the fold of each."""
    folder, shared = output_folder(plan.training_args) / FOLDS_FOLDER, shared_settings(dataset, names, plan)

    def where(method: Method, seed: int, fold: int | None) -> Path:
        return runs.fold_folder(folder, fold)

    refuse_other_runs(plan, where, shared)
    make_runs(dataset, names, plan, where, shared=shared, cache_dir=cache_dir, on_run=on_run)
    with plan.training_args.main_process_first(local=False):  # which writes them
        found, folds = out_of_fold([runs.fold_folder(folder, fold) for fold in plan.folds])
    return Answers.of(dataset["train"], found.logits, plan.group_column), folds


def _resume_or_begin(
    dataset: DatasetDict,
    names: Sequence[str],
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    *,
    freeze_encoder: bool,
) -> None:
    """Let a run go on where it was stopped, if the output folder holds one of the same data, model and settings."""
    if training_args.resume_from_checkpoint:
        return
    settings = runs.run_settings(dataset, names, model_args, training_args, freeze_encoder=freeze_encoder)
    settings |= {name: getattr(training_args, name) for name in ("loss", "loss_kwargs", "seed")}
    with training_args.main_process_first(local=False):
        training_args.resume_from_checkpoint = runs.begin(
            output_folder(training_args), settings, chosen_by_user=True, num_processes=training_args.world_size
        )


def write_winner(output_dir: str | Path, analysis: Mapping[str, Any], flags: Collection[str]) -> Path:
    """Write ``winner.yaml``, with which ``train --config`` trains a comparison's chosen row on all rows.

    Finished folds of the first seed, and the features of a frozen encoder, are copied to where that run looks for
    them, so that it trains the final model alone.

    Args:
        output_dir: of the comparison.
        analysis: what its ``results.json`` holds.
        flags: the names of train's flags; other settings of the comparison are left out.

    Returns:
        The file.
    """
    chosen, seed = analysis["rows"][analysis["chosen"]], analysis["seeds"][0]
    method, folder = parse_method(chosen["method"]), Path(output_dir, "winner")
    settings = {name: value for name, value in read_config(Path(output_dir)).items() if name in flags}
    if chosen["decision"] != "tuned":
        settings.pop("tune_for", None)
    own = {
        "loss": method.loss,
        "loss_kwargs": dict(method.options) or None,
        "decision": chosen["decision"],
        "seed": seed,
        "folds": analysis["num_folds"] or None,
        "output_dir": str(folder),
    }
    if not (folder / RUN_FILE).exists():  # a run that was begun keeps its own
        for name, source in {
            FOLDS_FOLDER: runs.folder_of(output_dir, method, seed),
            FEATURES_FOLDER: Path(output_dir, FEATURES_FOLDER),
        }.items():
            shutil.rmtree(folder / name, ignore_errors=True)
            if analysis["num_folds"] and source.is_dir():
                shutil.copytree(source, folder / name)
    return write_config(output_dir, "train", settings, own, name=WINNER_FILE)
