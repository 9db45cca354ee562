"""``blv-trainer prepare``: the folder of the ICNALE Spoken Monologue to a quality report and Parquet files."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from blv_trainer.cli.config import flags_of

# Flags --drop_x that stand for keep_x=False.
_REMOVALS = {"breaks": "spaced dashes", "masks": "[***]", "trailing": "... at the end", "fillers": "uh, um, ah, hmm"}


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "prepare",
        usage="blv-trainer prepare --data_dir DIR [--output_dir DIR] [FLAGS]",
        help="check an ICNALE folder and write it as Parquet with a card",
    )
    parser.add_argument("--data_dir", help="folder of the unpacked corpus")
    parser.add_argument("--output_dir", help="folder to write; without it the quality report is printed and no more")
    parser.add_argument("--overwrite_output_dir", action="store_true", help="replace what an earlier run wrote there")
    files = parser.add_argument_group("files")
    files.add_argument("--audio_dir", help="folder of the recordings, where they lie elsewhere")
    files.add_argument("--text_tree", help="the folder of texts to read, where two differ")
    files.add_argument("--background", help="background sheet (.xlsx), for columns about the speakers")
    files.add_argument("--durations", action="store_true", help="read the length of each recording")
    texts = parser.add_argument_group("texts and levels")
    texts.add_argument("--transcripts", choices=("human", "whisper", "both"), default="human", help="what text holds")
    texts.add_argument(
        "--whisper_transcripts",
        help="finished transcripts: .parquet or .jsonl with id and text, or a folder of `blv-trainer transcribe`; with "
        "--whisper_model the folder to keep them in (default: DATA_DIR_whisper)",
    )
    texts.add_argument("--whisper_model", help="transcribe what has no transcript: name or path of the weights")
    texts.add_argument("--allow_missing", action="store_true", help="leave out recordings without a transcript")
    texts.add_argument(
        "--level_from", choices=("audio", "text", "drop"), default="audio", help="which name decides where two differ"
    )
    texts.add_argument("--levels", type=int, choices=(5, 4), default=5, help="4 for B1 undivided")
    texts.add_argument("--raw_text", action="store_true", help="add the column text_raw")
    for removal, meaning in _REMOVALS.items():
        texts.add_argument(f"--drop_{removal}", action="store_true", help=f"remove {meaning} from texts")
    rows = parser.add_argument_group("rows and splits")
    rows.add_argument("--learners_only", action="store_true", help="leave native speakers out")
    rows.add_argument("--topics", nargs="+", choices=("PTJ", "SMK"), help="topics to keep; default: both")
    rows.add_argument("--regions", nargs="+", help="regions to keep, such as JPN TWN; default: all")
    rows.add_argument(
        "--split_by", choices=("speaker", "sample", "kfold"), default="speaker", help="what must not be torn apart"
    )
    rows.add_argument("--split_seed", type=int, default=42, help="another seed, another split")
    rows.add_argument("--folds", type=int, default=5, help="number of folds, for --split_by kfold")
    rows.add_argument("--split_file", help="TSV with id and split that decides instead")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print the report; write Parquet, card, report and split; 0 when done."""
    if args.data_dir is None:
        raise ValueError("prepare needs --data_dir: blv-trainer prepare --data_dir FOLDER --output_dir FOLDER")
    if args.output_dir is None:
        _report(args)
        return 0

    from blv_trainer.files import only_run_in, staged_folder
    from blv_trainer.run_folder import write_config

    output_dir = Path(args.output_dir)
    with only_run_in(output_dir):
        _refuse_used_folder(output_dir, args)
        report, options = _report(args)
        with staged_folder(output_dir) as folder:  # an earlier run's files stay until all of these are whole
            dataset = _build(folder, report, options)
            write_config(folder, "prepare", flags_of(args) | {"overwrite_output_dir": None})
    print(f"Settings: {output_dir / 'config.yaml'}", file=sys.stderr)
    print(f"\n{sum(map(len, dataset.values()))} answers in {', '.join(dataset)}: {output_dir}")
    print(f'load_dataset("{output_dir.resolve()}") reads them. ICNALE may not be redistributed: keep them private.')
    return 0


def _report(args):
    """Print the report; returns it and the options of the builder."""
    from blv_trainer.corpora.icnale import IcnaleConfig, read_corpus, whisper_word_errors

    known = {field.name for field in dataclasses.fields(IcnaleConfig)}
    options = {name: value for name, value in vars(args).items() if name in known}  # the flags of the same name
    options["natives"] = not args.learners_only
    options |= {f"keep_{removal}": not getattr(args, f"drop_{removal}") for removal in _REMOVALS}
    corpus = read_corpus(**options)
    report = corpus.report
    print(report.to_text())
    if args.transcripts != "human":
        report.word_errors = whisper_word_errors(corpus.answers, IcnaleConfig(**options))
        print("", *report.word_error_table(), sep="\n")
    return report, options


def _build(folder: Path, report, options: dict):
    """Build the dataset and write its files; returns the dataset."""
    import datasets

    from blv_trainer.corpora.icnale import write_dataset

    datasets.disable_progress_bars()
    dataset = datasets.load_dataset("icnale_asa", **options)
    write_dataset(folder, dataset, report, roots=[options["data_dir"], options["audio_dir"] or options["data_dir"]])
    return dataset


def _refuse_used_folder(folder: Path, args) -> None:
    from blv_trainer.files import INCOMPLETE_FILE, LOCK_FILE

    names = {path.name for path in folder.iterdir()} - {LOCK_FILE}
    if names and INCOMPLETE_FILE not in names and not args.overwrite_output_dir:
        raise FileExistsError(f"{folder} is not empty: choose another --output_dir or add --overwrite_output_dir.")
