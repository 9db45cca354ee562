"""``blv-trainer evaluate``: a saved model on labelled texts."""

from __future__ import annotations

import argparse
from pathlib import Path

from blv_trainer.cli.terminal_tables import format_metrics, write_unusable


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "evaluate",
        usage="blv-trainer evaluate MODEL --test_file FILE [FLAGS]",
        help="evaluate a saved model on labelled texts",
    )
    parser.add_argument("model", nargs="?", help="folder or Hub id of a saved classifier")
    parser.add_argument("--test_file", help="labelled rows: .csv, .tsv, .jsonl, .json or .parquet")
    add_text_flags(parser)
    parser.add_argument("--label_column", default="label", help="column with the labels")
    parser.add_argument("--output_dir", help="write metrics.json and predictions.parquet here")
    parser.set_defaults(run=run)


def add_text_flags(parser) -> None:
    """Flags that reading texts and running a model share."""
    parser.add_argument("--text_column", default="text", help="column with the texts")
    parser.add_argument("--encoding", default="utf-8-sig", help="encoding of text files")
    parser.add_argument(
        "--quoting", type=_yes_or_no, help="whether quotes enclose fields; default: in CSV yes, in TSV no"
    )
    parser.add_argument(
        "--batch_size",
        type=int,
        help="texts in one forward pass; default: by their length, 1,024 tokens on a processor",
    )
    parser.add_argument(
        "--max_length", type=int, help="tokens after which a text is cut; default: what the model takes"
    )
    parser.add_argument(
        "--trust_remote_code", action="store_true", help="run model code that comes with the checkpoint"
    )


def _yes_or_no(word: str) -> bool:
    if word.lower() not in ("true", "false", "yes", "no"):
        raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false")
    return word.lower() in ("true", "yes")


def run(args) -> int:
    """Evaluate, print, write; 0 when done."""
    if not args.model or not args.test_file:
        raise ValueError("evaluate needs a model and --test_file: blv-trainer evaluate MODEL --test_file rows.csv")

    from transformers import utils

    from blv_trainer.corpora import load_texts
    from blv_trainer.evaluation import Scores
    from blv_trainer.files import write_json
    from blv_trainer.prediction import label_names, load_classifier, predict_logits, prediction_table
    from blv_trainer.run_folder import METRICS_FILE, predictions_of_split, write_predictions

    utils.logging.disable_progress_bar()
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    names = label_names(model)
    data = load_texts(
        args.test_file,
        text_column=args.text_column,
        label_column=args.label_column,
        label_order=names,
        encoding=args.encoding,
        quoting=args.quoting,
    )
    logits = predict_logits(
        model, tokenizer, data.dataset["text"], batch_size=args.batch_size, max_length=args.max_length
    )
    scores = Scores(data.dataset["label"], logits, names)
    metrics = {**scores.values, **scores.by_class(), "num_rows": len(logits)}
    print(format_metrics({"test": metrics}, names))
    if args.output_dir:
        folder = Path(args.output_dir)
        write_predictions(folder, [predictions_of_split(data.dataset, "test", prediction_table(logits, names))])
        write_json(folder / METRICS_FILE, {"test": metrics})
        write_unusable(data.unusable, folder)
    return 0
