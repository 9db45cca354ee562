"""``blv-trainer train``: one run on labelled texts."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from blv_trainer.cli.config import dataclass_parser, parse_dataclasses

# What differs from TrainingArguments' own defaults, and why.
DEFAULTS = {
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


def build_parser():
    """The parser of all flags: data, model and ``BLVTrainingArguments``."""
    from blv_trainer.arguments import BLVTrainingArguments, DataArguments, ModelArguments

    return dataclass_parser(
        "train",
        [DataArguments, ModelArguments, BLVTrainingArguments],
        usage="--train_file FILE | --dataset_name NAME, --output_dir DIR [FLAGS]",
        description="Train a classifier on labelled texts; evaluate it; write model, metrics and predictions. Given "
        "again after it was stopped, the same command goes on from its last whole checkpoint.",
        defaults=DEFAULTS,
    )


def run(args) -> int:
    """Train, evaluate, write; 0 when done."""
    data_args, model_args, training_args = parse_dataclasses(build_parser(), args.rest)

    from blv_trainer.cli.terminal_tables import format_metrics
    from blv_trainer.experiments import refuse_used_folder
    from blv_trainer.files import only_run_in

    with only_run_in(training_args.output_dir, active=training_args.process_index == 0):
        refuse_used_folder(training_args)
        metrics, names = _train(data_args, model_args, training_args)
    if training_args.should_save:
        splits = {split: values for split, values in metrics.items() if split != "train"}
        print(format_metrics(splits, names))
        print(f"\nModel, metrics.json, predictions.parquet and config.yaml are in {training_args.output_dir}")
    return 0


def _train(data_args, model_args, training_args):
    """Metrics and label names of a run that is begun, or gone on with where it was stopped."""
    from blv_trainer.arguments import changed_settings
    from blv_trainer.cli.terminal_tables import write_unusable
    from blv_trainer.corpora import load_table
    from blv_trainer.experiments import resume_or_begin, train_and_evaluate
    from blv_trainer.run_folder import write_config

    data = load_table(**dataclasses.asdict(data_args), seed=training_args.seed)
    if "validation" not in data.dataset:
        training_args.eval_strategy = "no"
    resume_or_begin(data.dataset, data.label_names, model_args, training_args)
    if training_args.should_save:
        changed = changed_settings(training_args, always={"output_dir", "loss", "loss_kwargs", "seed", *DEFAULTS})
        changed.pop("resume_from_checkpoint", None)  # it is about this process, not about the run
        given = (dataclasses.asdict(data_args), dataclasses.asdict(model_args), changed)
        path = write_config(training_args.output_dir, "train", *given)
        print(f"Settings: {path}", file=sys.stderr)
        write_unusable(data.unusable, Path(training_args.output_dir))
    metrics = train_and_evaluate(data.dataset, data.label_names, model_args=model_args, training_args=training_args)
    return metrics, data.label_names
