"""The recordings of a folder: which there are, how long they are, their sounds read ahead of their use."""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from blv_trainer.asr.audio import Audio, load_audio
from blv_trainer.asr.sound_files import AUDIO_SUFFIXES, duration_of
from blv_trainer.files import fingerprint

_AHEAD = 2  # sounds in memory beside the one in use, and threads that read them
_HEADERLESS = (".raw", ".pcm")  # sounds of which nothing says how to read them

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """One sound file."""

    id: str
    path: Path
    duration_s: float  # by its header; 0 where none tells

    @cached_property
    def fingerprint(self) -> str:
        """Of its content; empty where it cannot be read, which reading its sound says."""
        try:
            return fingerprint(self.path)
        except OSError:
            return ""


def find_recordings(folder: str | os.PathLike) -> list[Recording]:
    """Every sound in a folder and below, longest first; those of a kind that cannot be read too, to fail by name."""
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder (looked in {folder.absolute().parent}).")
    paths = [path for path in sorted(folder.rglob("*")) if _is_recording(path.relative_to(folder)) and path.is_file()]
    if not paths:
        raise FileNotFoundError(f"{folder} has no sound file in it or below. Looked for {', '.join(AUDIO_SUFFIXES)}.")
    return read_recordings(paths, folder)


def read_recordings(paths: Iterable[str | os.PathLike], root: str | os.PathLike = "") -> list[Recording]:
    """The recordings of some sound files, longest first; equal files of one name count once.

    An id is a file's name without suffix; where files share it, their paths from the root without suffix; where they
    share that too, with it.
    """
    names = {path: _names(path, root) for path in _without_copies([Path(path) for path in paths])}
    owners = Counter(name for of_one in names.values() for name in {*of_one})
    recordings = []
    for path, of_one in names.items():
        id = next((name for name in of_one if owners[name] == 1), of_one[-1])
        recordings.append(Recording(id, path, duration_of(path)))
    return sorted(recordings, key=lambda recording: (-recording.duration_s, recording.id))


def load_ahead(recordings: Iterable[Recording]) -> Iterator[tuple[Recording, Future[Audio]]]:
    """Reads sounds in order, ahead of their use, by threads: decoding releases the interpreter lock."""
    waiting: deque[tuple[Recording, Future[Audio]]] = deque()
    pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="load_audio")
    try:
        for recording in recordings:
            waiting.append((recording, pool.submit(load_audio, recording.path)))
            if len(waiting) == _AHEAD:
                yield waiting.popleft()
        yield from waiting
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _is_recording(path: Path) -> bool:
    passed_over = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not passed_over and path.suffix.lower() in (*AUDIO_SUFFIXES, *_HEADERLESS)


def _names(path: Path, root: str | os.PathLike) -> tuple[str, ...]:
    relative = Path(os.path.relpath(path, root or None))
    return path.stem, relative.with_suffix("").as_posix(), relative.as_posix()


def _without_copies(paths: list[Path]) -> list[Path]:
    """Without files that equal, in name and content, one before them."""
    sizes = {path: path.stat().st_size if path.exists() else 0 for path in paths}
    alike = Counter((path.stem, size) for path, size in sizes.items())
    first: dict[tuple[str, str], Path] = {}
    for path, size in sizes.items():
        content = Recording("", path, 0.0).fingerprint if alike[path.stem, size] > 1 else ""
        first.setdefault((path.stem, content or str(path)), path)
    if len(first) < len(paths):
        logger.warning("%d files equal another of the same name and count once with it.", len(paths) - len(first))
    return [*first.values()]
