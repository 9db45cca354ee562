"""What a comparison on 217 rows, one run each, can show: simulated from the confusion matrices that were published."""

from __future__ import annotations

from typing import Any

import numpy as np

from blv_trainer.evaluation import confusion_metrics

# Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010, figures. Rows are
# annotated levels, columns predicted ones: A2, B1_1, B1_2, B2, native.
BLV_6 = ((1, 9, 6, 1, 0), (1, 19, 19, 5, 0), (1, 19, 61, 11, 1), (1, 0, 15, 16, 1), (0, 0, 2, 3, 25))
FOCAL = ((1, 6, 9, 1, 0), (2, 22, 16, 4, 0), (2, 19, 58, 12, 2), (1, 1, 16, 14, 1), (0, 0, 1, 5, 24))
_ALIKE = (0.0, 0.5, 0.9)  # share of rows on which both models follow one draw
_METRICS = ("accuracy", "macro_accuracy", "qwk", "macro_rmse")


def power_of_published(*, num_simulations: int = 4000, seed: int = 0) -> list[dict[str, Any]]:
    """By metric and by how alike the two models answer: difference, its standard error, power, and rows for 80 %.

    Each simulated test set has the published number of rows of each level; each row's two answers are drawn from the
    published rows of both matrices. On a share ``alike`` of the rows both come from one draw, as far as the matrices
    allow, on the others they have nothing to do with each other. Power is the share of simulations in which the
    difference is further from 0 than 1.96 of its standard errors.
    """
    points = []
    for alike in _ALIKE:
        both = _simulate(alike, num_simulations, np.random.default_rng([seed, int(100 * alike)]))
        found = {name: values[0] - values[1] for name, values in confusion_metrics(both).items() if name in _METRICS}
        for metric, differences in found.items():
            mean, error = float(differences.mean()), float(differences.std(ddof=1))
            point = {"metric": metric, "alike": alike, "difference": mean, "standard_error": error}
            point["power"] = float((np.abs(differences) > 1.96 * error).mean())
            point["rows_for_80_percent"] = int(np.ceil(217 * (2.8 * error / mean) ** 2))
            points.append(point)
    return points


def _simulate(alike: float, count: int, generator: np.random.Generator) -> np.ndarray:
    """Confusion matrices of BLV and focal loss, ``(2, count, num_classes, num_classes)``."""
    matrices = np.array([BLV_6, FOCAL], dtype=float)
    drawn = np.zeros((2, count, *matrices.shape[1:]))
    for level in range(matrices.shape[1]):
        rows = int(matrices[0, level].sum())
        edges = matrices[:, level].cumsum(axis=1) / rows  # (2, num_classes)
        uniform = generator.random((2, count, rows))
        uniform[1] = np.where(generator.random((count, rows)) < alike, uniform[0], uniform[1])
        for model in range(2):
            answers = np.searchsorted(edges[model], uniform[model], side="right")
            for answer in range(matrices.shape[1]):
                drawn[model, :, level, answer] = (answers == answer).sum(axis=1)
    return drawn
