"""``blv-trainer compare``: methods x seeds on one dataset, and a report with intervals and tests."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blv_trainer.cli.config import apply_config, dataclass_parser, parse_dataclasses

# For every preset.
DEFAULTS = {
    "per_device_eval_batch_size": 32,
    "eval_strategy": "epoch",  # learning curves
    "save_strategy": "epoch",  # where an interrupted run resumes
    "save_total_limit": 1,
    "report_to": ["none"],
}
_PAPER = {  # Tsai et al. 2025
    "model_name_or_path": "bert-base-uncased",
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
    "num_train_epochs": 20,
    "learning_rate": 1e-5,
    "classifier_dropout": 0.1,
}
# A linear layer over fixed features needs large steps, and no checkpoints: a run takes seconds.
FROZEN = {
    "per_device_train_batch_size": 64,
    "per_device_eval_batch_size": 1024,
    "gradient_accumulation_steps": 1,
    "num_train_epochs": 30,
    "learning_rate": 1e-2,
    "save_strategy": "no",
}


@dataclass
class CompareArguments:
    """What is compared."""

    preset: Literal["paper", "robust", "demo"] = field(
        default="robust",
        metadata={
            "help": "Defaults of all other flags. paper: as published, split by sample, one seed; robust: the same "
            "with disjoint speakers and five seeds; demo: an invented corpus and a small encoder, three minutes."
        },
    )
    data_dir: str | None = field(default=None, metadata={"help": "Instead of files: the folder of the ICNALE corpus."})
    split_by: Literal["speaker", "sample"] = field(
        default="speaker", metadata={"help": "How the ICNALE corpus is split; by sample, speakers leak into test."}
    )
    transcripts: Literal["human", "whisper"] = field(default="human", metadata={"help": "Texts of the ICNALE corpus."})
    whisper_transcripts: str | None = field(
        default=None, metadata={"help": "Transcripts of the ICNALE corpus that blv-trainer transcribe wrote."}
    )
    whisper_model: str | None = field(
        default=None, metadata={"help": "Whisper model, name or path, that first transcribes what is missing."}
    )
    methods: list[str] | None = field(
        default=None,
        metadata={
            "help": "Losses with options, such as cross_entropy blv:sigma=6,scope=element; the first is the one that "
            "the others are compared with. Default: the paper's four rows."
        },
    )
    seeds: list[int] | None = field(default=None, metadata={"help": "One run of each method for each seed."})
    freeze_encoder: bool = field(
        default=False, metadata={"help": "Train the head alone on features computed once: seconds a run."}
    )
    keep_models: bool = field(default=False, metadata={"help": "Keep the weights of every run."})
    tune_for: list[str] | None = field(
        default=None,
        metadata={
            "help": "Metrics, with weights where wanted, for which decisions are tuned on validation: qwk, or "
            "accuracy=1 macro_accuracy=2. Default: accuracy, macro_accuracy and qwk alike."
        },
    )
    num_resamples: int = field(default=10_000, metadata={"help": "Of each bootstrap and permutation test."})
    tsne_rows: int = field(default=4000, metadata={"help": "Training rows whose logits are shown by t-SNE; 0: none."})
    tsne_iterations: int = field(default=5000, metadata={"help": "Of t-SNE; 0: no t-SNE."})
    num_speakers: int = field(default=200, metadata={"help": "Invented speakers of the demo, four answers each."})
    report_only: bool = field(default=False, metadata={"help": "Make the report again from finished runs."})


def add_parser(subparsers) -> None:
    """Register the verb; its flags come from dataclasses that take seconds to import, so they wait until it runs."""
    parser = subparsers.add_parser("compare", help="compare losses over seeds, with a report", add_help=False)
    parser.set_defaults(run=run, rest=[])


def build_parser(defaults: dict[str, Any] | None = None):
    """The parser of all flags; ``defaults`` are a preset's."""
    from blv_trainer.arguments import BLVTrainingArguments, DataArguments, ModelArguments

    return dataclass_parser(
        "compare",
        [CompareArguments, DataArguments, ModelArguments, BLVTrainingArguments],
        usage="--output_dir DIR --preset demo | --data_dir DIR | --train_file FILE ... [FLAGS]",
        description="Train several losses with several seeds, and report means, intervals, tests and figures. Given "
        "again, the same command goes on where it was interrupted. --seed is that of the split of the data.",
        defaults={**DEFAULTS, **(defaults or {})},
    )


