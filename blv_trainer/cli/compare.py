"""``blv-trainer compare``: methods x seeds on one dataset, and a report with intervals and tests."""

from __future__ import annotations

import dataclasses
import logging
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blv_trainer.arguments import CorpusArguments, DataArguments, DecisionArguments, ModelArguments
from blv_trainer.checks import check_hub
from blv_trainer.cli import flags
from blv_trainer.cli.data_summary import print_summary
from blv_trainer.cli.evaluate import agreement_of_raters
from blv_trainer.cli.labelled_data import check_raters, load_data, parse_weights
from blv_trainer.cli.notes import quieten
from blv_trainer.presets import PAPER_TRAINING, comparison_preset

_FOLDS = 5  # where no test rows are given
# For every preset.
DEFAULTS = {
    "per_device_eval_batch_size": 32,
    "eval_strategy": "epoch",  # learning curves
    "save_strategy": "epoch",  # where an interrupted run resumes
    "save_total_limit": 1,
    "report_to": ["none"],
    "seed": 42,
}


@dataclass
class CompareArguments:
    """What is compared."""

    preset: Literal["paper", "robust", "quick", "demo"] = field(
        default="robust",
        metadata={
            "help": "Defaults of all other flags. paper: as published, split by sample, one seed; robust: the same "
            "with disjoint speakers, five seeds and SORD; quick: cross-entropy and SORD, one seed, three folds and a "
            "small encoder, for a laptop; demo: an invented corpus and a small encoder, three minutes. --preset NAME "
            "--help shows them."
        },
    )
    methods: list[str] | None = field(
        default=None,
        metadata={
            "help": "Losses with options, such as cross_entropy blv:sigma=6,scope=element; the first is the one that "
            "the others are compared with."
        },
    )
    seeds: list[int] | None = field(default=None, metadata={"help": "One run of each method for each seed."})
    keep_models: bool = field(default=False, metadata={"help": "Keep the weights of every run."})
    num_resamples: int = field(default=10_000, metadata={"help": "Of each bootstrap and permutation test."})
    tsne_rows: int = field(default=4000, metadata={"help": "Training rows whose logits are shown by t-SNE; 0: none."})
    tsne_iterations: int = field(default=5000, metadata={"help": "Of t-SNE; 0: no t-SNE."})
    num_speakers: int = field(default=200, metadata={"help": "Invented speakers of the demo, four answers each."})
    report_only: bool = field(default=False, metadata={"help": "Make the report again from finished runs."})


PARTS = (CompareArguments, CorpusArguments, DataArguments, DecisionArguments, ModelArguments)


def add_parser(subparsers) -> None:
    """Register the verb; its flags come from dataclasses, so it reads them itself."""
    parser = subparsers.add_parser("compare", help="compare losses over seeds, with a report", add_help=False)
    parser.set_defaults(run=run, rest=[])


def build_parser(words: list[str], defaults: dict[str, Any]):
    """The parser of all flags; ``defaults`` are a preset's."""
    return flags.dataclass_parser(
        "compare",
        PARTS,
        words,
        usage="--output_dir DIR --preset demo | --data_dir DIR | --train_file FILE ... [FLAGS]",
        description="Train several losses with several seeds, and report means, intervals, tests and figures: by "
        "cross-validation (--folds, by default 5) where no test rows are given. Given again, the same command goes on "
        "where it was interrupted. --seed is that of the split of the data.",
        defaults=DEFAULTS | defaults,
    )


