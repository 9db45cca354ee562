"""``blv-trainer train``: one run on labelled texts."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blv_trainer.arguments import CorpusArguments, DataArguments, DecisionArguments, ModelArguments
from blv_trainer.checks import check_hub
from blv_trainer.cli import flags
from blv_trainer.cli.data_summary import print_summary
from blv_trainer.cli.labelled_data import load_data, parse_weights
from blv_trainer.cli.notes import quieten
from blv_trainer.presets import FROZEN_TRAINING, QUICK_TRAINING

# What differs from TrainingArguments' own defaults, and why.
DEFAULTS = {
    "loss": "sord",  # with a tuned decision none did better that loses no accuracy (docs/evidence.md)
    "num_train_epochs": 20,  # as in the paper
    "learning_rate": 1e-5,  # as in the paper
    "per_device_train_batch_size": 8,  # the paper's 4 x 2 accumulation gives the same gradient in two passes
    "per_device_eval_batch_size": 32,
    "train_sampling_strategy": "group_by_length",  # little padding: twice the speed on texts of mixed length
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "save_total_limit": 1,
    "report_to": ["none"],
    "seed": 42,
}
_OF_BEGUN = {"config.yaml", "run.json", "comparison.json", "unusable_rows.csv"}


@dataclass
class TrainArguments:
    """Where defaults come from."""

    preset: Literal["paper", "quick"] = field(
        default="paper",
        metadata={
            "help": "Defaults of the other flags. paper: BERT base, 20 epochs, a day for 1,800 essays on a processor; "
            "quick: a small encoder, 256 tokens, at most 5 epochs, the one with the best QWK kept."
        },
    )


PARTS = (TrainArguments, CorpusArguments, DataArguments, DecisionArguments, ModelArguments)


def add_parser(subparsers) -> None:
    """Register the verb; its flags come from dataclasses, so it reads them itself."""
    parser = subparsers.add_parser("train", help="train a classifier on labelled texts", add_help=False)
    parser.set_defaults(run=run, rest=[])


def build_parser(words: list[str], defaults: dict[str, Any], *, verb: str = "train"):
    """The parser of all flags: data, model, decision and ``BLVTrainingArguments``."""
    return flags.dataclass_parser(
        verb,
        PARTS,
        words,
        usage="--train_file FILE | --dataset_name NAME | --data_dir DIR, --output_dir DIR [FLAGS]",
        description="Train a classifier on labelled texts; tune a decision and fold it in; evaluate it, the largest "
        "logit's answers beside; write model, metrics and predictions. Given again after it was stopped, the same "
        "command goes on from its last whole checkpoint.",
        defaults=DEFAULTS | defaults,
    )


def all_flags() -> set[str]:
    """Names of all flags but the preset, which other flags make up for."""
    return {action.dest for action in build_parser([], {})._actions} - {"preset"}


def run(args) -> int:
    """Train, evaluate, write; 0 when done."""
    parser, (_, corpus_args, data_args, decision_args, model_args), settings = parse(args.rest)
    checkpoint = settings.get("resume_from_checkpoint") or "true"
    if checkpoint.lower() not in ("true", "false") and not Path(checkpoint).is_dir():
        raise ValueError(f"--resume_from_checkpoint {checkpoint} is no folder: give OUTPUT_DIR/checkpoint-NUMBER.")
    data = load_data(corpus_args, data_args, seed=settings["seed"], hold_out=not decision_args.folds)
    print_summary(data)
    check_hub(model_args.model_name_or_path, "--model_name_or_path")
    training_args = flags.training_arguments(parser, settings)

    from blv_trainer.cli.terminal_tables import format_metrics
    from blv_trainer.experiments import refuse_used_folder

    quieten(training_args)
    with own_folder(training_args):
        refuse_used_folder(training_args)
        metrics = _train(data, corpus_args, data_args, decision_args, model_args, training_args)
    if training_args.should_save:
        splits = {split: values for split, values in metrics.items() if split != "train"}
        nothing = "Nothing was evaluated: there are no validation or test rows."
        print(format_metrics(splits, data.names) if splits else nothing)
        if "validation_raw" in splits and decision_args.decision == "tuned" and not decision_args.folds:
            print("\nTuned on these validation rows, the decision is flattered by them: --folds or test rows say more.")
        print(f"\nModel, metrics.json, predictions.parquet, config.yaml and report/ are in {training_args.output_dir}")
    return 0


def parse(words: list[str], *, verb: str = "train") -> tuple[Any, Any, dict[str, Any]]:
    """The parser, the arguments of ``PARTS`` and the settings of the training.

    Flags win over ``--config``, which wins over ``--freeze_encoder``'s defaults and these over the preset's.
    """
    found = flags.peek(build_parser(words, {}), words)
    defaults = {"quick": QUICK_TRAINING, "paper": {}}[found.preset]
    parser = build_parser(words, {**defaults, **(FROZEN_TRAINING if found.freeze_encoder else {})}, verb=verb)
    return parser, *flags.parse_dataclasses(parser, PARTS, words)


@contextmanager
def own_folder(training_args: Any) -> Iterator[None]:
    """Holds the output folder; where a setting is refused, removes what a run that was only begun has written."""
    from blv_trainer.files import only_run_in

    folder, is_first = Path(training_args.output_dir), training_args.process_index == 0
    with only_run_in(folder, active=is_first):
        before = {*folder.rglob("*")}
        try:
            yield
        except (ValueError, TypeError, FileNotFoundError):
            new = sorted({*folder.rglob("*")} - before, reverse=True)  # a folder after what is in it
            if is_first and {path.name for path in new if path.is_file()} <= _OF_BEGUN:
                for path in new:
                    path.rmdir() if path.is_dir() else path.unlink()
            raise


def _train(data, corpus_args, data_args, decision_args, model_args, training_args):
    """Metrics of a run that is begun, or gone on with where it was stopped."""
    from blv_trainer.arguments import changed_settings
    from blv_trainer.cli.terminal_tables import write_unusable
    from blv_trainer.experiments import check_folds, join_splits, train_decided, write_model_report
    from blv_trainer.run_folder import write_config

    folds = decision_args.folds or 0
    dataset, tests = data.dataset, {}
    if folds:
        tests = {} if corpus_args.data_dir else {"test": dataset.pop("test")} if "test" in dataset else {}
        dataset = join_splits(dataset, by="id" if corpus_args.data_dir else None)
        dataset.update(tests)
        check_folds(dataset["train"], folds, data.group_column)
    if "validation" not in dataset and not training_args.load_best_model_at_end:
        training_args.eval_strategy = "no"
    decision_args.decision = decision_args.decision or ("tuned" if folds or "validation" in dataset else "raw")
    if decision_args.tune_for and decision_args.decision != "tuned":
        print(f"--tune_for is not used: --decision {decision_args.decision} tunes nothing.", file=sys.stderr)
    if training_args.should_save:
        write_unusable(data.unusable, Path(training_args.output_dir))
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
    if training_args.should_save:
        texts = {split: rows["text"] for split, rows in dataset.items()}
        texts["out_of_fold"] = texts["train"]
        named = {"group_column": data.group_column, "subgroup_columns": data_args.subgroup_columns}
        write_model_report(training_args.output_dir, texts, source=data.source, **named)
    return metrics
