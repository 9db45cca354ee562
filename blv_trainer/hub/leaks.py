"""Tokens and names of this computer's folders, which must not stand in a published file."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
from collections.abc import Iterator
from pathlib import Path

# Roots under which people keep their things. What stands before must not make it part of a URL or of a relative path.
_BEFORE = r"(?<![\w.:/~*<>)\]}-])"
_ROOTS = "Users|home|root|tmp|var|mnt|media|data|opt|srv|scratch|content|kaggle|work|workspace"
# A single backslash before n, r or t is more often a line break or a tab of JSON, as in "Q:\nA:\n".
_WINDOWS = r"(?<!\w)[A-Za-z]:(?:\\\\|\\(?![nrt])|\\(?=te?mp\b))[\w.-]+"
_LOCAL_PATH = re.compile(rf"{_BEFORE}/(?:{_ROOTS})/[\w.-]+|{_WINDOWS}")
_TOKEN = re.compile(r"\b(?:hf|api_org)_[A-Za-z0-9]{20,}\b")
_WORD_LISTS = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt")  # hold any string there is
_SHOWN_CHARACTERS = 60


def leaks(path: Path, *, token: str | None = None) -> Iterator[str]:
    """What a file gives away, a few words each; a token is never shown.

    Text is searched for any token and local path, other formats for the token in use and this computer's folders.
    """
    with path.open("rb") as file:
        is_text = b"\0" not in file.read(8192)
    if is_text:
        with contextlib.suppress(UnicodeDecodeError):
            text = path.read_text(encoding="utf-8")
            yield from leaks_of_text(text, token=token, any_path=path.name not in _WORD_LISTS)
            return
    # ONNX keeps the files that its code came from.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if token and content.find(token.encode()) >= 0:
            yield "the token in use"
        if found := re.search(_own_folders().encode(), content):
            yield f"the local path {found[0].decode()!r}"


def leaks_of_text(text: str, *, token: str | None = None, any_path: bool = True) -> Iterator[str]:
    """What a text gives away: tokens, and local paths or, unless ``any_path``, only the folders of this computer.

    Examples:
        >>> list(leaks_of_text("trained on /home/ann/essays.csv, see https://hf.co/home/ann"))
        ["the local path '/home/ann'"]
    """
    if token and token in text:
        yield "the token in use"
    elif _TOKEN.search(text):
        yield "a token of the Hub"
    if found := (any_path and _LOCAL_PATH.search(text)) or re.search(f"{_BEFORE}(?:{_own_folders()})", text):
        yield f"the local path {found[0][:_SHOWN_CHARACTERS]!r}"


def _own_folders() -> str:
    """Pattern for the folders of this computer that tell who works where: home, and the folder worked in."""
    folders = {str(Path.home()), os.getcwd(), os.path.realpath(os.getcwd())}
    longest_first = sorted((re.escape(folder) for folder in folders if len(folder) > 1), key=len, reverse=True)
    return rf"(?:{'|'.join(longest_first)})(?=[/\\\"'\s]|$)" if longest_first else r"(?!)"
