"""The recordings of a folder: which there are, how long they are, their sounds read ahead of their use."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import soundfile

from blv_trainer.asr.audio import AUDIO_SUFFIXES, Audio, load_audio
from blv_trainer.files import fingerprint

_AHEAD = 2  # sounds in memory beside the one in use, and threads that read them
_UNREADABLE_SUFFIXES = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".3gp", ".raw")  # sounds, but not for us


@dataclass(frozen=True)
class Recording:
    """One sound file, by its name without suffix."""

    id: str
    path: Path
    duration_s: float  # 0 where no header tells

    @cached_property
    def fingerprint(self) -> str:
        """Of its content."""
        return fingerprint(self.path)


def find_recordings(folder: str | os.PathLike) -> list[Recording]:
    """Every sound in a folder and below, longest first; those of a kind that cannot be read too, to fail by name."""
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder (looked in {folder.absolute().parent}).")
    paths = [path for path in sorted(folder.rglob("*")) if _is_recording(path.relative_to(folder)) and path.is_file()]
    if not paths:
        raise FileNotFoundError(f"{folder} has no sound file in it or below. Looked for {', '.join(AUDIO_SUFFIXES)}.")
    return read_recordings(paths)


def read_recordings(paths: Iterable[str | os.PathLike]) -> list[Recording]:
    """The recordings of some sound files, longest first; equal files of one name count once."""
    by_id: dict[str, Recording] = {}
    for path in map(Path, paths):
        recording = Recording(path.stem, path, _duration(path))
        first = by_id.setdefault(recording.id, recording)
        if first is not recording and first.fingerprint != recording.fingerprint:
            raise ValueError(
                f"two different files have the id {recording.id!r}: {first.path} and {recording.path}. "
                "Rename or remove one of them."
            )
    return sorted(by_id.values(), key=lambda recording: (-recording.duration_s, recording.id))


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
    return not passed_over and path.suffix.lower() in (*AUDIO_SUFFIXES, *_UNREADABLE_SUFFIXES)


def _duration(path: Path) -> float:
    try:
        return soundfile.info(str(path)).duration
    except (soundfile.LibsndfileError, TypeError):  # TypeError: .raw has no header
        return 0.0
