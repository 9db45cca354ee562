"""Tokens and names of this computer's folders, which must not stand in a published file."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from pathlib import Path

# Roots under which people keep their things. What stands before must not make it part of a URL or of a relative path.
_BEFORE = r"(?<![\w.:/~*<>)\]}-])"
_LOCAL_PATH = re.compile(
    _BEFORE + r"/(?:Users|home|root|tmp|var|mnt|media|data|opt|srv|scratch|content|kaggle|workspace)/[\w.-]+"
    r"|(?<![A-Za-z])[A-Za-z]:\\{1,2}(?:Users|Documents|Temp|Data)\b"
)
_TOKEN = re.compile(r"\b(?:hf|api_org)_[A-Za-z0-9]{20,}\b")
_WORD_LISTS = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt")  # hold any string there is
_SHOWN_CHARACTERS = 60


def leaks(path: Path, *, token: str | None = None) -> Iterator[str]:
    """What a file gives away, a few words each; a token is never shown.

    Args:
        path: the file. Text is searched for any token and any local path, other formats (ONNX keeps the files that its
            code came from) for the token in use and the folders of this computer.
        token: the token in use.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "x.json").write_text('{"path": "/home/ann/essays.csv", "url": "https://hf.co/data/x"}')
        ...     list(leaks(Path(folder, "x.json")))
        ["the local path '/home/ann'"]
    """
    text = _text(path)
    if text is None:
        yield from _binary_leaks(path, token)
        return
    if token and token in text:
        yield "the token in use"
    elif _TOKEN.search(text):
        yield "a token of the Hub"
    found = _own_path(text) if path.name in _WORD_LISTS else local_path(text)
    if found:
        yield f"the local path {found[:_SHOWN_CHARACTERS]!r}"


def local_path(text: str) -> str | None:
    """The first path of somebody's computer in a text, or None.

    Examples:
        >>> local_path("trained on /home/ann/essays.csv"), local_path("see https://hf.co/home/ann")
        ('/home/ann', None)
    """
    found = _LOCAL_PATH.search(text)
    return found[0] if found else _own_path(text)


def _own_path(text: str) -> str | None:
    found = re.search(f"{_BEFORE}(?:{_own_folders()})", text)
    return found[0] if found else None


def _binary_leaks(path: Path, token: str | None) -> Iterator[str]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if token and content.find(token.encode()) >= 0:
            yield "the token in use"
        found = re.search(_own_folders().encode(), content)
        if found:
            yield f"the local path {found[0].decode()!r}"


def _own_folders() -> str:
    """Pattern for the folders of this computer that tell who works where: home, and the folder worked in."""
    folders = {str(Path.home()), os.getcwd(), os.path.realpath(os.getcwd())}
    longest_first = sorted((re.escape(folder) for folder in folders if len(folder) > 1), key=len, reverse=True)
    return rf"(?:{'|'.join(longest_first)})(?=[/\\\"'\s]|$)" if longest_first else r"(?!)"


def _text(path: Path) -> str | None:
    with path.open("rb") as file:
        if b"\0" in file.read(8192):
            return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
