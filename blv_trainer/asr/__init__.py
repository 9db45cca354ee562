"""Speech to text: sound files -> a store of transcripts.

- ``sound_files``: files of every kind, decoded. ``audio``: any sound -> float32 mono 16 kHz. ``recordings``: the sounds
  of a folder, read ahead by threads.
- ``backends``: ``build_backend``; faster-whisper. ``whisper``: openai-whisper, many files at a time. Beneath it
  ``whisper_windows`` (files in flight), ``whisper_rows`` and ``whisper_slots`` (on a processor), ``whisper_batches``.
- ``transcription``: the whole run. ``store``: its transcripts, safe against being killed, merged to Parquet.
- ``transcript_quality``: which look wrong, which can be judged. ``word_errors``: against human ones.

Importing this package imports none of them.
"""

from typing import TYPE_CHECKING

from blv_trainer._door import opened_on_demand

if TYPE_CHECKING:
    from blv_trainer.asr.audio import Audio, load_audio
    from blv_trainer.asr.backends import Backend, build_backend
    from blv_trainer.asr.sound_files import AudioError, duration_of
    from blv_trainer.asr.store import MERGED_FILE
    from blv_trainer.asr.transcript_quality import MIN_SPEECH_S, REASONS, judge, language_name, suspicions
    from blv_trainer.asr.transcription import Progress, transcribe
    from blv_trainer.asr.word_errors import WordErrors, word_errors_by

_HOME = {
    "audio": ("Audio", "load_audio"),
    "backends": ("Backend", "build_backend"),
    "sound_files": ("AudioError", "duration_of"),
    "store": ("MERGED_FILE",),
    "transcript_quality": ("MIN_SPEECH_S", "REASONS", "judge", "language_name", "suspicions"),
    "transcription": ("Progress", "transcribe"),
    "word_errors": ("WordErrors", "word_errors_by"),
}
__all__ = [
    "MERGED_FILE",
    "MIN_SPEECH_S",
    "REASONS",
    "Audio",
    "AudioError",
    "Backend",
    "Progress",
    "WordErrors",
    "build_backend",
    "duration_of",
    "judge",
    "language_name",
    "load_audio",
    "suspicions",
    "transcribe",
    "word_errors_by",
]

__getattr__ = opened_on_demand(__name__, _HOME)
