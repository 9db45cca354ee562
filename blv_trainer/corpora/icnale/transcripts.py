"""What Whisper heard in a corpus: read, or made where it is missing; and how far it is from what people heard."""

import logging
import os
from collections.abc import Hashable

from blv_trainer.asr import WordErrors, word_errors_by
from blv_trainer.corpora.icnale.builder_config import IcnaleConfig
from blv_trainer.corpora.icnale.names import Answer, Transcript, normalize_id
from blv_trainer.corpora.icnale.selection import wanted_answers
from blv_trainer.corpora.table.read import read_chunks

logger = logging.getLogger(__name__)


def whisper_word_errors(answers: list[Answer], config: IcnaleConfig) -> dict[str, dict[Hashable, WordErrors]]:
    """Word errors of Whisper's transcripts against the human ones, of the answers that have both.

    With ``whisper_model``, recordings that the store lacks are transcribed into it first.

    Args:
        answers: Of the whole corpus.
        config: Where the transcripts are, and which answers are wanted.

    Returns:
        Errors by "all", "label" and "region", then by their values; empty where no answer has both texts.

    Raises:
        FileNotFoundError: Where there are no such transcripts or weights.
        ValueError: Where they cannot be used.
    """
    transcripts = whisper_transcripts(answers, config)
    rows = [
        {"text": transcripts[a.id].text, "text_human": a.text, "label": a.label, "region": a.region}
        for a in answers
        if a.text is not None and a.id in transcripts
    ]
    return word_errors_by(rows) if rows else {}


def whisper_transcripts(answers: list[Answer], config: IcnaleConfig) -> dict[str, Transcript]:
    """Transcripts by id, none with ``transcripts="human"``; with ``whisper_model`` the store is first made whole."""
    path = config.transcripts_path
    if path is None:
        return {}
    if config.whisper_model is None:
        return read_transcripts(path)
    from datasets.utils import tqdm

    from blv_trainer.asr import Progress, build_backend, transcribe

    recordings = [answer.audio for answer in wanted_answers(answers, config) if answer.audio is not None]
    # English, as by `blv-trainer transcribe`, whose store it goes on with.
    backend = build_backend("openai-whisper", config.whisper_model, language="en")
    with tqdm(desc=f"Transcribing by {os.path.basename(config.whisper_model)}", unit=" recordings") as bar:

        def show(progress: Progress) -> None:
            bar.total, bar.n = progress.total_files, progress.files
            bar.refresh()

        # By this process alone: each one of a training run builds the dataset, one after the other.
        done = transcribe(recordings, path, root=config.audio_dir or config.folder, backend=backend, on_progress=show)
    assert done is not None  # who works alone is the main process
    logger.info("%s: %d transcripts, %d made before", done.path, len(done.rows), done.done_before)
    return {normalize_id(id_): Transcript(row["text"], row["duration_s"]) for id_, row in done.rows.items()}


def read_transcripts(path: str | os.PathLike) -> dict[str, Transcript]:
    """Reads a finished store, or another table with at least ``id`` (or name of the recording) and ``text``."""
    table = next(read_chunks(path)).columns
    columns = [column for column in ("id", "text", "duration_s") if column in table.column_names]
    transcripts: dict[str, Transcript] = {}
    for row in table.select(columns).to_pylist():
        if not isinstance(row.get("id"), str) or not isinstance(row.get("text"), str):
            raise ValueError(f"{path}: every row needs an id and a text; this one has {sorted(row)}.")
        duration_s = row.get("duration_s")
        transcript = Transcript(row["text"], None if duration_s is None else float(duration_s))
        id_ = normalize_id(row["id"])
        if transcripts.setdefault(id_, transcript).text != transcript.text:
            raise ValueError(f"{path} has two different transcripts of {id_}.")
    return transcripts
