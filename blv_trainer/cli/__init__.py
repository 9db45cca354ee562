"""The command line: one file per verb, each with ``add_parser(subparsers)`` and ``run(args) -> int``.

Nothing heavy is imported before a verb runs, so that ``blv-trainer --help`` answers at once.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from blv_trainer import __version__
from blv_trainer.cli.config import Parser, add_config_flag, apply_config, refuse_unknown_flags
from blv_trainer.cli.notes import naming_flags, notes_on_stderr

# list.py hides the built-in list in this file.
VERBS = (
    *("demo", "check", "transcribe", "prepare", "train", "compare"),
    *("evaluate", "predict", "export", "push", "app", "list"),
)

# What a user's input can bring about; anything else is a fault of ours and keeps its traceback.
_MISUSE = (
    *(ValueError, TypeError, ImportError),
    *(FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError),
)
_FAILURE = (OSError, FloatingPointError)

_MAKE_ROOM = "Make room and give the same command again: what is finished was kept, nothing is half written."
_ELSEWHERE = "Choose another --output_dir, or have it made writable."
_IN_THE_WAY = "A file is in the way: choose another --output_dir."
_CURES: dict[int | None, str] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _MAKE_ROOM),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _ELSEWHERE),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR), _IN_THE_WAY),
    errno.EISDIR: "Name a file in it.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: the words after ``blv-trainer``; default: those of the process.

    Returns:
        0 if it went well, 1 if it failed, 2 if it was called wrongly, 130 if it was interrupted.
    """
    parser, verbs = build_parser()
    words = sys.argv[1:] if argv is None else [*argv]
    with_traceback = "--traceback" in words  # of all verbs, wherever it stands
    try:
        args = _parse(parser, verbs, [word for word in words if word != "--traceback"])
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else 2
    named = partial(naming_flags, flags=cache(partial(flags_of_verb, args.verb)))
    try:
        with notes_on_stderr(named):
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
        if with_traceback:
            raise
        print(f"blv-trainer {args.verb}: {named(_sentence(error))}", file=sys.stderr)
        return 2 if isinstance(error, _MISUSE) else 1


def _sentence(error: Exception) -> str:
    """What happened; where a file system refused to write, also what to do."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    what = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return f"{what}. {_CURES.get(error.errno, '')}".rstrip()


def build_parser() -> tuple[argparse.ArgumentParser, dict[str, Any]]:
    """The parser of the command line, and those of its verbs."""
    parser = Parser(
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
    if not _reads_its_own_flags(verbs[args.verb]):
        refuse_unknown_flags(verbs[args.verb], rest)
    args.rest = rest
    return args


def flags_of_verb(verb: str) -> set[str]:
    """Names of the flags of a verb, without the dashes."""
    subparser = build_parser()[1][verb]
    if not _reads_its_own_flags(subparser):
        return {action.dest for action in subparser._actions}
    from blv_trainer.cli.train import all_flags

    return {*all_flags()} - ({"loss", "loss_kwargs"} if verb == "compare" else set())  # nearly the same


def _reads_its_own_flags(subparser: argparse.ArgumentParser) -> bool:
    """Whether the verb parses ``args.rest`` itself, because some of its flags set the defaults of others."""
    return subparser.get_default("rest") is not None
