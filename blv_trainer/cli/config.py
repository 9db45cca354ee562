"""``--config FILE.yaml``: its keys are a verb's flags; they become defaults, so flags on the command line win."""

from __future__ import annotations

import argparse
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blv_trainer.suggestions import did_you_mean, nearest

_NOT_FROM_FILE = ("help", "config")
_DEEPEST = 20  # lists and mappings in each other
# What PyYAML raises, besides errors of its own, where a word is no value of its type, such as !!bool maybe.
_NO_VALUE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


def add_config_flag(parser: argparse.ArgumentParser) -> None:
    """Give a parser ``--config``."""
    parser.add_argument("--config", metavar="FILE.yaml", help="YAML file with flags of this verb; flags given win")


def apply_config(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Make the values of the file after ``--config``, if there is one, the parser's defaults.

    Ends through ``parser.error`` where the file cannot be read, is no mapping of flags to values, or has a flag or
    choice that the verb does not know.
    """
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config")
    path = finder.parse_known_args(list(argv))[0].config
    if path is None or not any(action.dest == "config" for action in parser._actions):
        return
    try:
        values = read_config(path)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    actions = {action.dest: action for action in parser._actions if action.dest not in _NOT_FROM_FILE}
    for name, value in values.items():
        if name not in actions:
            hint = did_you_mean(name, actions) or f" {parser.prog} --help lists the flags."
            parser.error(f"{path} sets {name!r}, which is no flag of this verb.{hint}")
        action = actions[name]
        action.required = False
        try:
            action.default = _as_typed(parser, action, value)
        except (argparse.ArgumentError, ValueError) as error:
            parser.error(f"{path} sets {name}: {reprlib.repr(value)}. {error}")


def refuse_unknown_flags(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> None:
    """Ends through ``parser.error`` where words were left over; a flag that was probably meant is named."""
    if unknown:
        given = unknown[0].partition("=")[0].lstrip("-")
        meant = nearest(given, [flag.lstrip("-") for action in parser._actions for flag in action.option_strings])
        hint = f" Did you mean --{meant}?" if meant else f" {parser.prog} --help lists the flags."
        parser.error(f"unrecognized arguments: {' '.join(unknown)}.{hint}")


def refuse_unknown_trackers(parser: argparse.ArgumentParser, report_to: Sequence[str]) -> None:
    """Ends through ``parser.error`` where what ``--report_to`` names is unknown or not installed."""
    from transformers.integrations import get_available_reporting_integrations
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    for name in report_to:
        if name not in INTEGRATION_TO_CALLBACK:
            choices = f"{', '.join(INTEGRATION_TO_CALLBACK)}, none.{did_you_mean(name, INTEGRATION_TO_CALLBACK)}"
            parser.error(f"--report_to {name} is unknown. Choose from: {choices}")
        if name not in get_available_reporting_integrations():
            parser.error(f"--report_to {name} needs a package that is not installed: pip install {name}")


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of flags; a ValueError or OSError says what is wrong with it.

    Besides what YAML itself refuses, a name that stands twice is an error, and so are aliases and deep nesting.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"--config {path}: there is no such file.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        _refuse_what_explodes(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, *_NO_VALUE) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"--config {path} is no readable YAML: {reason}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"--config {path} must hold lines of the form 'flag: value'.")
    names = [key.value for key, _ in node.value]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"--config {path} sets {reprlib.repr(twice)} twice; leave one of the two.")
    return values


def _refuse_what_explodes(text: str) -> None:
    """A few lines of aliases can stand for gigabytes, and brackets in brackets take minutes; no flag needs either."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ValueError(f"values lie in each other more than {_DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it uses an alias (*name); write the value out where it is needed")


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
    takes_one = action.choices or action.type in (None, int, float) or isinstance(value, (set, bytes))
    if isinstance(value, (dict, list)) and not takes_one:
        return value  # loss_kwargs, report_to and the like
    return _as_word(parser, action, value)


def _as_word(parser: argparse.ArgumentParser, action: argparse.Action, value: Any) -> Any:
    if isinstance(value, (dict, list, set, tuple, bytes)):
        raise ValueError("Give a single value.")
    if not isinstance(value, str) or action.type is not str:
        value = parser._get_value(action, str(value))
    if action.choices and value not in action.choices:
        raise ValueError(f"Choose from: {', '.join(map(str, action.choices))}.")
    return value


def flags_of(args) -> dict:
    """What a verb was told, for its ``config.yaml``."""
    about_process = ("run", "rest", "verb", "config", "traceback")
    return {name: value for name, value in vars(args).items() if name not in about_process}
