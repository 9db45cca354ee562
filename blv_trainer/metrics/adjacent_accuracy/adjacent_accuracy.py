"""Share of samples at most one level off."""

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def adjacent_accuracy(references: ArrayLike, predictions: ArrayLike) -> float:
    """Share of samples whose predicted class is at most one level from the true one.

        adjacent_accuracy = mean(|predictions - references| <= 1)

    Args:
        references: the true class of each sample, an index 0..K-1, ``(n,)``.
        predictions: the predicted class of each sample, an index 0..K-1, ``(n,)``.

    Returns:
        The share, a fraction.

    Raises:
        ValueError: input that is empty, not a vector, of unequal length, or not made of whole numbers from 0.

    Range:
        0 to 1.

    Better:
        higher; 1 is perfect.

    Absent classes:
        Nothing changes; a level without samples still counts as a step.

    Reference:
        Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010.

    Examples:
        >>> adjacent_accuracy([0, 1, 2, 3], [0, 2, 1, 0])
        0.75
    """
    references, predictions = _class_indices(references, predictions)
    return float(np.mean(np.abs(predictions - references) <= 1))


class AdjacentAccuracy(evaluate.Metric):
    """``adjacent_accuracy`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = adjacent_accuracy.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            # float64: int64 would turn 0.6 into 0 before anyone could refuse it
            features=[datasets.Features(dict.fromkeys(("references", "predictions"), kind)) for kind in kinds],
        )

    def _compute(self, references: list[float], predictions: list[float]) -> dict[str, float]:
        return {"adjacent_accuracy": adjacent_accuracy(references, predictions)}


def _class_indices(references: ArrayLike, predictions: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    # The same check stands in every file of a class metric, because evaluate loads each file alone.
    references, predictions = np.asarray(references), np.asarray(predictions)
    for name, values in (("references", references), ("predictions", predictions)):
        if values.dtype.kind not in "biuf" or values.ndim != 1:
            raise ValueError(f"{name} has shape {values.shape}, {values.dtype}; give one class index per sample, (n,).")
        wrong = values[~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))]
        if wrong.size:
            raise ValueError(f"{name} holds {wrong[0]:g}; give class indices: whole numbers from 0, no NaN, no -100.")
    if not 0 < references.size == predictions.size:
        raise ValueError(f"{len(references)} references do not fit {len(predictions)} predictions; give one for each.")
    return references.astype(np.int64), predictions.astype(np.int64)
