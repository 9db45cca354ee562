"""Texts of the corpus: bytes to characters, and characters to one clean line."""

import re
from dataclasses import dataclass

# Bytes of Windows-1252 that were once read as Latin-1: the character they were meant to be, where there is one.
_C1 = {}
for _code in range(0x80, 0xA0):
    try:
        _C1[_code] = bytes([_code]).decode("cp1252")
    except UnicodeDecodeError:  # five bytes mean nothing in Windows-1252
        _C1[_code] = ""
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"), "")
_BINARY = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_MASK = re.compile(r"\[\*+\]")
_BREAK = re.compile(r"(?<=\s)[\u2013\u2014-](?=\s)")
_FILLER = re.compile(r"(?<![\w'\u2019-])(?:uh+m*|u+m+|ah+|hm+)(?![\w'\u2019-])[,.]?", re.IGNORECASE)


@dataclass(frozen=True)
class TextCleaning:
    r"""What cleaning leaves in a text; BOM, C1 characters, invisible ones and white space are always dealt with.

    Args:
        keep_breaks: Keep the spaced dash that marks a break.
        keep_masks: Keep ``[***]``, which stands for a masked name.
        keep_trailing: Keep ``...`` at the end, where the minute ran out.
        keep_fillers: Keep uh, um, uhm, umm, ah, hmm.

    Examples:
        >>> raw = "\n\nUh I live in [***] \u2013 it\x92s um nice and..."
        >>> ascii(TextCleaning()(raw))
        "'Uh I live in [***] \\u2013 it\\u2019s um nice and...'"
        >>> strict = TextCleaning(keep_breaks=False, keep_masks=False, keep_trailing=False, keep_fillers=False)
        >>> ascii(strict(raw))
        "'I live in it\\u2019s nice and'"
    """

    keep_breaks: bool = True
    keep_masks: bool = True
    keep_trailing: bool = True
    keep_fillers: bool = True

    def __call__(self, raw_text: str) -> str:
        """Cleans one text: every run of white space becomes one space."""
        text = raw_text.translate(_C1).translate(_INVISIBLE)
        if not self.keep_trailing:
            text = _without_trailing(text)
        if not self.keep_masks:
            text = _MASK.sub(" ", text)
        if not self.keep_fillers:
            text = _FILLER.sub(" ", text)
        if not self.keep_breaks:
            text = _BREAK.sub(" ", f" {text} ")
        return " ".join(text.split())


def decode(content: bytes) -> tuple[str, str] | None:
    r"""Decodes a text file as UTF-8 (with or without BOM), then as Windows-1252.

    Returns:
        The text, BOM removed, and the encoding's name; None where the file is no text in either.

    Examples:
        >>> decode(b"\xef\xbb\xbfyes"), decode(b"caf\xe9"), decode(b"ID3\x04\x00")
        (('yes', 'utf-8-sig'), ('caf\xe9', 'cp1252'), None)
    """
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Windows-1252 gives nearly every file of bytes some characters: control characters tell them from texts.
        return None if _BINARY.search(text) else (text, encoding)
    return None


def features(content: bytes, raw_text: str) -> list[str]:
    r"""Names what is worth counting about one text, for the quality report.

    Examples:
        >>> features(b"\xef\xbb\xbf\nSo \xe2\x80\x93 I...", "\nSo \u2013 I...")
        ['BOM', 'line breaks', 'empty first line', 'break marks', 'unfinished']
    """
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