def run(args) -> int:
    """Make what is missing, then the report; 0 when done."""
    parser, parts, settings = parse(args.rest)
    compare_args, corpus_args, data_args, decision_args, model_args = parts
    is_demo, data = compare_args.preset == "demo", None
    if not (is_demo or compare_args.report_only):
        data = load_data(corpus_args, data_args, seed=settings["seed"], hold_out=False)
        print_summary(data)
        check_hub(model_args.model_name_or_path, "--model_name_or_path")

    import torch

    from blv_trainer.cli.terminal_tables import format_table
    from blv_trainer.cli.train import all_flags, own_folder
    from blv_trainer.experiments import parse_methods, still_at, table_cells, write_report, write_winner

    settings.setdefault("fp16", torch.cuda.is_available() and not (is_demo or settings.get("use_cpu")))
    training_args = flags.training_arguments(parser, settings)
    output_dir = Path(training_args.output_dir)
    quieten(training_args)
    logging.getLogger("blv_trainer.training").setLevel(logging.ERROR)  # early on, classes are never predicted
    tune_for = parse_weights(decision_args.tune_for)
    methods = parse_methods(compare_args.methods)
    with own_folder(training_args):
        if is_demo and not compare_args.report_only:
            _invented_data(compare_args, data_args, model_args, training_args)
            data = load_data(corpus_args, data_args, seed=training_args.seed, hold_out=False)
        if data is not None:
            _make_runs(args.rest, data, methods, parts, training_args)
        if training_args.should_save:
            with still_at("the report, with its intervals and tests"):
                analysis = write_report(
                    output_dir,
                    tune_for=tune_for,
                    num_resamples=compare_args.num_resamples,
                    tsne_iterations=compare_args.tsne_iterations,
                )
            winner = write_winner(output_dir, analysis, all_flags())
    if training_args.should_save:
        print(f"\n{format_table(*table_cells(analysis))}")
        if analysis["by_group"]:
            found = analysis["judged_groups"]
            print(f"\nWhole groups ({found['column']}), {found['number']}:")
            print(format_table(*table_cells(analysis, level="by_group")))
        print(f"\nReport: {output_dir / 'report' / 'report.html'}")
        on_all = " on all rows" if analysis["num_folds"] else ""
        print(f"Chosen: {analysis['chosen']}. Train it{on_all}:\n    blv-trainer train --config {winner}")
    return 0


def parse(words: list[str]) -> tuple[Any, Any, dict[str, Any]]:
    """The parser, the arguments of ``PARTS`` and the settings of the training.

    Flags win over ``--config``, which wins over the preset.
    """
    found = flags.peek(build_parser(words, {}), words)
    parser = build_parser(words, comparison_preset(found.preset, freeze_encoder=found.freeze_encoder))
    parts, settings = flags.parse_dataclasses(parser, PARTS, words)
    if parts[3].decision is not None:
        parser.error("--decision is a flag of train; compare shows every decision.")
    if settings.get("loss", "blv") != "blv" or settings.get("loss_kwargs"):
        parser.error("--loss and --loss_kwargs are flags of train; compare takes --methods blv:sigma=6 focal ...")
    if settings.get("push_to_hub"):
        parser.error("--push_to_hub is a flag of train; compare publishes nothing.")
    if settings.get("resume_from_checkpoint"):
        parser.error("--resume_from_checkpoint is not needed: the same command goes on where it was interrupted.")
    for method in parts[0].methods or ():
        name, _, options = method.partition(":")
        names = [word.partition("=")[0].strip() for word in options.split(",") if word.strip()]
        flags.refuse_unknown_loss("--methods", name.strip(), names)
    check_raters(parts[2].rater_columns)
    return parser, parts, settings


def without_tokens(words: list[str]) -> list[str]:
    """The words of a command line with asterisks in place of what follows ``--hub_token`` and the like."""
    shown, hide_next = [], False
    for word in words:
        flag, equals, _ = word.partition("=")
        is_token = flag.startswith("--") and flag.replace("-", "_").endswith("_token")
        shown.append("***" if hide_next else f"{flag}=***" if is_token and equals else word)
        hide_next = is_token and not equals
    return shown


