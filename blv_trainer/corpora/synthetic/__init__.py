"""An invented corpus with the names, folders and irregularities of the ICNALE Spoken Monologue."""

from blv_trainer.corpora.synthetic.corpus import BACKGROUND_FILE, write_corpus

__all__ = ["BACKGROUND_FILE", "write_corpus"]
