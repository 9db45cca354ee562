"""An invented corpus with the names and folders of the ICNALE Spoken Monologue, and its answers alone."""

from blv_trainer.corpora.synthetic.answers import generate_answers
from blv_trainer.corpora.synthetic.corpus import write_corpus

__all__ = ["generate_answers", "write_corpus"]
