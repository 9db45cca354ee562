"""Recordings -> a store of transcripts, by one process or several, going on where the last run stopped."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blv_trainer.asr.backends import Backend
from blv_trainer.asr.recordings import Recording, find_recordings, load_ahead, read_recordings
from blv_trainer.asr.store import TranscriptStore, make_record, options_hash

if TYPE_CHECKING:
    from accelerate import PartialState

_PACKAGES = ("openai-whisper", "faster-whisper", "torch", "av", "soxr", "blv_trainer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a process is with its share of a run: files and seconds of audio, done and to be done."""

    files: int
    total_files: int
    seconds: float
    total_seconds: float


@dataclass(frozen=True)
class Transcription:
    """What a run leaves behind: the merged file, and of the recordings asked for, transcripts and failures by id."""

    path: Path
    rows: dict[str, dict[str, Any]]
    failures: dict[str, str]
    done_before: int  # of the transcripts


def transcribe(
    recordings: str | os.PathLike | Iterable[str | os.PathLike],
    output_dir: str | os.PathLike,
    *,
    backend: Backend,
    root: str | os.PathLike | None = None,
    limit: int | None = None,
    processes: PartialState | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Transcription | None:
    """Transcribes the recordings that a store does not have yet.

    A recording is done when the store has a transcript of the same content by the same model and options. A failed one
    is tried again by the next run. Killed at any moment, a run loses at most the files in flight.

    Args:
        recordings: A folder, searched with all that is below it, hidden files and ``__MACOSX`` excepted; or the sound
            files. A file's name without suffix is its id, ``speaker01/part_time`` where files share it, and
            ``speaker01/part_time.wav`` where they share that; equal files of one name count once.
        output_dir: The store of transcripts; a used one is gone on with.
        backend: From `build_backend`.
        root: Folder that the store's ``audio_path`` is relative to; default: the folder of the recordings.
        limit: Most recordings, the first by id; None for all.
        processes: Those that share the work, each taking every n-th recording; None: this one does everything.
        on_progress: Called after each file.

    Returns:
        What there is now, of all processes; None in all but the main one.

    Raises:
        FileNotFoundError: No such folder or file, or no sound in the folder.
        ValueError: ``limit`` below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit={limit} cannot be used: give a number from 1 up, or None for all recordings.")
    if isinstance(recordings, (str, os.PathLike)):
        found, root = find_recordings(recordings), root or recordings
    else:
        found = read_recordings(recordings, root or "")
    root = Path(root or "").expanduser()
    chosen = set(sorted(recording.id for recording in found)[:limit])
    wanted = [recording for recording in found if recording.id in chosen]

    rank, size = (processes.process_index, processes.num_processes) if processes else (0, 1)
    wait = processes.wait_for_everyone if processes else lambda: None
    store = TranscriptStore(output_dir, rank=rank)
    description = backend.describe()
    digest = options_hash(description)
    before = store.rows(digest)
    wait()  # nobody writes before all have read
    share = [r for r in wanted[rank::size] if not _is_done(before.get(r.id), r)]
    progress = Progress(0, len(share), 0.0, sum(recording.duration_s for recording in share))
    on_progress(progress)
    with contextlib.closing(store):
        for recording, row in _rows(share, backend, description, root):
            store.append(row)
            progress = replace(progress, files=progress.files + 1, seconds=progress.seconds + recording.duration_s)
            on_progress(progress)
    wait()
    if rank > 0:
        return None
    rows = {id: row for id, row in store.rows(digest).items() if id in chosen}
    return Transcription(
        path=store.merge(digest),
        rows={id: row for id, row in rows.items() if "error" not in row},
        failures={id: row["error"] for id, row in rows.items() if "error" in row},
        done_before=sum("error" not in row and row == before.get(id) for id, row in rows.items()),
    )


def _is_done(row: dict[str, Any] | None, recording: Recording) -> bool:
    return row is not None and "error" not in row and row["audio_fingerprint"] == recording.fingerprint


def _rows(
    recordings: list[Recording], backend: Backend, description: dict[str, Any], root: Path
) -> Iterator[tuple[Recording, dict[str, Any]]]:
    """What the store keeps of each recording, as soon as it is known: a transcript or a failure."""
    versions = {}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):  # an extra
            versions[package] = version(package)
    in_flight: dict[str, tuple[Recording, float, tuple[str, ...]]] = {}  # length, notes
    unreadable: list[tuple[Recording, dict[str, Any]]] = []
    told: set[str] = set()

    def failure(recording: Recording, error: Exception) -> tuple[Recording, dict[str, Any]]:
        reason = f"{type(error).__name__}: {error}"
        if reason not in told:  # once, where the model is at fault; what is kept has it with each recording
            logger.warning("%s failed. %s", recording.id, reason)
            told.add(reason)
        made_from = {"options_hash": options_hash(description), "audio_fingerprint": recording.fingerprint}
        return recording, {"id": recording.id, **made_from, "error": reason}

    def sounds() -> Iterator[tuple[str, np.ndarray]]:
        for recording, loading in load_ahead(recordings):
            try:
                audio = loading.result()
            except Exception as error:  # whatever it is, the others go on
                unreadable.append(failure(recording, error))
            else:
                in_flight[recording.id] = recording, audio.duration, audio.notes
                yield recording.id, audio.samples

    for id, result in backend.transcribe(sounds()):
        recording, duration_s, notes = in_flight.pop(id)
        if isinstance(result, Exception):
            yield failure(recording, result)
            continue
        record = make_record(
            id,
            result,
            duration_s=duration_s,
            audio_path=Path(os.path.relpath(recording.path, root)).as_posix(),
            audio_fingerprint=recording.fingerprint,
            audio_notes=notes,
            description=description,
            versions=versions,
        )
        yield recording, record
    yield from unreadable
