"""``blv-trainer transcribe``: a folder of recordings -> transcripts by Whisper."""

from __future__ import annotations

import argparse
import contextlib
import sys
from datetime import timedelta
from pathlib import Path

from blv_trainer.cli.config import flags_of

_SHOWN = 20  # suspicious or failed recordings named on the terminal; summary.json has them all


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "transcribe",
        usage="blv-trainer transcribe --data_dir DIR --output_dir DIR [FLAGS]",
        help="transcribe a folder of recordings by Whisper",
        description="Transcribe every recording of a folder. Stopped at any moment, the same command goes on; "
        "`accelerate launch $(which blv-trainer) transcribe ...` shares the work among GPUs and machines.",
    )
    parser.add_argument("--data_dir", help="folder of recordings (wav, mp3, m4a, webm ...) in it or below")
    parser.add_argument("--output_dir", help="folder for the transcripts; a used one is gone on with")
    parser.add_argument("--whisper_model", default="large-v2", help="name or path of the weights (default: large-v2)")
    parser.add_argument(
        "--backend", choices=("openai-whisper", "faster-whisper"), default="openai-whisper", help="who transcribes"
    )
    parser.add_argument("--language", default="en", help="code, or 'auto' to detect it for each file (default: en)")
    parser.add_argument("--batch_size", type=_batch_size, default="auto", help="windows at a time, or 'auto' (default)")
    parser.add_argument("--limit", type=int, help="transcribe the first so many recordings only")
    parser.add_argument("--device", help="such as cpu, cuda:1 (default: a GPU if there is one)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws where decoding falls back to sampling")
    parser.add_argument("--initial_prompt", help="text given to Whisper before each recording's first window")
    parser.add_argument("--word_timestamps", action="store_true", help="also say when each word begins and ends")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Transcribe; 0 when every recording has a transcript, 1 when some failed."""
    if not args.data_dir or not args.output_dir:
        raise ValueError("transcribe needs folders: blv-trainer transcribe --data_dir AUDIO --output_dir OUT")

    from blv_trainer.asr import build_backend, transcribe
    from blv_trainer.files import only_run_in, write_json
    from blv_trainer.run_folder import write_config

    processes = _processes()
    options = {name: value for name in ("initial_prompt", "word_timestamps") if (value := getattr(args, name))}
    if args.backend == "openai-whisper":
        options["seed"] = args.seed
    backend = build_backend(
        args.backend,
        args.whisper_model,
        language=None if args.language == "auto" else args.language,
        batch_size=args.batch_size,
        device=args.device or _device_of(processes),
        **options,
    )
    path = Path(args.output_dir, "summary.json")
    with only_run_in(args.output_dir, active=processes.is_main_process):
        with _bar(processes) as show:
            done = transcribe(
                args.data_dir, args.output_dir, backend=backend, limit=args.limit, processes=processes, on_progress=show
            )
        if done is None:  # not the main process
            return 0
        write_config(args.output_dir, "transcribe", flags_of(args))
        summary = _summary(done, language=None if args.language == "auto" else args.language)
        write_json(path, summary)
    _print_summary(summary)
    print(f"\nTranscripts: {done.path}\nSummary: {path}")
    return 1 if done.failures else 0


def _batch_size(word: str) -> int | str:
    try:
        return word if word == "auto" else int(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is neither a number nor 'auto'") from None


def _processes():
    """Those that ``accelerate launch`` started; they talk by gloo, which needs no GPU, and wait as long as it takes."""
    from accelerate import PartialState

    return PartialState(cpu=True, timeout=timedelta(days=30))


def _device_of(processes) -> str | None:
    import torch

    if processes.num_processes > 1 and torch.cuda.is_available():
        return f"cuda:{processes.local_process_index % torch.cuda.device_count()}"
    return None


@contextlib.contextmanager
def _bar(processes):
    """Shows hours of audio done and speed in the main process; what is said afterwards begins on a line of its own."""
    from tqdm import tqdm

    unit = "files" if processes.num_processes == 1 else f"files, a share of 1/{processes.num_processes}"
    bar_format = "{desc} |{bar}| {n:.2f} of {total:.2f} h of audio [{elapsed}<{remaining}{postfix}]"
    with tqdm(total=0.0, file=sys.stderr, disable=not processes.is_main_process, bar_format=bar_format) as bar:

        def show(progress):
            # Sums of the same lengths in another order may differ in their last digit.
            bar.n, bar.total = progress.seconds / 3600, max(progress.seconds, progress.total_seconds) / 3600
            bar.set_description_str(f"{progress.files} of {progress.total_files} {unit}", refresh=False)
            speed = progress.seconds / max(bar.format_dict["elapsed"], 1e-9)
            bar.set_postfix_str(f"{speed:.1f} x real time")

        yield show


def _summary(done, *, language: str | None) -> dict:
    from blv_trainer.asr import suspicions

    suspicious = {id: suspicions(row, language=language) for id, row in sorted(done.rows.items())}
    rows = done.rows.values()
    return {
        "recordings": len(done.rows) + len(done.failures),
        "transcripts": len(done.rows),
        "done_before": done.done_before,
        "hours": sum(row["duration_s"] for row in rows) / 3600,
        "words": sum(len(row["text"].split()) for row in rows),
        "suspicious": {id: reasons for id, reasons in suspicious.items() if reasons},
        "failures": dict(sorted(done.failures.items())),
        "notes": {row["id"]: row["audio_notes"] for row in rows if row["audio_notes"]},
    }


def _print_summary(summary: dict) -> None:
    from blv_trainer.asr import REASONS

    print(
        f"{summary['transcripts']} of {summary['recordings']} recordings have a transcript "
        f"({summary['done_before']} had one before): {summary['hours']:.2f} hours, {summary['words']:,} words."
    )
    if summary["suspicious"]:
        print(f"\nWorth a look: {len(summary['suspicious'])}")
        for reason, meaning in REASONS.items():
            ids = [id for id, reasons in summary["suspicious"].items() if reason in reasons]
            if ids:
                print(f"  {meaning}: {_named(ids)}")
    if summary["failures"]:
        print(f"\nFailed: {len(summary['failures'])}; the next run tries them again.")
        by_reason: dict[str, list[str]] = {}
        for id, reason in summary["failures"].items():
            by_reason.setdefault(reason, []).append(id)
        for reason, ids in list(by_reason.items())[:_SHOWN]:  # one, where the model is at fault
            print(f"  {_named(ids) if len(ids) > 1 else ids[0]}: {reason}")


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return f"{len(ids)} ({', '.join(ids[:_SHOWN])}{more})"