def _invented_data(compare_args, data_args, model_args, training_args) -> None:
    """Make the demo's answers and its encoder where they are not there yet, and name them as a user would his."""
    from blv_trainer.corpora import load_texts
    from blv_trainer.experiments import invented
    from blv_trainer.files import staged_folder

    folder = Path(training_args.output_dir)
    data_args.train_file, data_args.label_order = str(folder / invented.FILE), list(invented.LABELS)
    with training_args.main_process_first(local=False):
        if not (folder / invented.FILE).is_file():
            invented.write_answers(folder / invented.FILE, compare_args.num_speakers, seed=training_args.seed)
        if model_args.model_name_or_path == "bert-base-uncased":
            model_args.model_name_or_path = str(folder / "encoder")
        if not (folder / "encoder").is_dir():
            with staged_folder(folder) as staging:
                texts = load_texts(folder / invented.FILE).dataset["text"][:]
                invented.build_encoder(texts, staging / "encoder", seed=training_args.seed)


def _rows_to_compare(data, folds, is_corpus, seed):
    """All rows as "train", or with 0 folds three splits; the number of folds; and notes on them.

    The ICNALE corpus (``is_corpus``) brings test rows of its own, so that they are none that a user gave.
    """
    from blv_trainer.corpora import leaking_groups
    from blv_trainer.experiments import check_folds, complete_splits, join_splits

    has_test = "test" in data.dataset and not is_corpus
    if folds is None:
        folds = 0 if has_test else _FOLDS
    if folds and has_test:
        raise ValueError(
            f"--folds {folds} tests every row, so there is no use for test rows: add them to --train_file, or give "
            "--folds 0."
        )
    if folds:
        dataset = join_splits(data.dataset, by="id" if is_corpus else None)  # its splits depend on the seed
        return dataset, folds, check_folds(dataset["train"], folds, data.group_column)
    dataset, notes = complete_splits(data.dataset, data.group_column, seed=seed)
    return dataset, 0, notes + (leaking_groups(dataset, data.group_column) if is_corpus else [])  # files told of theirs


def _make_runs(words, data, methods, parts, training_args):
    from blv_trainer.arguments import changed_settings
    from blv_trainer.cli import train
    from blv_trainer.cli.terminal_tables import write_unusable
    from blv_trainer.experiments import Plan, compare

    compare_args, corpus_args, data_args, decision_args, model_args = parts
    if training_args.should_save:
        write_unusable(data.unusable, Path(training_args.output_dir))
    dataset, folds, more = _rows_to_compare(data, decision_args.folds, bool(corpus_args.data_dir), training_args.seed)
    plan = Plan(
        methods,
        compare_args.seeds,
        model_args,
        training_args,
        folds,
        data.group_column,
        freeze_encoder=decision_args.freeze_encoder,
        keep_models=compare_args.keep_models,
        num_train_predictions=compare_args.tsne_rows,
    )
    command = shlex.join(["blv-trainer", "compare", *without_tokens(words)])
    say = (lambda line: print(line, flush=True)) if training_args.should_save else (lambda line: None)
    sizes = ", ".join(f"{len(rows)} {split}" for split, rows in dataset.items())
    say(f"{data.source}: {len(dataset['train'])} rows in {folds} folds" if folds else f"{data.source}: {sizes}")
    description = {
        "source": data.source,
        "notes": [*data.notes, *more],
        "command": command,
        "model": model_args.model_name_or_path,
        "subgroup_columns": data_args.subgroup_columns,
    }
    if data_args.rater_columns:
        judged = dataset["train" if folds else "test"]
        description["human"] = agreement_of_raters(judged, data_args.rater_columns, len(data.names))
    always = {"output_dir", *DEFAULTS, *PAPER_TRAINING, *train.DEFAULTS}
    changed = changed_settings(training_args, always=always)
    config = [*map(dataclasses.asdict, parts), {"folds": folds, "group_column": data.group_column}, changed]
    compare(dataset, data.names, plan, training_args.output_dir, description=description, config=config, on_run=say)
