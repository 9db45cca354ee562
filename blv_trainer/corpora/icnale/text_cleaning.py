"""Texts of the corpus: bytes to characters, and characters to one clean line."""

import re

# Bytes of Windows-1252 that were once read as Latin-1: the character they were meant to be, where there is one.
_C1 = {code: bytes([code]).decode("cp1252", errors="ignore") for code in range(0x80, 0xA0)}
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"), "")
_MASK = re.compile(r"\[\*+\]")
_BREAK = re.compile(r"(?<=\s)[\u2013\u2014-](?=\s)")
_FILLER = re.compile(r"(?<![\w'\u2019-])(?:uh+m*|u+m+|ah+|hm+)(?![\w'\u2019-])[,.]?", re.IGNORECASE)


def clean(
    raw_text: str,
    *,
    keep_breaks: bool = True,
    keep_masks: bool = True,
    keep_trailing: bool = True,
    keep_fillers: bool = True,
) -> str:
    """One line without BOM, C1 and invisible characters, and without what is not to be kept (as in `IcnaleConfig`)."""
    text = raw_text.translate(_C1).translate(_INVISIBLE)
    if not keep_trailing:
        text = _without_trailing(text)
    if not keep_masks:
        text = _MASK.sub(" ", text)
    if not keep_fillers:
        text = _FILLER.sub(" ", text)
    if not keep_breaks:
        text = _BREAK.sub(" ", f" {text} ")
    return " ".join(text.split())


def decode(content: bytes) -> tuple[str, bool]:
    """The text without BOM, and whether it is UTF-8, as in release 2.1; else it is read as Windows-1252."""
    try:
        return content.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), False


def features(content: bytes, raw_text: str) -> list[str]:
    """Names what is worth counting about one text, for the quality report."""
    checks = {
        "BOM": content.startswith(b"\xef\xbb\xbf"),
        "line breaks": re.search(r"[\r\n]", raw_text.rstrip("\r\n")) is not None,
        "empty first line": re.match(r"[ \t]*[\r\n]", raw_text) is not None,
        "C1 characters": any(0x80 <= ord(character) < 0xA0 for character in raw_text),
        "break marks": _BREAK.search(raw_text) is not None,
        "masks": _MASK.search(raw_text) is not None,
        "unfinished": _without_trailing(raw_text) != raw_text,
        "fillers": _FILLER.search(raw_text) is not None,
    }
    return [name for name, found in checks.items() if found]


def _without_trailing(text: str) -> str:
    """The text without ``...`` or one ellipsis at its end; a regular expression would take minutes for long blanks."""
    end = text.rstrip()
    if end.endswith("\u2026"):
        return end[:-1].rstrip()
    if end.endswith("..."):
        return end.rstrip(".").rstrip()
    return text
