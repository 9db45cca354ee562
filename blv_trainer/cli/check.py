"""``blv-trainer check``: what ``train`` would read with the same flags, and how long it would take."""

from __future__ import annotations

import logging
from functools import partial
from itertools import combinations
from typing import Any

from blv_trainer.checks import check_hub
from blv_trainer.cli import flags, train
from blv_trainer.cli.data_summary import level_table, num_words, repeated_texts, spread
from blv_trainer.cli.labelled_data import LabelledData, load_data
from blv_trainer.cli.notes import quieten


def add_parser(subparsers) -> None:
    """Register the verb; its flags are those of ``train``."""
    parser = subparsers.add_parser("check", help="see what train would read, and how long it takes", add_help=False)
    parser.set_defaults(run=run, rest=[])


def run(args) -> int:
    """Print what would be read and how long it would take; nothing is written. 0 when done."""
    parser, (_, corpus_args, data_args, decision_args, model_args), settings = train.parse(args.rest, verb="check")
    data = load_data(corpus_args, data_args, seed=settings["seed"], hold_out=not decision_args.folds)
    _print_rows(data)
    try:
        check_hub(model_args.model_name_or_path, "--model_name_or_path")
        _print_work(data, decision_args, model_args, flags.training_arguments(parser, settings))
    except FileNotFoundError as error:
        if model_args.model_name_or_path != parser.get_default("model_name_or_path"):
            raise
        print(f"tokens a text, how many are cut, and how long training takes are not known: {error}")
    return 0


def _print_rows(data: LabelledData) -> None:
    from blv_trainer.cli.terminal_tables import format_table
    from blv_trainer.corpora import groups_of

    words = f"words a text: {spread(num_words(data))}"
    print(f"{data.source}\n\n{format_table(*level_table(data))}\n", words, *repeated_texts(data), sep="\n", flush=True)
    if data.group_column:
        groups = {split: {*groups_of(rows, data.group_column)} for split, rows in data.dataset.items()}
        print(f"groups ({data.group_column}):", ", ".join(f"{len(own)} {split}" for split, own in groups.items()))
        for one, other in combinations(groups, 2):
            print(f"groups that stand both in {one} and in {other}: {len(groups[one] & groups[other])}", flush=True)


def _print_work(data: LabelledData, decision_args: Any, model_args: Any, training_args: Any) -> None:
    from transformers import AutoTokenizer

    from blv_trainer.experiments import expected_work
    from blv_trainer.prediction import load_errors, note_cut, num_tokens

    with load_errors(model_args.model_name_or_path, flag="--model_name_or_path"):
        tokenizer = AutoTokenizer.from_pretrained(model_args.model_name_or_path, trust_remote_code=False)
    lengths = num_tokens(tokenizer, [text for rows in data.dataset.values() for text in rows["text"][:]])
    most = min(model_args.max_length or tokenizer.model_max_length, tokenizer.model_max_length)
    print(f"tokens a text: {spread(lengths)}; the first {most} are read", flush=True)
    note_cut(lengths, most, tell=partial(print, flush=True))
    quieten(training_args)
    logging.getLogger("blv_trainer").setLevel(logging.WARNING)  # what a training says of its texts is said of all
    freeze, folds = decision_args.freeze_encoder, decision_args.folds
    work = expected_work(data.dataset, data.names, model_args, training_args, freeze_encoder=freeze)
    print(f"training: {work}{f', and as long for each of {folds} folds' if folds and not freeze else ''}")
