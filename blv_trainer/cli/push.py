"""``blv-trainer push``: a trained model, or a metric, to the Hugging Face Hub."""

from __future__ import annotations

from typing import Any

_CARD_FLAGS = ("language", "license", "base_model", "datasets", "tags", "subgroup_columns")


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "push",
        usage="blv-trainer push DIR --repo_id OWNER/NAME [--check_only] [FLAGS]",
        help="publish a trained model on the Hugging Face Hub",
        description="Check a saved model, write its card if there is none, and publish it in one commit. The token "
        "comes from the environment variable HF_TOKEN or from `hf auth login`.",
    )
    parser.add_argument("folder", nargs="?", help="folder of a saved model, such as the --output_dir of train")
    parser.add_argument("--metric", help="instead of a folder: one of our metrics, as a Space for evaluate.load")
    parser.add_argument("--repo_id", help="OWNER/NAME on the Hub; NAME alone goes under your own name")
    parser.add_argument("--private", action="store_true", help="make a new repository private; push to no public one")
    parser.add_argument("--revision", help="branch to push to; default: main")
    parser.add_argument("--commit_message", help="title of the commit")
    parser.add_argument("--include", nargs="+", default=[], metavar="PATTERN", help="more files, such as *.parquet")
    parser.add_argument("--check_only", action="store_true", help="write the card, check everything, and send nothing")
    card = parser.add_argument_group("card", "written where there is none; what is given here replaces what it says")
    card.add_argument("--language", help="code of the texts' language; a new card says en")
    card.add_argument("--license", help="of the weights; a new card says apache-2.0")
    card.add_argument("--base_model", help="Hub id of the encoder")
    card.add_argument("--datasets", nargs="+", help="Hub ids of the training data")
    card.add_argument("--tags", nargs="+", help="further tags")
    card.add_argument("--subgroup_columns", nargs="+", help="of a new card: columns of predictions.parquet, told apart")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Push, print the address; 0 when done."""
    if bool(args.folder) == bool(args.metric) or not args.repo_id:
        raise ValueError("push needs a folder (or --metric) and a name: blv-trainer push DIR --repo_id OWNER/NAME")
    from pathlib import Path

    from transformers import utils

    from blv_trainer.hub import prepare_files, publish, push_metric

    utils.logging.disable_progress_bar()
    options: dict[str, Any] = {"private": args.private, "revision": args.revision}
    if args.commit_message:
        options["commit_message"] = args.commit_message
    card = {name: value for name in _CARD_FLAGS if (value := getattr(args, name)) is not None}
    if args.metric:
        if args.check_only:
            raise ValueError("--check_only is for a model: a metric is checked by its tests.")
        print(push_metric(args.metric, args.repo_id, **options).repo_url)
    elif args.check_only:
        print(*prepare_files(Path(args.folder), args.repo_id, include=args.include, card=card), sep="\n")
    else:
        pushed: Any = publish(args.folder, args.repo_id, include=args.include, card=card, **options)
        print(pushed.repo_url)
    return 0
