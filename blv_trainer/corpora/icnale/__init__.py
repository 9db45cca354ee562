"""The ICNALE Spoken Monologue: its folder read, its answers joined, selected and transcribed.

- ``folder``: ``read_corpus``, texts and recordings of a folder as answers; ``names``: what the corpus calls things, and
  what an answer is; ``corpus_files`` (which files there are), ``text_cleaning``, ``background`` (the sheet about the
  speakers), ``quality_report``.
- Stages of ``corpora.icnale_asa``: ``builder_config``, ``selection``, ``transcripts``; ``parquet_folder`` writes it.
"""

from typing import TYPE_CHECKING

from blv_trainer._door import opened_on_demand

if TYPE_CHECKING:
    from blv_trainer.corpora.icnale.builder_config import IcnaleConfig
    from blv_trainer.corpora.icnale.folder import read_corpus
    from blv_trainer.corpora.icnale.names import LABELS, is_about_icnale, normalize_id
    from blv_trainer.corpora.icnale.parquet_folder import CITATION, write_dataset
    from blv_trainer.corpora.icnale.transcripts import whisper_word_errors

_HOME = {
    "builder_config": ("IcnaleConfig",),
    "folder": ("read_corpus",),
    "names": ("LABELS", "is_about_icnale", "normalize_id"),
    "parquet_folder": ("CITATION", "write_dataset"),
    "transcripts": ("whisper_word_errors",),
}
__all__ = [
    "CITATION",
    "LABELS",
    "IcnaleConfig",
    "is_about_icnale",
    "normalize_id",
    "read_corpus",
    "whisper_word_errors",
    "write_dataset",
]

__getattr__ = opened_on_demand(__name__, _HOME)
