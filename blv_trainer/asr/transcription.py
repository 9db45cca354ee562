"""A folder of recordings -> a store of transcripts, by one process or several, going on where the last run stopped."""

from __future__ import annotations

import importlib.metadata
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blv_trainer.asr.audio import Audio, AudioError
from blv_trainer.asr.backends import Backend
from blv_trainer.asr.prefetch import load_ahead
from blv_trainer.asr.record import is_complete, make_record, options_hash
from blv_trainer.asr.recordings import Recording, find_recordings
from blv_trainer.asr.store import TranscriptStore
from blv_trainer.asr.workers import Workers

_PACKAGES = ("openai-whisper", "faster-whisper", "torch", "soundfile", "soxr", "blv_trainer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a run is, over all processes.

    Args:
        files: Done in this run.
        total_files: To be done in this run.
        seconds: Of audio, done in this run.
        total_seconds: Of audio, to be done in this run.
    """

    files: int
    total_files: int
    seconds: float
    total_seconds: float


@dataclass(frozen=True)
class Outcome:
    """What a run leaves behind.

    Args:
        path: The merged file.
        rows: Transcripts of the recordings asked for, by id.
        failures: Why there is none, by id.
        done_before: How many of the transcripts were there already.
    """

    path: Path
    rows: dict[str, dict[str, Any]]
    failures: dict[str, str]
    done_before: int


def transcribe_folder(
    data_dir: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    backend: Backend,
    limit: int | None = None,
    workers: Workers | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Outcome | None:
    """Transcribes every recording of a folder that the store does not have yet.

    Args:
        data_dir: Recordings, in it or below.
        output_dir: As in `transcribe_recordings`; so are the others not named here.
        backend: See there.
        limit: Most recordings, the first by id; None for all.
        workers: See there.
        on_progress: See there.

    Returns:
        As `transcribe_recordings`.

    Raises:
        FileNotFoundError: No such folder, or no sound in it.
        ValueError: ``limit`` below 1, or two different files with one id.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit={limit} cannot be used: give a number from 1 up, or None for all recordings.")

    def find() -> list[Recording]:
        recordings = find_recordings(data_dir)
        chosen = set(sorted(recording.id for recording in recordings)[:limit])
        return [recording for recording in recordings if recording.id in chosen]

    root = Path(data_dir).expanduser()
    return transcribe_recordings(find, output_dir, root=root, backend=backend, workers=workers, on_progress=on_progress)


def transcribe_recordings(
    find: Callable[[], list[Recording]],
    output_dir: str | os.PathLike,
    *,
    root: str | os.PathLike,
    backend: Backend,
    workers: Workers | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Outcome | None:
    """Transcribes the recordings that the store does not have yet.

    A recording is done when the store has a transcript of the same content by the same model and options. A failed one
    is tried again by the next run. Killed at any moment, a run loses at most the files in flight.

    Args:
        find: Gives the recordings, longest first; called in the main process only.
        output_dir: The store.
        root: Folder that the store's ``audio_path`` is relative to.
        backend: Who transcribes.
        workers: The processes that share the work; None: those that a launcher started.
        on_progress: Called in the main process after each file.

    Returns:
        What there is now, in the main process; None in the others.
    """
    workers = workers or Workers()
    store = TranscriptStore(output_dir, rank=workers.rank)
    description = backend.describe()
    digest = options_hash(description)

    def plan() -> list[list[Any]]:
        rows = store.rows(digest)
        return [[r.id, str(r.path), r.duration_s, r.fingerprint, _is_done(rows.get(r.id), r)] for r in find()]

    planned = [(Recording(id, Path(path), *rest), done) for id, path, *rest, done in workers.share(plan)]
    to_do = [recording for recording, done in planned if not done]
    run = _Run(store, backend, Path(root), description, workers, to_do, on_progress)
    run.transcribe()
    workers.wait(run.show_progress)
    if not workers.is_main:
        return None
    rows = store.rows(digest)
    wanted = {recording.id: rows.get(recording.id) for recording, _ in planned}
    return Outcome(
        path=store.merge(digest),
        rows={id: row for id, row in wanted.items() if row is not None and "error" not in row},
        failures={id: row["error"] for id, row in wanted.items() if row is not None and "error" in row},
        done_before=len(planned) - len(to_do),
    )


def _is_done(row: dict[str, Any] | None, recording: Recording) -> bool:
    return row is not None and is_complete(row) and row["audio_fingerprint"] == recording.fingerprint


class _Run:
    """One process's part of a run."""

    def __init__(
        self,
        store: TranscriptStore,
        backend: Backend,
        root: Path,
        description: dict[str, Any],
        workers: Workers,
        to_do: list[Recording],
        on_progress: Callable[[Progress], None],
    ):
        self._store = store
        self._backend = backend
        self._root = root
        self._description = description
        self._workers = workers
        self._to_do = to_do
        self._on_progress = on_progress
        self._by_path = {recording.path: recording for recording in to_do}
        self._by_id = {recording.id: recording for recording in to_do}
        self._sounds: dict[str, tuple[float, tuple[str, ...]]] = {}  # length and notes of the files in flight
        self._versions = _versions()

    def transcribe(self) -> None:
        try:
            self.show_progress()
            for id, outcome in self._backend.transcribe(self._samples()):
                self._keep(self._by_id[id], outcome)
        finally:
            self._store.close()

    def show_progress(self) -> None:
        if self._workers.is_main:
            files, milliseconds = self._workers.count("files"), self._workers.count("milliseconds")
            total = sum(recording.duration_s for recording in self._to_do)
            self._on_progress(Progress(files, len(self._to_do), milliseconds / 1000, total))

    def _samples(self) -> Iterator[tuple[str, np.ndarray]]:
        """Sounds of the recordings that this process draws; the unreadable ones are kept as failures."""
        paths = (recording.path for recording in self._workers.draw(self._to_do))
        for path, audio in load_ahead(paths):
            recording = self._by_path[path]
            if isinstance(audio, Audio):
                self._sounds[recording.id] = (audio.duration, audio.notes)
                yield recording.id, audio.samples
            elif isinstance(audio, (AudioError, OSError)):
                self._keep(recording, audio)
            else:
                raise audio

    def _keep(self, recording: Recording, outcome: dict[str, Any] | Exception) -> None:
        duration_s, notes = self._sounds.pop(recording.id, (recording.duration_s, ()))
        if isinstance(outcome, Exception):
            reason = f"{type(outcome).__name__}: {outcome}"
            logger.warning("%s failed. %s", recording.id, reason)
            row = {
                "id": recording.id,
                "options_hash": options_hash(self._description),
                "audio_fingerprint": recording.fingerprint,
                "error": reason,
            }
        else:
            row = make_record(
                recording.id,
                outcome,
                duration_s=duration_s,
                audio_path=Path(os.path.relpath(recording.path, self._root)).as_posix(),
                audio_fingerprint=recording.fingerprint,
                audio_notes=notes,
                description=self._description,
                versions=self._versions,
            )
        self._store.append(row)
        self._workers.count("files", 1)
        self._workers.count("milliseconds", round(recording.duration_s * 1000))
        self.show_progress()


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
