"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from blv_trainer.files import remove_unfinished, write_errors

logger = logging.getLogger(__name__)

LOCK_FILE = "_blv_trainer.lock"  # the Hub's clients and datasets leave out names that begin so
_FAR = 1 << 30  # Windows lets nobody read bytes that are locked, so lock one behind the text


class FolderInUseError(OSError):
    """Another run is writing to the folder."""


@contextlib.contextmanager
def only_run_in(folder: str | Path, *, active: bool = True) -> Iterator[None]:
    """Hold a folder for this process; whatever a killed process left half written in it is removed.

    The system lets go of the lock when the process ends, however that happens: a file left by a killed process blocks
    nobody.

    Args:
        folder: made where it is missing.
        active: whether to do anything; False in all but the first of several processes that share the work.

    Raises:
        FolderInUseError: another process holds the folder; the message names it and its machine.
        OSError: the folder cannot be written to.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, only_run_in(folder):
        ...     print([path.name for path in Path(folder).iterdir()])
        ['_blv_trainer.lock']
    """
    if not active:
        yield
        return
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _acquire(folder / LOCK_FILE)
        try:
            with write_errors(folder):
                _sign(file)
            remove_unfinished(folder)
            yield
        finally:
            _release(file, folder / LOCK_FILE)
    finally:
        with contextlib.suppress(OSError):  # something was written, so they are not empty
            for path in missing:
                path.rmdir()


def _acquire(path: Path) -> IO[bytes]:
    while True:
        file = open(path, "ab+", buffering=0)  # noqa: SIM115  held until the run ends
        try:
            _lock(file)
        except BlockingIOError:
            file.seek(0)
            holder = _holder(file.read())
            file.close()
            raise FolderInUseError(
                f"{path.parent} is in use by {holder}: wait until that run has ended, or choose another --output_dir."
            ) from None
        except BaseException:
            file.close()
            raise
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
        file.close()  # its holder removed it between our opening and locking it


def _sign(file: IO[bytes]) -> None:
    file.truncate(0)
    holder = {"pid": os.getpid(), "host": platform.node(), "command": Path(sys.argv[0]).name}
    file.write(json.dumps(holder).encode())


def _release(file: IO[bytes], path: Path) -> None:
    if sys.platform == "win32":  # which removes no open file; another run may have it before it is gone
        file.close()
        with contextlib.suppress(OSError):
            path.unlink()
    else:  # while it is held, so that nobody can hold a file that is about to go
        path.unlink(missing_ok=True)
        file.close()


def _lock(file: IO[bytes]) -> None:
    """Lock an open file for this process, not for its children; a BlockingIOError if another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise BlockingIOError(error.errno, os.strerror(error.errno)) from error
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        logger.warning("%s: this file system has no locks, so a second run in the folder goes unnoticed.", file.name)


def _holder(text: bytes) -> str:
    try:
        found = json.loads(text)
        return f"process {found['pid']} ({found['command']}) on {found['host']}"
    except (ValueError, KeyError, TypeError):  # it has the lock and has not written yet
        return "another process"
