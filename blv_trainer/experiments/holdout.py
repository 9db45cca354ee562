"""Gives a dataset the validation and test rows that a comparison needs, where it has none."""

from __future__ import annotations

import logging

import numpy as np
from datasets import DatasetDict

from blv_trainer.corpora import split_by_group

logger = logging.getLogger(__name__)

HELD_OUT = 0.1  # share of all rows, for each split that is missing


def complete_splits(dataset: DatasetDict, *, seed: int) -> tuple[DatasetDict, list[str]]:
    """Hold out a tenth of the training rows for each of "validation" and "test" that is missing, stratified by label.

    Rows of one speaker stay together where there is a column ``speaker``, copies of one text where there is none.

    Args:
        dataset: "train" and perhaps the others, with columns ``text`` and ``label``.
        seed: of the choice; the same on every machine.

    Returns:
        The dataset with all three splits, and notes on what was held out and on speakers that leak into the test rows.

    Raises:
        ValueError: there are too few rows to hold any out.
    """
    missing = [split for split in ("validation", "test") if split not in dataset]
    if not missing:
        return dataset, _leaking_speakers(dataset)
    train = dataset["train"]
    by_speaker = "speaker" in train.column_names
    fractions = (1 - HELD_OUT * len(missing), *[HELD_OUT] * len(missing))
    labels, groups = list(train["label"]), list(train["speaker" if by_speaker else "text"])
    split = split_by_group(labels, groups, fractions=fractions, names=("train", *missing), seed=seed)
    parts = {name: train.select(np.flatnonzero(split == name)) for name in ("train", *missing)}
    empty = [name for name, rows in parts.items() if not len(rows)]
    if empty:
        raise ValueError(
            f"{len(train)} training rows are too few to hold out {' and '.join(empty)} rows: give --validation_file "
            "and --test_file."
        )
    note = (
        f"{' and '.join(missing)} rows were held out of {len(train)} training rows, {HELD_OUT:.0%} each, stratified by "
        f"label, {'speakers disjoint' if by_speaker else 'copies of one text together'} (seed {seed})."
    )
    logger.info(note)
    dataset = DatasetDict({**dataset, **parts})
    return dataset, [note, *_leaking_speakers(dataset)]


def _leaking_speakers(dataset: DatasetDict) -> list[str]:
    """A sentence if test speakers stand in train as well, so that scores say little about new speakers."""
    if any("speaker" not in rows.column_names for rows in dataset.values()):
        return []
    test, train = set(dataset["test"]["speaker"]), set(dataset["train"]["speaker"])
    if not test & train:
        return []
    shared = f"{len(test & train)} of {len(test)} test speakers are in train as well"
    return [f"{shared}: the scores say little about new speakers."]
