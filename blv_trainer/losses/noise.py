"""Random magnitudes that depend on where training stands, not on how a batch was cut or how often a run was resumed."""

from __future__ import annotations

import math

import numpy as np
import torch

from blv_trainer.losses.base import TrainingStep

_DRAWS_PER_COUNT = 4  # Philox 4x64 gives four 64-bit numbers for each value of its counter


def half_normal(num_rows: int, num_columns: int, *, step: TrainingStep) -> torch.Tensor:
    """Draw |z|, z ~ N(0, 1), as a pure function of (seed, step, row, column).

    A counter-based generator (Philox 4x64-10) is keyed by seed and step and its counter starts at the row's place in
    the step's whole batch. So one batch of 8, two of 4, or two processes with 4 each see the same numbers, and a
    resumed run sees those that the uninterrupted run saw. Nothing is taken from torch's global stream.

    Args:
        num_rows: rows to draw.
        num_columns: numbers for each row.
        step: where training stands; ``step.first_row`` is the place of the first row.

    Shape:
        - Output: ``(num_rows, num_columns)``, float64, on the processor.

    Reference:
        Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.

    Examples:
        >>> whole = half_normal(8, 5, step=TrainingStep(seed=42, index=7, max_steps=10))
        >>> tail = half_normal(4, 5, step=TrainingStep(seed=42, index=7, max_steps=10, first_row=4))
        >>> torch.equal(whole[4:], tail)
        True
    """
    counts_per_row = math.ceil(num_columns / _DRAWS_PER_COUNT)
    # The key is two unsigned 64-bit numbers; a negative seed wraps.
    key = np.array([step.seed % 2**64, step.index], dtype=np.uint64)
    philox = np.random.Philox(key=key, counter=step.first_row * counts_per_row)
    uniform = np.random.Generator(philox).random((num_rows, counts_per_row * _DRAWS_PER_COUNT))[:, :num_columns]
    # |z| has the distribution function erf(|z| / sqrt(2)); inverting it takes exactly one draw for each number.
    return math.sqrt(2) * torch.from_numpy(uniform).erfinv()
