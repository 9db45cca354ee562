"""What labelled rows are like: how many, how long, of which levels, and which texts stand there more than once."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from blv_trainer.cli.labelled_data import LabelledData

logger = logging.getLogger(__name__)

_MANY = 20  # levels in a line


def print_summary(data: LabelledData) -> None:
    """The short form, before a training: rows, lengths, levels and repeated texts in lines of the log."""
    sizes = ", ".join(f"{len(rows)} {split}" for split, rows in data.dataset.items())
    logger.info("%s: %s rows; words a text: %s", data.source, sizes, spread(num_words(data)))
    counts = Counter(data.dataset["train"]["label"][:])
    levels = [f"{name} ({counts[k]})" for k, name in enumerate(data.names)]
    logger.info("Levels of train: %s%s", ", ".join(levels[:_MANY]), ", ..." if len(levels) > _MANY else "")
    for line in repeated_texts(data):
        logger.info(line)


def level_table(data: LabelledData) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of a table: how often each level stands in each split, and how many rows and groups there are."""
    splits = data.dataset
    counts = {split: Counter(rows["label"][:]) for split, rows in splits.items()}
    table: list[list[Any]] = [[name, *(counts[split][k] for split in splits)] for k, name in enumerate(data.names)]
    table.append(["all rows", *map(len, splits.values())])
    return ["level", *splits], table


def repeated_texts(data: LabelledData) -> list[str]:
    """Sentences on texts that stand there more than once, within splits, across them, or with two levels."""
    found, texts, labels = [], {}, defaultdict(set)
    for split, rows in data.dataset.items():
        texts[split] = [" ".join(text.split()) for text in rows["text"][:]]
        for text, label in zip(texts[split], rows["label"][:], strict=True):
            labels[text].add(label)
        if repeated := len(texts[split]) - len({*texts[split]}):
            found.append(f"{repeated} of {len(rows)} {split} rows repeat the text of another one.")
    for one, other in combinations(texts, 2):
        if shared := len({*texts[one]} & {*texts[other]}):
            found.append(f"{shared} texts stand both in {one} and in {other}.")
    if several := [text for text, own in labels.items() if len(own) > 1]:
        names = " and ".join(data.names[k] for k in sorted(labels[several[0]]))
        found.append(f"{len(several)} texts have more than one level, such as {names}: {several[0][:60]!r}")
    return found


def num_words(data: LabelledData) -> list[int]:
    """Words of each text of all splits."""
    return [len(text.split()) for rows in data.dataset.values() for text in rows["text"][:]]


def spread(lengths: Sequence[int]) -> str:
    """Median, 95th percentile and maximum in words."""
    ordered = sorted(lengths)
    median, most = ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))]
    return f"median {median}, 95 % up to {most}, longest {ordered[-1]}"