def preset_defaults(preset: str, *, freeze_encoder: bool = False, use_cpu: bool = False) -> dict[str, Any]:
    """What a preset sets."""
    import torch

    from blv_trainer.experiments import invented

    if preset == "demo":
        few = {"tsne_rows": 500, "tsne_iterations": 1000, "num_resamples": 2000}  # so that three minutes are enough
        settings = {**invented.TRAINING, "max_length": invented.MAX_LENGTH, "seeds": [1, 2], **few}
    else:
        shape = {"split_by": "sample", "seeds": [42]} if preset == "paper" else {"seeds": [42, 43, 44, 45, 46]}
        settings = {**_PAPER, "fp16": torch.cuda.is_available() and not use_cpu, **shape}
    return {**settings, **FROZEN} if freeze_encoder else settings


def run(args) -> int:
    """Make what is missing, then the report; 0 when done."""
    compare_args, data_args, model_args, training_args = parse(args.rest)

    from blv_trainer.cli.terminal_tables import format_table
    from blv_trainer.experiments import table_cells, write_report
    from blv_trainer.files import only_run_in

    output_dir = Path(training_args.output_dir)
    _quiet(training_args)
    tune_for = parse_weights(compare_args.tune_for)
    with only_run_in(output_dir, active=training_args.process_index == 0):
        if not compare_args.report_only:
            _make_runs(args.rest, compare_args, data_args, model_args, training_args)
        if training_args.should_save:
            analysis = write_report(
                output_dir,
                tune_for=tune_for,
                num_resamples=compare_args.num_resamples,
                tsne_iterations=compare_args.tsne_iterations,
            )
    if training_args.should_save:
        print()
        print(format_table(*table_cells(analysis)))
        print(f"\nChosen on validation: {analysis['chosen']}. Report: {output_dir / 'report' / 'report.html'}")
    return 0


def parse(words: list[str]):
    """Compare, data, model and training arguments; flags win over ``--config``, which wins over the preset."""
    first = build_parser()
    apply_config(first, words)
    found = first.parse_known_args(words)[0]
    parser = build_parser(preset_defaults(found.preset, freeze_encoder=found.freeze_encoder, use_cpu=found.use_cpu))
    compare_args, data_args, model_args, training_args = parse_dataclasses(parser, words)
    if training_args.loss != "blv" or training_args.loss_kwargs:
        parser.error("--loss and --loss_kwargs are flags of train; compare takes --methods blv:sigma=6 focal ...")
    if training_args.resume_from_checkpoint:
        parser.error("--resume_from_checkpoint is not needed: the same command goes on where it was interrupted.")
    return compare_args, data_args, model_args, training_args


def parse_weights(words: list[str] | None) -> dict[str, float] | None:
    """Read ``--tune_for``: metrics, each with ``=weight`` or without."""
    if words is None:
        return None

    from blv_trainer.metrics import check_metric

    weights = {}
    for word in words:
        metric, _, weight = word.partition("=")
        check_metric(metric)
        try:
            weights[metric] = float(weight) if weight else 1.0
        except ValueError:
            raise ValueError(f"--tune_for {word}: {weight!r} is no number; write it as in qwk=2.") from None
    return weights


def without_tokens(words: list[str]) -> list[str]:
    """The words of a command line with asterisks in place of what follows ``--hub_token`` and the like."""
    shown, hide_next = [], False
    for word in words:
        flag, equals, _ = word.partition("=")
        is_token = flag.startswith("--") and flag.replace("-", "_").endswith("_token")
        shown.append("***" if hide_next else f"{flag}=***" if is_token and equals else word)
        hide_next = is_token and not equals
    return shown


