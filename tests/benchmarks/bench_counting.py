"""Counting the classes of a large training set."""

from __future__ import annotations

import resource
import time
from collections import Counter

import numpy as np
import pyarrow as pa
from datasets import Dataset

from blv_trainer.training import count_classes
from tests.benchmarks.harness import Row, benchmark, in_turn, once

ROWS, CLASSES = 10_000_000, 5


@benchmark("class_counts")
def class_counts() -> list[Row]:
    """``count_classes`` against ``Counter(ds["label"])``; the second on a tenth of the rows, times ten."""
    labels = np.random.default_rng(0).integers(CLASSES, size=ROWS)
    dataset = Dataset(pa.table({"label": labels}))
    part = dataset.select(range(ROWS // 10))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (ours,) = in_turn(lambda: count_classes(dataset, CLASSES), repeats=3)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
    reference = 10 * once(lambda: Counter(part["label"]), clock=time.perf_counter)
    assert count_classes(dataset, CLASSES) == np.bincount(labels).tolist()
    ratio = reference / ours
    note = f"{ROWS:,} rows; peak memory +{grown:.0f} MiB"
    return [Row("class counts against Counter(ds['label'])", ours, reference, ratio, ">= 20", ratio >= 20, note=note)]
