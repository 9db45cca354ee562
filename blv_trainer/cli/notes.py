"""What stands on stderr while a verb runs: notes and warnings in our words, a line each, each once, naming flags."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any

# Python that is quoted as such, as in TrainingArguments(label_names=...), and names that may be those of arguments.
_NAMES = re.compile(r"""\w\([^()]*\)|(?<![\w/'"\\.-])([a-z][a-z0-9_]*)(=|(?![\w/'"\\(-]|\.\w))""")
_STANDARD_INPUT = re.compile(re.escape(tempfile.gettempdir()) + r"\S*standard_input\.\w+")  # predict's copy of it
_CALLED_OTHERWISE = {"metric": "tune_for"}  # of arguments of Python, the flags
_OF_PROGRAMMERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


def naming_flags(text: str, flags: Callable[[], Collection[str]]) -> str:
    """A message for Python as one for the command line: ``max_length=0`` becomes ``--max_length 0``."""

    def named(found: re.Match[str]) -> str:
        name, sign = _CALLED_OTHERWISE.get(found[1], found[1]), found[2]
        is_flag = name and (sign or "_" in found[1]) and name in flags()
        return f"--{name}{' ' * len(sign)}" if is_flag else found[0]

    return _NAMES.sub(named, _STANDARD_INPUT.sub("standard input", text))


class _OnStderr(logging.StreamHandler):
    """Shows each line once, above a progress bar where one is running."""

    def __init__(self, named: Callable[[str], str]):
        super().__init__()
        self._named, self._said = named, set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        line = self._named(record.getMessage())
        if line not in self._said:
            self._said.add(line)
            if "tqdm" in sys.modules:
                sys.modules["tqdm"].tqdm.write(line, file=self.stream)
            else:
                print(line, file=self.stream, flush=True)


@contextlib.contextmanager
def notes_on_stderr(named: Callable[[str], str]) -> Iterator[None]:
    """Shows what this package logs and what anybody warns users of, while a verb runs."""
    logger = logging.getLogger("blv_trainer")
    before, propagate, show = _levels(), logger.propagate, warnings.showwarning
    handler = _OnStderr(named)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def show_as_note(message: Any, category: type[Warning], *args: Any, **kwargs: Any) -> None:
        if not issubclass(category, _OF_PROGRAMMERS):
            logger.warning("%s", " ".join(str(message).split()))

    warnings.showwarning = show_as_note
    try:
        yield
    finally:
        warnings.showwarning = show
        logger.removeHandler(handler)
        logger.propagate = propagate
        for name in _levels():  # a verb may quieten some of them
            logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


def _levels() -> dict[str, int]:
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "blv_trainer"]
    return {name: logging.getLogger(name).level for name in names}


def quieten(training_args: Any) -> None:
    """No words of transformers and datasets, and of bars only Trainer's, on a terminal."""
    import datasets
    from transformers import utils

    utils.logging.set_verbosity_error()
    utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    warnings.filterwarnings("ignore", ".* is undefined", RuntimeWarning)  # early in training; the table shows a dash
    if not sys.stderr.isatty():
        training_args.disable_tqdm = True  # in a log, a bar is a line for each step