def load_data(compare_args, data_args, training_args):
    """The dataset that the flags name, its label names, what it is in words, and notes."""
    if compare_args.preset == "demo":
        from blv_trainer.experiments import invented

        dataset = invented.make_dataset(compare_args.num_speakers, seed=training_args.seed)
        return dataset, dataset["train"].features["label"].names, "Invented corpus", []
    if compare_args.data_dir:
        from datasets import load_dataset

        dataset = load_dataset(
            "icnale_asa",
            data_dir=compare_args.data_dir,
            split_by=compare_args.split_by,
            split_seed=training_args.seed,
            transcripts=compare_args.transcripts,
            whisper_transcripts=compare_args.whisper_transcripts,
            whisper_model=compare_args.whisper_model,
        )
        source = f"ICNALE Spoken Monologue, split by {compare_args.split_by}, {compare_args.transcripts} transcripts"
        return dataset, dataset["train"].features["label"].names, source, []

    from blv_trainer.cli.terminal_tables import write_unusable
    from blv_trainer.corpora import load_table

    # Validation rows are held out later, together with test rows.
    files_and_columns = dataclasses.asdict(data_args) | {"validation_fraction": 0}
    data = load_table(**files_and_columns, seed=training_args.seed)
    if training_args.should_save:
        write_unusable(data.unusable, Path(training_args.output_dir))
    source = data_args.dataset_name or Path(data_args.train_file).name
    return data.dataset, data.label_names, source, data.notes


def _demo_encoder(dataset, training_args) -> str:
    """The folder of the demo's encoder, made where it is not there yet."""
    from blv_trainer.experiments import invented
    from blv_trainer.files import staged_folder

    folder = Path(training_args.output_dir, "encoder")
    with training_args.main_process_first(local=False):
        if not folder.is_dir():
            with staged_folder(training_args.output_dir) as staging:
                invented.build_encoder(dataset["train"]["text"], staging / "encoder", seed=training_args.seed)
    return str(folder)


def _make_runs(words, compare_args, data_args, model_args, training_args) -> None:
    from blv_trainer.arguments import changed_settings
    from blv_trainer.experiments import PAPER_METHODS, Plan, compare, complete_splits, parse_methods

    methods = parse_methods(compare_args.methods or PAPER_METHODS)  # before any data is read
    dataset, names, source, notes = load_data(compare_args, data_args, training_args)
    dataset, held_out = complete_splits(dataset, seed=training_args.seed)
    notes = [*notes, *held_out]
    if compare_args.preset == "demo" and model_args.model_name_or_path == "bert-base-uncased":
        model_args.model_name_or_path = _demo_encoder(dataset, training_args)
    plan = Plan(
        methods,
        compare_args.seeds,
        model_args,
        training_args,
        freeze_encoder=compare_args.freeze_encoder,
        keep_models=compare_args.keep_models,
        num_train_predictions=compare_args.tsne_rows,
    )
    command = shlex.join(["blv-trainer", "compare", *without_tokens(words)])
    say = (lambda line: print(line, flush=True)) if training_args.should_save else (lambda line: None)
    say(f"{source}: {', '.join(f'{len(rows)} {split}' for split, rows in dataset.items())}")
    description = {"source": source, "notes": notes, "command": command, "model": model_args.model_name_or_path}
    changed = changed_settings(training_args, always={"output_dir", "seed", *DEFAULTS, *_PAPER})
    config = [*(dataclasses.asdict(part) for part in (compare_args, data_args, model_args)), changed]
    compare(dataset, names, plan, training_args.output_dir, description=description, config=config, on_run=say)


def _quiet(training_args) -> None:
    """Progress is a line for each run, and Trainer's bar within a run on a terminal; no more."""
    import logging
    import warnings

    import datasets
    from transformers import utils

    utils.logging.set_verbosity_error()
    utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    warnings.filterwarnings("ignore", ".* is undefined", RuntimeWarning)  # early in training; the table shows a dash
    logging.getLogger("blv_trainer.training").setLevel(logging.ERROR)  # so are classes never predicted
    if not sys.stderr.isatty():
        training_args.disable_tqdm = True  # in a log, a bar is a line for each step
