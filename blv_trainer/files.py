"""Files that are there whole or not at all, also after a kill, a power cut or a full disk."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

INCOMPLETE_FILE = "_incomplete"  # the Hub's clients and datasets leave out names that begin so
_UNFINISHED = ".unfinished"  # ends every temporary name
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TORCH_WRITER = re.compile(r"PytorchStreamWriter failed writing|inline_container.*unexpected pos", re.DOTALL)


def write_whole(path: str | Path, write: Callable[[Path], Any]) -> None:
    """Write a file under a temporary name beside its own, flush it to the disk, then give it its name.

    Args:
        path: the file; its folder is made where it is missing.
        write: called with the temporary path.

    Raises:
        OSError: it could not be written; a file that was there before is as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_UNFINISHED}")
    try:
        with write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(temporary)
            sync(temporary)
            os.replace(temporary, path)
            sync(path.parent)
    finally:
        with contextlib.suppress(OSError):  # it says nothing that the first error did not say
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline=""))


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON, whole or not at all; undefined numbers (nan) become null, which JSON has."""
    write_text(path, json.dumps(_without_nan(value), indent=2, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def staged_folder(folder: str | Path, *, name: str = "", active: bool = True) -> Iterator[Path]:
    """A temporary folder inside ``folder``; what was written there moves up when the block ends without an error.

    Files of the same names are replaced, folders in it replace those of the same name, others stay. While things move,
    ``folder`` holds a file ``_incomplete``; one that stays there tells of a process that was killed meanwhile.

    Args:
        folder: made where it is missing.
        name: of the temporary folder: one and the same where several processes write to it; default: this process's.
        active: whether this process makes the temporary folder and moves what is in it.

    Yields:
        The temporary folder, empty.

    Raises:
        OSError: something could not be written; then ``folder`` is as it was.
    """
    folder = Path(folder)
    staging = folder / f".{name or os.getpid()}{_UNFINISHED}"
    if not active:
        yield staging
        return
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with write_errors(folder):
            staging.mkdir(parents=True)
            yield staging
            _publish(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def write_errors(path: str | Path) -> Iterator[None]:
    """Give errors of writing the name of what was to be written, those of safetensors, tokenizers and torch among them.

    Raises:
        OSError: in place of what the block raised, where that came from the disk.
    """
    try:
        yield
    except OSError as error:
        # A copy that finds no room names the file that it read.
        told = error.filename is not None and _UNFINISHED not in str(error.filename) and error.errno not in _NO_ROOM
        if error.errno is None or told:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    except Exception as error:
        number = _error_number(error, Path(path))
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process left under temporary names, in a folder that nobody else is writing to."""
    for path in [*folder.rglob(f".*{_UNFINISHED}")]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, survive a power cut."""
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(staging: Path, folder: Path) -> None:
    """Move all that ``staging`` holds into ``folder`` once it is on the disk; both are on one file system."""
    for path in [*staging.rglob("*"), staging]:
        sync(path)
    (folder / INCOMPLETE_FILE).touch()
    sync(folder)
    for path in sorted(staging.iterdir()):
        target = folder / path.name
        if path.is_dir() and target.exists():  # a folder replaces no other that holds files
            os.replace(target, staging / f"{path.name}{_UNFINISHED}")
        os.replace(path, target)
    sync(folder)
    (folder / INCOMPLETE_FILE).unlink()
    sync(folder)


def _error_number(error: Exception, path: Path) -> int | None:
    """The system's number of an error that came from writing; None for any other error."""
    found = re.search(r"\(os error (\d+)\)", str(error))  # how safetensors and tokenizers, written in Rust, say it
    if found:
        return int(found[1])
    if isinstance(error, RuntimeError) and _TORCH_WRITER.search(str(error)):  # torch.save does not say why
        folder = next(parent for parent in (path, *path.parents) if parent.is_dir())
        return errno.ENOSPC if shutil.disk_usage(folder).free < 1 << 20 else errno.EIO
    return None


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
