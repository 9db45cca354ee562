"""Samples that every metric test shares."""

import numpy as np
import pytest


@pytest.fixture
def levels() -> tuple[np.ndarray, np.ndarray]:
    """True and predicted classes of 300 samples: long-tailed, ordered, errors near the diagonal."""
    rng = np.random.default_rng(0)
    references = rng.choice(5, size=300, p=[0.05, 0.2, 0.4, 0.25, 0.1])
    predictions = np.clip(references + rng.choice([-2, -1, 0, 1, 2], size=300, p=[0.05, 0.2, 0.5, 0.2, 0.05]), 0, 4)
    return references, predictions


@pytest.fixture
def probabilities(levels) -> np.ndarray:
    """A probability for each of five classes of 300 samples, ``(300, 5)``; some too low, some too high."""
    references, _ = levels
    rng = np.random.default_rng(1)
    return 0.4 * np.eye(5)[references] + 0.6 * rng.dirichlet(np.full(5, 0.3), size=300)
