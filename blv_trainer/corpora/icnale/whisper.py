"""What Whisper heard in a corpus: read, or made where it is missing; and how far it is from what people heard."""

import logging
import os
from collections.abc import Hashable

from blv_trainer.asr.word_errors import WordErrors, word_errors_by
from blv_trainer.corpora.icnale.answer import Answer
from blv_trainer.corpora.icnale.config import IcnaleConfig
from blv_trainer.corpora.icnale.names import normalize_id
from blv_trainer.corpora.icnale.selection import wanted_answers
from blv_trainer.corpora.icnale.transcripts import Transcript, read_transcripts

logger = logging.getLogger(__name__)


def whisper_transcripts(answers: list[Answer], config: IcnaleConfig) -> dict[str, Transcript]:
    """Transcripts by answer, none with ``transcripts="human"``.

    With ``whisper_model``, recordings of wanted answers that the store lacks are transcribed into it first. They are
    taken for English, as by ``blv-trainer transcribe``, whose store it goes on with.

    Raises:
        FileNotFoundError: Where there is no such file of transcripts, or of weights.
        ValueError: Where the file cannot be used or the model is unknown.
    """
    path = config.transcripts_path
    if path is None:
        return {}
    if config.whisper_model is None:
        return read_transcripts(path)
    recordings = [answer.audio for answer in wanted_answers(answers, config) if answer.audio is not None]
    root = os.path.expanduser(config.audio_dir) if config.audio_dir else config.folder
    return _transcribed(recordings, os.path.abspath(root), config.whisper_model, path)


def transcript_errors(
    answers: list[Answer], transcripts: dict[str, Transcript]
) -> dict[str, dict[Hashable, WordErrors]]:
    """Word errors of Whisper's transcripts against the human ones, of the answers that have both.

    Returns:
        As `word_errors_by`, by "label" and "region"; empty where no answer has both.
    """
    rows = [
        {"text": transcripts[a.id].text, "text_human": a.text, "label": a.label, "region": a.region}
        for a in answers
        if a.text is not None and a.id in transcripts
    ]
    return word_errors_by(rows) if rows else {}


def _transcribed(recordings: list[str], root: str, model: str, store: str) -> dict[str, Transcript]:
    from datasets.utils import tqdm

    from blv_trainer.asr.backends import build_backend
    from blv_trainer.asr.recordings import read_recordings
    from blv_trainer.asr.transcription import Progress, transcribe_recordings
    from blv_trainer.asr.workers import Workers

    backend = build_backend("openai-whisper", os.path.expanduser(model), language="en")
    with tqdm(desc=f"Transcribing by {os.path.basename(model)}", unit=" recordings") as bar:

        def show(progress: Progress) -> None:
            bar.total, bar.n = progress.total_files, progress.files
            bar.refresh()

        outcome = transcribe_recordings(
            lambda: read_recordings(recordings),
            store,
            root=root,
            backend=backend,
            workers=Workers(alone=True),  # each process of a training run builds the dataset, one after the other
            on_progress=show,
        )
    assert outcome is not None  # who works alone is the main process
    logger.info("%s: %d transcripts, %d made before", outcome.path, len(outcome.rows), outcome.done_before)
    return {normalize_id(id_): Transcript(row["text"], row["duration_s"]) for id_, row in outcome.rows.items()}
