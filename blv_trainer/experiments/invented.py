"""A small experiment out of nothing: an invented corpus and an encoder with random weights, for demos and tests."""

from __future__ import annotations

import csv
import io
import re
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from transformers import BertConfig, BertModel, BertTokenizer, set_seed

from blv_trainer.corpora.icnale import LABELS
from blv_trainer.corpora.synthetic import generate_answers
from blv_trainer.files import write_text
from blv_trainer.presets import DEMO_TRAINING as TRAINING  # noqa: F401 - for who trains on these answers

FILE = "answers.csv"


def write_answers(path: Path, num_speakers: int, *, seed: int) -> None:
    """Invented answers, four of each speaker, as a table that ``load_table`` reads."""
    columns = ("id", "text", "label", "region", "speaker", "task")
    answers = generate_answers(num_speakers, seed=seed, as_read=True)
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(columns)
    writer.writerows([getattr(answer, name) for name in columns] for answer in answers)
    write_text(path, lines.getvalue())


def two_new_answers(*, seed: int) -> list[str]:
    """Invented answers of a speaker at the lowest level and of one at the highest, from another corpus."""
    answers = generate_answers(60, seed=seed + 1, as_read=True)
    return [next(str(answer.text) for answer in answers if answer.label == label) for label in (LABELS[0], LABELS[-1])]


def build_encoder(texts: Sequence[str], folder: Path, *, seed: int) -> str:
    """A small BERT with random weights that knows the words of ``texts``; returns its folder."""
    tokenizer = BertTokenizer(vocab=word_vocabulary(texts), model_max_length=256)
    set_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=256,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def word_vocabulary(texts: Sequence[str], *, max_words: int = 1500) -> dict[str, int]:
    """WordPiece vocabulary of the most frequent words, and of all letters for what else may come.

    The same at each call, which the trainer of the tokenizers library does not promise.
    """
    counts = Counter(word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower()))
    words = sorted(counts, key=lambda word: (-counts[word], word))[:max_words]
    letters = sorted({letter for word in counts for letter in word} | set(string.ascii_lowercase))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = dict.fromkeys([*special, *letters, *(f"##{letter}" for letter in letters), *words])
    return {token: k for k, token in enumerate(tokens)}
