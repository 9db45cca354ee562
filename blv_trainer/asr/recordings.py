"""The recordings of a folder: their ids, lengths and fingerprints."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from blv_trainer.asr.audio import AUDIO_SUFFIXES
from blv_trainer.asr.fingerprint import fingerprint

_UNREADABLE_SUFFIXES = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".3gp", ".raw")  # sounds, but not for us


@dataclass(frozen=True)
class Recording:
    """One sound file to be transcribed.

    Args:
        id: Its name without suffix.
        path: Where it is.
        duration_s: Length in seconds as its header says, 0 where it cannot be read; decides only who goes first.
        fingerprint: Of its content.
    """

    id: str
    path: Path
    duration_s: float
    fingerprint: str


def find_recordings(folder: str | os.PathLike) -> list[Recording]:
    """Finds every sound file in a folder and below, longest first.

    Files of a kind that cannot be read are among them, so that they fail by name. Hidden files and ``__MACOSX`` folders
    are passed over. Equal files of one name count once.

    Args:
        folder: Where to look.

    Raises:
        FileNotFoundError: There is no such folder, or no sound in it.
        ValueError: Two different files have one id.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder (looked in {folder.absolute().parent}).")
    paths = [path for path in sorted(folder.rglob("*")) if _is_recording(path.relative_to(folder)) and path.is_file()]
    if not paths:
        raise FileNotFoundError(f"{folder} has no sound file in it or below. Looked for {', '.join(AUDIO_SUFFIXES)}.")
    return read_recordings(paths)


def read_recordings(paths: Iterable[str | os.PathLike]) -> list[Recording]:
    """The recordings of some sound files, longest first; equal files of one name count once.

    Args:
        paths: The files.

    Raises:
        FileNotFoundError: One of them is missing.
        ValueError: Two different files have one id, or a name is not UTF-8.
    """
    files = [Path(path) for path in paths]
    for path in files:
        if path.stem != path.stem.encode(errors="replace").decode():
            raise ValueError(f"the name of {str(path)!a} is not UTF-8, so that it can be no id: rename the file.")
    recordings = _one_each(Recording(path.stem, path, _duration(path), fingerprint(path)) for path in files)
    return sorted(recordings, key=lambda recording: (-recording.duration_s, recording.id))


def _is_recording(path: Path) -> bool:
    passed_over = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not passed_over and path.suffix.lower() in (*AUDIO_SUFFIXES, *_UNREADABLE_SUFFIXES)


def _duration(path: Path) -> float:
    try:
        return soundfile.info(str(path)).duration
    except (soundfile.LibsndfileError, TypeError, UnicodeEncodeError):  # headerless; a folder's name is not UTF-8
        return 0.0


def _one_each(recordings: Iterable[Recording]) -> list[Recording]:
    by_id: dict[str, Recording] = {}
    for recording in recordings:
        first = by_id.setdefault(recording.id, recording)
        if first.fingerprint != recording.fingerprint:
            raise ValueError(
                f"two different files have the id {recording.id!r}: {first.path} and {recording.path}. "
                "Rename or remove one of them."
            )
    return list(by_id.values())
