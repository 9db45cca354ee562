"""A text file of any length, checked before its first line is used."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

_BLOCK_BYTES = 1 << 20
_NOT_TEXT = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "compressed with gzip",
    b"PAR1": "a Parquet file",
}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@contextmanager
def open_text(path: Path, encoding: str, *, newline: str) -> Iterator[TextIO]:
    """Opens a text file behind its byte order mark, once all of it has been read through a block at a time.

    So a bad byte at the end of a large file stops the work before it begins.

    Args:
        path: The file.
        encoding: Its encoding.
        newline: As for ``open``.

    Raises:
        ValueError: An unknown encoding, or a file that is empty or not text in this encoding; names the line.
    """
    _check(path, encoding)
    with open(path, encoding=encoding, newline=newline) as file:
        if file.read(1) != "\ufeff":
            file.seek(0)
        yield file


def _check(path: Path, encoding: str) -> None:
    line, is_blank = 1, True
    with open(path, "rb") as file:
        decoder = _decoder(encoding)
        _check_start(path, file.read(4), encoding)
        file.seek(0)
        for text in _decoded_blocks(file, path, decoder, encoding):
            if "\0" in text:
                raise ValueError(
                    f"{path}, line {line + text.count(chr(10), 0, text.index(chr(0)))}: a NUL character. The file is "
                    "not plain text, or UTF-16 without a mark. Save it as UTF-8 or give encoding='utf-16-le'."
                )
            line += text.count("\n")
            is_blank = is_blank and not text.removeprefix("\ufeff").strip()
    if is_blank:
        raise ValueError(f"{path} is empty.")


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)  # refuses codecs that are not for text
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError) as error:
        raise ValueError(f"encoding={encoding!r} is unknown. Try 'utf-8', 'utf-16', 'cp1252' ...") from error


def _check_start(path: Path, start: bytes, encoding: str) -> None:
    for mark, what in _NOT_TEXT.items():
        if start.startswith(mark):
            raise ValueError(f"{path} is not text: it is {what}. Save or export it as {path.suffix} in UTF-8.")
    if start.startswith(_UTF16_MARKS) and not codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        raise ValueError(f"{path} is UTF-16, not {encoding}. Save it as UTF-8 or give encoding='utf-16'.")


def _decoded_blocks(file: BinaryIO, path: Path, decoder: codecs.IncrementalDecoder, encoding: str) -> Iterator[str]:
    line, is_last = 1, False
    while not is_last:
        block = file.read(_BLOCK_BYTES)
        is_last = not block
        try:
            text = decoder.decode(block, final=is_last)
            text.encode()  # utf-7 and unicode_escape let halves of surrogate pairs through, which no text may hold
        except UnicodeDecodeError as error:
            line += error.object.count(b"\n", 0, error.start)
            offset = file.tell() - len(error.object) + error.start  # the object ends where the block does
            raise ValueError(
                f"{path}, line {line}: byte {offset} (0x{error.object[error.start]:02x}) is not {encoding}. Save it as "
                "UTF-8 or give encoding=... (Excel's 'CSV' is often 'cp1252')."
            ) from error
        except UnicodeError as error:  # of codecs that say no more, and of text.encode()
            raise ValueError(f"{path} is not {encoding}. Save it as UTF-8 or give encoding=...") from error
        line += text.count("\n")
        yield text
