"""A walk through a folder that follows links, ends, and names whatever it cannot or will not enter."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from blv_trainer.corpora.icnale.report import Finding

_SYSTEM_NAMES = ("__macosx", ".ds_store", "thumbs.db", "desktop.ini")
_COPY = re.compile(r".*\(\d+\)|.* - copy|copy of .*", re.IGNORECASE)


@dataclass(frozen=True)
class WalkedFile:
    """A regular file.

    Args:
        path: Path relative to the folder walked, with forward slashes.
        size: In bytes.
        times_ns: When content and when anything at all last changed, in nanoseconds; the second also moves where a
            tool sets the first back.
    """

    path: str
    size: int
    times_ns: tuple[int, int]


def walk(root: str | os.PathLike, findings: list[Finding]) -> Iterator[WalkedFile]:
    """Yields the files below ``root``; system files, copies, loops and the unreadable become ``findings``.

    Real folders come before linked ones, so that what can be reached both ways keeps its own path. A linked folder may
    lie anywhere, as recordings on another disk do. A linked file may not: a folder from elsewhere could bring any file
    of this computer into the dataset under the name of an answer.

    Args:
        root: An existing folder.
        findings: List that is added to.
    """
    status = os.stat(root)
    seen = {(status.st_dev, status.st_ino)}
    pending = [""]
    links: list[str] = []
    while pending or links:
        folder = pending.pop() if pending else _enter_link(root, links.pop(0), seen, findings)
        if folder is None:
            continue
        for entry, path in _entries(root, folder, findings):
            try:
                status = entry.stat()
            except OSError as error:  # a broken link, a link to itself, no permission
                findings.append(Finding("unreadable", path, _reason(error)))
                continue
            if stat.S_ISDIR(status.st_mode) and entry.is_symlink():
                links.append(path)
            elif stat.S_ISDIR(status.st_mode):
                seen.add((status.st_dev, status.st_ino))
                pending.append(path)
            elif entry.is_symlink() and (target := _outside(root, path)):
                findings.append(Finding("unreadable", path, f"link to {target}, outside the folder"))
            elif stat.S_ISREG(status.st_mode):
                yield WalkedFile(path, status.st_size, (status.st_mtime_ns, status.st_ctime_ns))
            else:
                findings.append(Finding("unreadable", path, "not a regular file"))


def _entries(root: str | os.PathLike, folder: str, findings: list[Finding]) -> list[tuple[os.DirEntry, str]]:
    """Entries of one folder in order of name, without what operating systems and copying leave."""
    try:
        with os.scandir(os.path.join(root, folder)) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        findings.append(Finding("unreadable", folder or ".", _reason(error)))
        return []
    kept = []
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        name = entry.name.lower()
        if name in _SYSTEM_NAMES or name.startswith("._") or ":zone.identifier" in name:
            findings.append(Finding("system_file", path))
        elif not _is_text(entry.name):
            findings.append(Finding("unreadable", path, "its name is not UTF-8; rename it"))
        elif _COPY.fullmatch(os.path.splitext(name)[0]) and not entry.is_dir(follow_symlinks=False):
            findings.append(Finding("copy", path))
        else:
            kept.append((entry, path))
    return kept


def _outside(root: str | os.PathLike, path: str) -> str | None:
    """Where a linked file lies, if that is not in the folder walked nor in the linked folder that it was found in."""
    full_path = os.path.join(root, path)
    target = os.path.realpath(full_path)
    homes = [os.path.realpath(root), os.path.realpath(os.path.dirname(full_path))]
    return None if any(os.path.commonpath([target, home]) == home for home in homes) else target


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _enter_link(root: str | os.PathLike, path: str, seen: set[tuple[int, int]], findings: list[Finding]) -> str | None:
    """The path of a linked folder, or None where it was walked already."""
    full_path = os.path.join(root, path)
    status = os.stat(full_path)
    identity = (status.st_dev, status.st_ino)
    if identity not in seen:
        seen.add(identity)
        return path
    target, parent = os.path.realpath(full_path), os.path.realpath(os.path.dirname(full_path))
    kind = "symlink_loop" if os.path.commonpath([target, parent]) == target else "linked_twice"
    findings.append(Finding(kind, path, f"leads to {target}"))
    return None


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
