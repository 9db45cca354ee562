"""The command line: one file per verb, each with ``add_parser(subparsers)`` and ``run(args) -> int``.

Nothing heavy is imported before a verb runs, so that ``blv-trainer --help`` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from blv_trainer import __version__
from blv_trainer.cli.config import add_config_flag, apply_config

VERBS = ("demo", "prepare", "train", "evaluate", "predict", "list")  # list.py hides the built-in list in this file

# What a user's input can bring about; anything else is a fault of ours and keeps its traceback.
_MISUSE = (ValueError, TypeError, FileNotFoundError, FileExistsError, NotADirectoryError, ImportError)
_FAILURE = (OSError, FloatingPointError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: the words after ``blv-trainer``; default: those of the process.

    Returns:
        0 if it went well, 1 if it failed, 2 if it was called wrongly, 130 if it was interrupted.
    """
    parser, verbs = build_parser()
    try:
        args = _parse(parser, verbs, sys.argv[1:] if argv is None else [*argv])
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else 2
    _log_to_stderr()
    try:
        return args.run(args)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (*_MISUSE, *_FAILURE) as error:
        if args.traceback:
            raise
        print(f"blv-trainer {args.verb}: {error}", file=sys.stderr)
        return 2 if isinstance(error, _MISUSE) else 1


def build_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the command line, and those of its verbs."""
    parser = argparse.ArgumentParser(
        prog="blv-trainer",
        description="Train and judge text classifiers on long-tailed, ordered labels.",
        epilog="blv-trainer VERB --help lists the flags of a verb. --config FILE.yaml fills them; flags win.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"blv-trainer {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        importlib.import_module(f"blv_trainer.cli.{verb}").add_parser(subparsers)
    for subparser in subparsers.choices.values():
        if not _reads_its_own_flags(subparser):
            add_config_flag(subparser)
    return parser, subparsers.choices


def _parse(parser, verbs, argv: Sequence[str]) -> argparse.Namespace:
    verb = next((word for word in argv if word in verbs), None)
    if verb and not _reads_its_own_flags(verbs[verb]):
        apply_config(verbs[verb], argv)
    args, rest = parser.parse_known_args(argv)
    if rest and not _reads_its_own_flags(verbs[args.verb]):
        verbs[args.verb].error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    return args


def _reads_its_own_flags(subparser: argparse.ArgumentParser) -> bool:
    """Whether the verb parses ``args.rest`` itself, because building its parser takes heavy imports."""
    return subparser.get_default("rest") is not None


def _log_to_stderr() -> None:
    """Notes of this package on stderr, one line each."""
    logger = logging.getLogger("blv_trainer")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.INFO)
