"""The ICNALE Spoken Monologue: its folder read, its answers joined, selected and transcribed.

- ``folder``: ``read_corpus``, texts and recordings of a folder as answers; ``answer``: what one of them is.
- ``names`` (regions, levels, file names, published counts), ``walk`` and ``files`` (which files there are), ``text``
  (decoding and cleaning), ``background`` (the sheet about the speakers), ``report`` (the quality report).
- ``config``, ``selection``, ``transcripts``, ``whisper``, ``card``: stages of the builder in ``corpora.icnale_asa``.
"""

from blv_trainer.corpora.icnale.folder import LEVEL_RULES, read_corpus

__all__ = ["LEVEL_RULES", "read_corpus"]
