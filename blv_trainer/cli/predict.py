"""``blv-trainer predict``: levels of texts or recordings that have no label, or of whole groups of them."""

from __future__ import annotations

from collections import Counter
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
    parser.add_argument(
        "--group_column", help="of --input_file: whose answers belong together, such as speaker; one row for each group"
    )
    parser.add_argument("--audio", nargs="+", help="recordings, transcribed by Whisper first: wav, flac, ogg, mp3 ...")
    parser.add_argument(
        "--one_speaker", action="store_true", help="of --audio: all are one person's; a last row says that level"
    )
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
    for flag, given, needed in [
        ("--group_column", args.group_column, "input_file"),
        ("--one_speaker", args.one_speaker, "audio"),
    ]:
        if given and not getattr(args, needed):
            raise ValueError(f"{flag} goes with --{needed}: it says whose answers belong together there.")
    rows = _rows_of_recordings if args.audio else _rows_of_groups if args.group_column else _rows_of_texts
    write_predictions(rows(args), output_file=args.output_file, format=args.format)
    return 0


def _rows_of_texts(args) -> Iterator[list[dict[str, Any]]]:
    model, parts = _scored_texts(args)
    for texts, numbers, _, scores in parts:
        yield [
            {"row": number, "text": text, **prediction}
            for number, text, prediction in zip(numbers, texts, _predictions(model, scores), strict=True)
        ]


def _rows_of_groups(args) -> Iterator[list[dict[str, Any]]]:
    """One row a group, whose answers may lie anywhere in the file: their scores are kept, not their texts."""
    import numpy as np

    from blv_trainer.prediction import group_scores

    model, parts = _scored_texts(args)
    groups, scores = zip(*((groups, scores) for _, _, groups, scores in parts), strict=True)
    num_answers = Counter(chain.from_iterable(groups))
    names, pooled = group_scores(np.concatenate(scores), [*chain.from_iterable(groups)], model.config)
    yield [
        {args.group_column: name, "num_answers": num_answers[name], **prediction}
        for name, prediction in zip(names, _predictions(model, pooled), strict=True)
    ]


def _scored_texts(args) -> tuple[Any, Iterator[tuple[Sequence[str], Sequence[int], Sequence[str], Any]]]:
    """The model, and texts, row numbers, groups and scores, a part of the file at a time."""
    from transformers import utils

    from blv_trainer.corpora import groups_of, iter_texts
    from blv_trainer.prediction import load_classifier, predict_logits

    def groups(data):
        if args.group_column is None:
            return ()
        shown = [f"row {number}" for number in data.rows]  # what a row without a group is called
        return groups_of(data.dataset.select_columns(args.group_column).add_column("text", shown), args.group_column)

    utils.logging.disable_progress_bar()
    chunks: Iterator[tuple[Sequence[str], Sequence[int], Sequence[str]]]
    if args.input_file:
        options = {name: getattr(args, name) for name in ("text_column", "group_column", "encoding", "quoting")}
        chunks = ((data.dataset["text"][:], data.rows, groups(data)) for data in iter_texts(args.input_file, **options))
    else:
        chunks = iter([(args.text, range(1, len(args.text) + 1), ())])
    first = next(chunks)  # what is wrong with the file shows before the model is loaded
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    how = {"batch_size": args.batch_size, "max_length": args.max_length}
    return model, ((*part, predict_logits(model, tokenizer, part[0], **how)) for part in chain([first], chunks))


def _predictions(model: Any, scores: Any) -> list[dict[str, Any]]:
    from blv_trainer.prediction import label_names, prediction_table

    return prediction_table(scores, label_names(model)).drop_columns(["prediction", "logits"]).to_pylist()


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
    given = [{"recordings": args.audio}] if args.one_speaker else args.audio
    results = assess(given, batch_size=args.batch_size or _RECORDINGS_AT_A_TIME, max_length=args.max_length)
    files = args.audio
    if args.one_speaker:
        [person] = results
        results = [*person["answers"], _as_recording(person)]
        judged, count = person["num_answers"], len(files)
        files = [*files, f"all {count}" if judged == count else f"{judged} of {count}"]
    yield [_row_of_recording(file, result, label_names(model)) for file, result in zip(files, results, strict=True)]


def _as_recording(person: dict[str, Any]) -> dict[str, Any]:
    """The result of one person in the form of a recording's."""
    seconds = {name: sum(answer[name] for answer in person["answers"]) for name in ("duration_s", "speech_s")}
    known = {name: person[name] for name in ("level", "scores", "expected_score", "refusal")}
    return {"transcript": None, **known, **seconds, "language": None, "warnings": []}


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
