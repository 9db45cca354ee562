"""``blv-trainer predict``: levels of texts that have no label."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import nullcontext
from typing import Any

from blv_trainer.cli.evaluate import add_text_flags
from blv_trainer.cli.tables import format_table

_SHOWN_CHARACTERS = 40  # of a text, in a table on the terminal


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("predict", help="predict the level of texts")
    parser.add_argument("model", nargs="?", help="folder or Hub id of a saved classifier")
    parser.add_argument("--text", action="append", help="a text; may be given several times")
    parser.add_argument("--input_file", help="texts: .csv, .tsv, .jsonl, .json or .parquet")
    add_text_flags(parser)
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="form of the output")
    parser.add_argument("--output_file", help="write there instead of to the terminal")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Predict and print; 0 when done, also where some rows had no text (they are named on stderr)."""
    if not args.model or bool(args.text) == bool(args.input_file):
        raise ValueError(
            'predict needs a model and either --text or --input_file: blv-trainer predict MODEL --text "I think ..."'
        )

    from transformers import utils

    from blv_trainer.corpora.table_texts import load_texts
    from blv_trainer.prediction import label_names, load_classifier, predict_logits, prediction_table

    if args.input_file:
        data = load_texts(args.input_file, text_column=args.text_column, encoding=args.encoding, quoting=args.quoting)
        texts, numbers = data.dataset["text"], data.rows
    else:
        texts, numbers = args.text, range(1, len(args.text) + 1)
    utils.logging.disable_progress_bar()
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    logits = predict_logits(model, tokenizer, texts, batch_size=args.batch_size, max_length=args.max_length)
    predictions = prediction_table(logits, label_names(model)).drop_columns(["prediction", "logits"]).to_pylist()
    rows = [
        {"row": number, "text": text, **prediction}
        for number, text, prediction in zip(numbers, texts, predictions, strict=True)
    ]
    with (
        open(args.output_file, "w", encoding="utf-8", newline="")
        if args.output_file
        else nullcontext(sys.stdout) as file
    ):
        _WRITERS[args.format](rows, file)
    return 0


def _write_table(rows: list[dict[str, Any]], file) -> None:
    header = list(rows[0])
    shown = [[_cell(name, row[name]) for name in header] for row in rows]
    print(format_table(header, shown), file=file)


def _cell(name: str, value: Any) -> Any:
    if name == "text":
        line = " ".join(value.split())
        return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 3] + "..."
    return f"{value:.3f}" if isinstance(value, float) else value


def _write_json(rows: list[dict[str, Any]], file) -> None:
    json.dump(rows, file, ensure_ascii=False, indent=2)
    file.write("\n")


def _write_csv(rows: list[dict[str, Any]], file) -> None:
    writer = csv.DictWriter(file, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)


_WRITERS = {"table": _write_table, "json": _write_json, "csv": _write_csv}
