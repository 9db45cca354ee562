"""Files that are there whole or not at all, also after a kill or on a full disk; one run at a time in a folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

INCOMPLETE_FILE = "_incomplete"  # the Hub's clients and datasets leave out names that begin so
LOCK_FILE = "_blv_trainer.lock"
_UNFINISHED = ".unfinished"  # ends every temporary name
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TORCH_WRITER = re.compile(r"StreamWriter failed writing|inline_container.*unexpected pos|iostream error", re.DOTALL)


class FolderInUseError(OSError):
    """Another run is writing to the folder."""


def write_whole(path: str | Path, write: Callable[[Path], Any]) -> None:
    """Have a file written under a temporary name beside its own, flushed to the disk, then given its name.

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
    write_text(path, json.dumps(without_nan(value), indent=2, ensure_ascii=False) + "\n")


def without_nan(value: Any) -> Any:
    """A value for JSON with None in place of every undefined number."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextlib.contextmanager
def staged_folder(folder: str | Path, *, active: bool = True) -> Iterator[Path]:
    """A temporary folder inside ``folder``; what was written there moves up when the block ends without an error.

    Files of the same names are replaced, folders in it replace those of the same name, others stay. While things move,
    ``folder`` holds a file ``_incomplete``; one that stays there tells of a process that was killed meanwhile.

    Args:
        folder: made where it is missing.
        active: whether this process makes the temporary folder and moves what is in it; False where several processes
            write to it, in all but one.

    Raises:
        OSError: something could not be written; then ``folder`` is as it was.
    """
    folder = Path(folder)
    staging = folder / f".staged{_UNFINISHED}"
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
    """Make an OSError with the name of what was to be written of whatever a library raises for the disk."""
    try:
        yield
    except Exception as error:
        number, named = _error_number(error, Path(path)), getattr(error, "filename", None)
        # A copy that finds no room names the file that it read.
        told = named is not None and _UNFINISHED not in str(named) and number not in _NO_ROOM
        if number is None or told:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, survive a power cut."""
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def only_run_in(folder: str | Path, *, active: bool = True) -> Iterator[None]:
    """Hold a folder for this process; whatever a killed process left half written in it is removed.

    The system lets go of the lock when the process ends, however that happens: a killed one blocks nobody.

    Args:
        folder: made where it is missing, and removed again where it is left empty.
        active: whether to do anything; False in all but the first of several processes that share the work.

    Raises:
        FolderInUseError: another process holds the folder; the message names it and its machine.
        OSError: the folder cannot be written to.
    """
    if not active:
        yield
        return
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / LOCK_FILE):
            for path in [*folder.rglob(f".*{_UNFINISHED}")]:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            yield
    finally:
        with contextlib.suppress(OSError):  # something was written, so they are not empty
            for path in missing:
                path.rmdir()


def fingerprint(path: str | os.PathLike) -> str:
    """Hexadecimal digest of a file's content; its name and times say too little, they survive copying."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file that names its holder."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        with write_errors(path.parent):
            lock.acquire(blocking=False)
    except Timeout:
        holder = ""
        # Empty: its holder has not written yet. Unreadable: Windows lets nobody read what is locked.
        with contextlib.suppress(OSError):
            holder = path.read_text(encoding="utf-8")
        raise FolderInUseError(
            f"{path.parent} is in use by {holder or 'another process'}: wait until that run has ended, or choose "
            "another --output_dir."
        ) from None
    try:
        with write_errors(path.parent):
            path.write_text(f"process {os.getpid()} ({Path(sys.argv[0]).name}) on {platform.node()}", encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file
            path.unlink()  # while it is held, so that nobody can hold a file that is about to go
        lock.release()


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
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"\(os error (\d+)\)", str(error))  # how safetensors and tokenizers, written in Rust, say it
    if found:
        return int(found[1])
    if isinstance(error, RuntimeError) and _TORCH_WRITER.search(str(error)):  # torch.save does not say why
        folder = next(parent for parent in (path, *path.parents) if parent.is_dir())
        return errno.ENOSPC if shutil.disk_usage(folder).free < 1 << 20 else errno.EIO
    return None
