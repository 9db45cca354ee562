"""``blv-trainer predict``: levels of texts or recordings that have no label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from blv_trainer.cli.evaluate import add_text_flags
from blv_trainer.cli.prediction_files import FORMATS, write_predictions

_RECORDINGS_AT_A_TIME = 32  # whose transcripts are read in one forward pass


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "predict",
        usage="blv-trainer predict MODEL --text TEXT | --input_file FILE | --audio FILE ... [FLAGS]",
        help="predict the level of texts or recordings",
    )
    parser.add_argument("model", nargs="?", help="folder or Hub id of a saved classifier")
    parser.add_argument("--text", action="append", help="a text; may be given several times")
    parser.add_argument("--input_file", help="texts: .csv, .tsv, .jsonl, .json or .parquet; may be larger than memory")
    parser.add_argument("--audio", nargs="+", help="recordings, transcribed by Whisper first: wav, flac, ogg, mp3 ...")
    parser.add_argument(
        "--whisper_model", default="large-v2", help="of --audio: name or path of the weights (default: large-v2)"
    )
    add_text_flags(parser)
    parser.add_argument("--format", choices=FORMATS, help="form of the output; default: by --output_file, else a table")
    parser.add_argument("--output_file", help="write there instead of to the terminal")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Predict and print; 0 when done.

    Also where some rows had no text (they are named on stderr) or a recording got no level (the output says why).
    """
    if not args.model or [bool(args.text), bool(args.input_file), bool(args.audio)].count(True) != 1:
        raise ValueError(
            "predict needs a model and either --text or --input_file or --audio: "
            'blv-trainer predict MODEL --text "I think ..."'
        )
    if empty := [text for text in args.text or [] if not text.strip()]:
        raise ValueError(f"--text {empty[0]!r} holds no word; give a text.")
    chunks = _rows_of_recordings(args) if args.audio else _rows_of_texts(args)
    write_predictions(chunks, output_file=args.output_file, format=args.format)
    return 0


def _rows_of_texts(args) -> Iterator[list[dict[str, Any]]]:
    from transformers import utils

    from blv_trainer.corpora import iter_texts
    from blv_trainer.prediction import label_names, load_classifier, predict_logits, prediction_table

    utils.logging.disable_progress_bar()
    chunks: Iterator[tuple[Sequence[str], Sequence[int]]]
    if args.input_file:
        options = {"text_column": args.text_column, "encoding": args.encoding, "quoting": args.quoting}
        chunks = ((data.dataset["text"][:], data.rows) for data in iter_texts(args.input_file, **options))
    else:
        chunks = iter([(args.text, range(1, len(args.text) + 1))])
    first = next(chunks)  # what is wrong with the file shows before the model is loaded
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    for texts, numbers in chain([first], chunks):
        logits = predict_logits(model, tokenizer, texts, batch_size=args.batch_size, max_length=args.max_length)
        predictions = prediction_table(logits, label_names(model)).drop_columns(["prediction", "logits"]).to_pylist()
        yield [
            {"row": number, "text": text, **prediction}
            for number, text, prediction in zip(numbers, texts, predictions, strict=True)
        ]


def _rows_of_recordings(args) -> Iterator[list[dict[str, Any]]]:
    if missing := [path for path in args.audio if not Path(path).is_file()]:
        raise FileNotFoundError(f"no such recording: {', '.join(missing)} (looked in {Path.cwd()}).")

    from transformers import utils

    from blv_trainer.pipelines import SpeakingAssessmentPipeline
    from blv_trainer.prediction import label_names, load_classifier

    utils.logging.disable_progress_bar()
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    assess = SpeakingAssessmentPipeline(
        model=model, tokenizer=tokenizer, device=model.device, whisper_model=args.whisper_model
    )
    results = assess(args.audio, batch_size=args.batch_size or _RECORDINGS_AT_A_TIME, max_length=args.max_length)
    yield [
        _row_of_recording(path, result, label_names(model)) for path, result in zip(args.audio, results, strict=True)
    ]


def _row_of_recording(path: str, result: dict[str, Any], names: list[str]) -> dict[str, Any]:
    scores, refusal = result.pop("scores") or {}, result.pop("refusal") or {}
    return {
        "file": path,
        "transcript": result.pop("transcript"),
        "level": result.pop("level"),
        "expected_score": result.pop("expected_score"),
        **{f"p_{name}": scores.get(name) for name in names},
        **result,
        "warnings": " ".join(result["warnings"]),
        "refusal_reason": refusal.get("reason"),
        "refusal": refusal.get("message"),
    }
