"""``--config FILE.yaml``: its keys are a verb's flags; they become defaults, so flags on the command line win."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blv_trainer.checks import did_you_mean, nearest

_NOT_FROM_FILE = ("help", "help_all", "config")
_TRUTH = dict.fromkeys(("true", "yes", "t", "y", "1"), True) | dict.fromkeys(("false", "no", "f", "n", "0"), False)


class Parser(argparse.ArgumentParser):
    """Says what was probably meant in place of a value that is none of a flag's choices, or of a verb."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += f".{did_you_mean(value, map(str, action.choices or ()))}"
            raise


def add_config_flag(parser: argparse.ArgumentParser) -> None:
    """Give a parser ``--config``."""
    parser.add_argument("--config", metavar="FILE.yaml", help="YAML file with flags of this verb; flags given win")


def apply_config(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Make the values of the file after ``--config``, if there is one, the parser's defaults; misuse ends the run."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config")
    path = finder.parse_known_args(list(argv))[0].config
    if path is None or not any(action.dest == "config" for action in parser._actions):
        return
    try:
        values = _read_config(path)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    # Reversed, for --x stands before --no_x.
    actions = {action.dest: action for action in reversed(parser._actions) if action.dest not in _NOT_FROM_FILE}
    for name, value in values.items():
        if name not in actions:
            hint = did_you_mean(name, actions) or f" {parser.prog} --help lists the flags."
            parser.error(f"{path} sets {name!r}, which is no flag of this verb.{hint}")
        action = actions[name]
        action.required = False
        try:
            action.default = _as_typed(parser, action, value)
        except (argparse.ArgumentError, ValueError) as error:
            parser.error(f"{path} sets {name}: {value!r}. {error}")


def refuse_unknown_flags(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> None:
    """Ends through ``parser.error`` where words were left over; a flag that was probably meant is named."""
    if unknown:
        given = unknown[0].partition("=")[0].lstrip("-")
        meant = nearest(given, [flag.lstrip("-") for action in parser._actions for flag in action.option_strings])
        hint = f" Did you mean --{meant}?" if meant else f" {parser.prog} --help lists the flags."
        parser.error(f"unrecognized arguments: {' '.join(unknown)}.{hint}")


def truth(word: str) -> bool:
    """What a word of the command line says, as transformers reads it."""
    if word.lower() not in _TRUTH:
        raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false.")
    return _TRUTH[word.lower()]


def _read_config(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of flags; an OSError or ValueError says why it cannot be read."""
    import yaml

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"--config {path}: there is no such file.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, ValueError) as error:  # the second where a word is no value of its type, as a 13th month
        raise ValueError(f"--config {path} is no readable YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"--config {path} must hold lines of the form 'flag: value'.")
    return values


def _as_typed(parser: argparse.ArgumentParser, action: argparse.Action, value: Any) -> Any:
    """The default that a value from the file makes; words and numbers are checked like words typed by hand."""
    if value is None:
        return None
    if action.nargs == 0:  # a flag that is given or not
        if not isinstance(value, bool):
            raise ValueError("Write true or false.")
        return value
    if action.nargs in ("+", "*") or isinstance(action, argparse._AppendAction):
        return [_as_word(parser, action, item) for item in (value if isinstance(value, list) else [value])]
    if isinstance(value, (dict, list)) and not action.choices and action.type not in (None, int, float):
        return value  # loss_kwargs, report_to and the like
    return _as_word(parser, action, value)


def _as_word(parser: argparse.ArgumentParser, action: argparse.Action, value: Any) -> Any:
    if isinstance(value, (dict, list)):
        raise ValueError("Give a single value.")
    value = parser._get_value(action, str(value))
    if action.choices and value not in action.choices:
        choices = [*map(str, action.choices)]
        raise ValueError(f"Choose from: {', '.join(choices)}.{did_you_mean(value, choices)}")
    return value


def flags_of(args) -> dict:
    """What a verb was told, for its ``config.yaml``."""
    about_process = ("run", "rest", "verb", "config", "traceback")
    return {name: value for name, value in vars(args).items() if name not in about_process}
