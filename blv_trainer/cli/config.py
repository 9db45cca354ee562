"""``--config FILE.yaml``: its keys are a verb's flags; they become defaults, so flags on the command line win."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

_NOT_FROM_FILE = ("help", "config")


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
            close = get_close_matches(name, actions, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" Choose from: {', '.join(sorted(actions))}."
            parser.error(f"{path} sets {name!r}, which is no flag of this verb.{hint}")
        action = actions[name]
        if action.choices and value is not None and value not in action.choices:
            parser.error(f"{path} sets {name}: {value!r}. Choose from: {', '.join(map(str, action.choices))}.")
        action.required = False
        action.default = _as_typed(action, value)


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of flags; a ValueError or OSError says what is wrong with it."""
    import yaml

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"--config {path}: there is no such file.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"--config {path} is no readable YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"--config {path} must hold lines of the form 'flag: value'.")
    return values


def _as_typed(action: argparse.Action, value: Any) -> Any:
    # argparse converts defaults only where they are strings: as one, a number is checked like a word typed by hand.
    if isinstance(value, (int, float)) and action.type is not None:
        return str(value)
    return value
