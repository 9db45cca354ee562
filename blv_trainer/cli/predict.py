"""``blv-trainer predict``: levels of texts or recordings that have no label, or of whole groups of them."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blv_trainer.cli.evaluate import add_text_flags
from blv_trainer.cli.prediction_files import FORMATS, output_format, write_predictions

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

_RECORDINGS_AT_A_TIME = 32  # whose transcripts are read in one forward pass


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "predict",
        usage="blv-trainer predict MODEL --text TEXT | --input_file FILE | --audio FILE ... [FLAGS]",
        help="predict the level of texts or recordings",
        description="Predict the level of texts or recordings. All columns of the input come out, then row (its number "
        "there), level, expected_score (the mean level under the probabilities: in the levels' own units where all "
        "are numbers, else in positions from 1) and p_<level>.",
    )
    parser.add_argument("model", nargs="?", help="folder or Hub id of a saved classifier")
    parser.add_argument("--text", action="append", help="a text; may be given several times")
    parser.add_argument("--input_file", help="texts, as --test_file of evaluate; - for standard input")
    parser.add_argument("--group_column", help="whose answers of --input_file belong together: one row a group")
    parser.add_argument("--audio", nargs="+", help="recordings, transcribed by Whisper first: wav, flac, ogg, mp3 ...")
    parser.add_argument("--one_speaker", action="store_true", help="of --audio: one person's; a last row judges all")
    parser.add_argument("--whisper_model", default="large-v2", help="of --audio: name or path (default: large-v2)")
    parser.add_argument("--language", help="of --audio: its code; default: heard by Whisper, English alone is judged")
    add_text_flags(parser)
    parser.add_argument("--format", choices=FORMATS, help="form of the output; default: by --output_file, else a table")
    parser.add_argument("--output_file", help="write there: .csv, .tsv, .jsonl, .json, .parquet, .xlsx")
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
    for flag, given, needed, told in [
        ("--group_column", args.group_column, "input_file", "whose answers belong together"),
        ("--one_speaker", args.one_speaker, "audio", "whose answers belong together"),
        ("--language", args.language, "audio", "what is spoken"),
    ]:
        if given and not getattr(args, needed):
            raise ValueError(f"{flag} goes with --{needed}: it says {told} there.")
    if args.output_file and args.input_file and Path(args.output_file).resolve() == Path(args.input_file).resolve():
        raise ValueError(f"--output_file {args.output_file} is the --input_file, which would be lost: name another.")
    output_format(args.output_file, args.format)  # an ending that is not written shows before any work
    tables = _of_recordings if args.audio else _of_groups if args.group_column else _of_texts
    with tempfile.TemporaryDirectory() as folder:
        if args.input_file == "-":
            args.input_file = _standard_input(folder)
        write_predictions(tables(args), output_file=args.output_file, format=args.format)
    return 0


def _standard_input(folder: str) -> str:
    """Standard input as a file: its delimiter is looked for, and a fault in it is told with its line."""
    start = sys.stdin.buffer.read(1)
    path = Path(folder, f"standard_input{'.jsonl' if start == b'{' else '.json' if start == b'[' else '.csv'}")
    with open(path, "wb") as file:
        file.write(start)
        shutil.copyfileobj(sys.stdin.buffer, file)
    return str(path)


def _beside(columns: pa.Table, own: pa.Table, *, told: bool) -> pa.Table:
    """The columns of the input, then our own; one whose name is taken is called predicted_..., which is told once."""
    taken = [name for name in own.column_names if name in columns.column_names]
    if taken and not told:
        logger.info("The input has columns called %s: ours begin with predicted_ there.", ", ".join(taken))
    for name in own.column_names:
        values = own[name]
        while name in columns.column_names:
            name = f"predicted_{name}"
        columns = columns.append_column(name, values)
    return columns


def _of_texts(args) -> Iterator[pa.Table]:
    import pyarrow as pa

    model, parts = _scored_texts(args)
    for number, (columns, rows, _, scores) in enumerate(parts):
        own = _predictions(model, scores).add_column(0, "row", pa.array(rows))
        yield _beside(columns, own, told=number > 0)


def _of_groups(args) -> Iterator[pa.Table]:
    """One row a group, whose answers may lie anywhere in the file: their scores are kept, not their texts."""
    import numpy as np
    import pyarrow as pa

    from blv_trainer.prediction import group_scores

    model, parts = _scored_texts(args)
    groups, scores = zip(*((groups, scores) for _, _, groups, scores in parts), strict=True)
    num_answers = Counter(chain.from_iterable(groups))
    names, pooled = group_scores(np.concatenate(scores), [*chain.from_iterable(groups)], model.config)
    own = _predictions(model, pooled).add_column(0, "num_answers", pa.array([num_answers[name] for name in names]))
    yield _beside(pa.table({args.group_column: names}), own, told=False)


def _scored_texts(args) -> tuple[Any, Iterator[tuple[pa.Table, Sequence[int], Sequence[str], Any]]]:
    """The model, and columns of the input, row numbers, groups and scores, a part of the file at a time."""
    import pyarrow as pa
    from transformers import utils

    from blv_trainer.corpora import groups_of, iter_texts
    from blv_trainer.experiments import still_at
    from blv_trainer.levels import score_scale
    from blv_trainer.prediction import label_names, load_classifier, max_tokens, note_cut, predict_logits

    def parts_of_file():
        named = ("text_column", "group_column", "encoding", "quoting", "delimiter")
        for data in iter_texts(args.input_file, **{name: getattr(args, name) for name in named}):
            groups: Sequence[str] = ()
            if args.group_column:
                shown = [f"row {number}" for number in data.rows]  # what a row without a group is called
                rows = data.dataset.select_columns(args.group_column).add_column("text", shown)
                groups = groups_of(rows, args.group_column)
            for note in data.as_read.notes:
                logger.info(note)
            yield data.dataset["text"][:], data.as_read.columns, data.rows, groups

    def parts_of_line():
        yield args.text, pa.table({"text": args.text}), range(1, len(args.text) + 1), ()

    utils.logging.disable_progress_bar()
    parts = parts_of_line() if args.text else parts_of_file()
    first = next(parts)  # what is wrong with the file shows before the model is loaded
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    logger.info("expected_score is on a scale %s.", score_scale(label_names(model)))
    lengths: list[int] = []
    how = {"batch_size": args.batch_size, "max_length": args.max_length, "on_batch": lengths.extend}

    def scored():
        with still_at("predictions", lengths):
            for texts, *part in chain([first], parts):
                yield (*part, predict_logits(model, tokenizer, texts, **how))
        note_cut(lengths, max_tokens(model, tokenizer, args.max_length))

    return model, scored()


def _predictions(model: Any, scores: Any) -> pa.Table:
    from blv_trainer.prediction import label_names, prediction_table

    return prediction_table(scores, label_names(model)).drop_columns(["prediction", "logits"])


def _of_recordings(args) -> Iterator[pa.Table]:
    if missing := [path for path in args.audio if not Path(path).is_file()]:
        raise FileNotFoundError(f"no such recording: {', '.join(missing)} (looked in {Path.cwd()}).")

    import pyarrow as pa
    from transformers import utils

    from blv_trainer.pipelines import SpeakingAssessmentPipeline
    from blv_trainer.prediction import label_names, load_classifier

    utils.logging.disable_progress_bar()
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    assess = SpeakingAssessmentPipeline(
        model=model,
        tokenizer=tokenizer,
        device=model.device,
        whisper_model=args.whisper_model,
        whisper_options={"language": args.language},
    )
    given = [{"recordings": args.audio}] if args.one_speaker else args.audio
    results = assess(given, batch_size=args.batch_size or _RECORDINGS_AT_A_TIME, max_length=args.max_length)
    files = args.audio
    heard = [answer["refusal"] for result in results for answer in result.get("answers", [result])]
    if doubted := sum(bool(refusal) and refusal["reason"] == "other_language" for refusal in heard):
        logger.info(
            "%d of %d recordings sound like another language: where it is English all the same, which Whisper may not "
            "hear in a strong accent, give --language en.",
            doubted,
            len(files),
        )
    if args.one_speaker:
        [person] = results
        results = [*person["answers"], _as_recording(person)]
        judged, count = person["num_answers"], len(files)
        files = [*files, f"all {count}" if judged == count else f"{judged} of {count}"]
    names = label_names(model)
    yield pa.Table.from_pylist([_row_of_recording(*pair, names) for pair in zip(files, results, strict=True)])


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
