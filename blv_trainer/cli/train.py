"""``blv-trainer train``: one run on labelled texts."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from blv_trainer.cli.config import apply_config, dataclass_parser, parse_dataclasses
from blv_trainer.cli.labelled_data import load_data, parse_weights
from blv_trainer.cli.notes import quieten

# What differs from TrainingArguments' own defaults, and why.
DEFAULTS = {
    "loss": "cross_entropy",  # with a tuned decision no loss was found that beats it (docs/losses.md)
    "num_train_epochs": 20,  # as in the paper
    "learning_rate": 1e-5,  # as in the paper
    "per_device_train_batch_size": 8,  # the paper's 4 x 2 accumulation gives the same gradient in two passes
    "per_device_eval_batch_size": 32,
    "train_sampling_strategy": "group_by_length",  # little padding: twice the speed on texts of mixed length
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "save_total_limit": 1,
    "report_to": ["none"],
}


def add_parser(subparsers) -> None:
    """Register the verb; its flags come from dataclasses that take seconds to import, so they wait until it runs."""
    parser = subparsers.add_parser("train", help="train a classifier on labelled texts", add_help=False)
    parser.set_defaults(run=run, rest=[])


def build_parser(defaults: dict[str, Any] | None = None):
    """The parser of all flags: data, model, decision and ``BLVTrainingArguments``."""
    from blv_trainer import arguments

    kinds = [arguments.CorpusArguments, arguments.DataArguments, arguments.DecisionArguments]
    return dataclass_parser(
        "train",
        [*kinds, arguments.ModelArguments, arguments.BLVTrainingArguments],
        usage="--train_file FILE | --dataset_name NAME | --data_dir DIR, --output_dir DIR [FLAGS]",
        description="Train a classifier on labelled texts; tune a decision and fold it in; evaluate it, the largest "
        "logit's answers beside; write model, metrics and predictions. Given again after it was stopped, the same "
        "command goes on from its last whole checkpoint.",
        defaults=DEFAULTS | (defaults or {}),
    )


def all_flags() -> list[str]:
    """Names of all flags."""
    return [action.dest for action in build_parser()._actions]


def run(args) -> int:
    """Train, evaluate, write; 0 when done."""
    corpus_args, data_args, decision_args, model_args, training_args = _parse(args.rest)
    _check_decision(decision_args.decision)

    from blv_trainer.cli.terminal_tables import format_metrics
    from blv_trainer.experiments import refuse_used_folder
    from blv_trainer.files import only_run_in

    quieten(training_args)
    with only_run_in(training_args.output_dir, active=training_args.process_index == 0):
        refuse_used_folder(training_args)
        metrics, names = _train(corpus_args, data_args, decision_args, model_args, training_args)
    if training_args.should_save:
        splits = {split: values for split, values in metrics.items() if split != "train"}
        print(
            format_metrics(splits, names) if splits else "Nothing was evaluated: there are no validation or test rows."
        )
        print(f"\nModel, metrics.json, predictions.parquet and config.yaml are in {training_args.output_dir}")
    return 0


def _parse(words: list[str]):
    """The arguments; ``--freeze_encoder``, on the line or in ``--config``, brings defaults of its own."""
    from blv_trainer.experiments import FROZEN_TRAINING

    first = build_parser()
    apply_config(first, words)
    frozen = first.parse_known_args(words)[0].freeze_encoder
    return parse_dataclasses(build_parser(FROZEN_TRAINING if frozen else None), words)


def _check_decision(name: str | None) -> None:
    """Raise a ValueError for a decision that there is not, before any data is read."""
    from blv_trainer.decision import optimal

    if name not in (None, "raw", "consistent", "tuned"):
        try:
            optimal(name, [1, 1])
        except ValueError as error:
            raise ValueError(f"--decision {name} is neither raw, consistent nor tuned, and {error}") from error


def _train(corpus_args, data_args, decision_args, model_args, training_args):
    """Metrics and label names of a run that is begun, or gone on with where it was stopped."""
    from blv_trainer.arguments import changed_settings
    from blv_trainer.experiments import check_folds, join_splits, train_decided
    from blv_trainer.run_folder import write_config

    folds = decision_args.folds or 0
    data = load_data(corpus_args, data_args, training_args, hold_out=not folds)
    dataset, tests = data.dataset, {}
    if folds:
        tests = {} if corpus_args.data_dir else {"test": dataset.pop("test")} if "test" in dataset else {}
        dataset = join_splits(dataset, by="id" if corpus_args.data_dir else None)
        dataset.update(tests)
        check_folds(dataset["train"], folds, data.group_column)
    if "validation" not in dataset and not training_args.load_best_model_at_end:
        training_args.eval_strategy = "no"
    decision_args.decision = decision_args.decision or ("tuned" if folds or "validation" in dataset else "raw")
    if training_args.should_save:
        changed = changed_settings(training_args, always={"output_dir", "loss", "loss_kwargs", "seed", *DEFAULTS})
        changed.pop("resume_from_checkpoint", None)  # it is about this process, not about the run
        parts = (corpus_args, data_args, decision_args, model_args)
        path = write_config(training_args.output_dir, "train", *map(dataclasses.asdict, parts), changed)
        print(f"Settings: {path}", file=sys.stderr)
    metrics = train_decided(
        dataset,
        data.names,
        model_args=model_args,
        training_args=training_args,
        decision=decision_args.decision,
        tune_for=parse_weights(decision_args.tune_for),
        num_folds=folds,
        group_column=data.group_column,
        freeze_encoder=decision_args.freeze_encoder,
        on_run=print if training_args.should_save else None,
    )
    return metrics, data.names
