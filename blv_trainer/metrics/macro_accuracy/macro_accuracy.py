"""Accuracy, averaged over classes."""

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def macro_accuracy(references: ArrayLike, predictions: ArrayLike) -> float:
    """Accuracy within each class (its recall), averaged over the classes; also called balanced accuracy.

        macro_accuracy = mean_k mean(predictions == k where references == k)

    Args:
        references: the true class of each sample, an index 0..K-1, ``(n,)``.
        predictions: the predicted class of each sample, an index 0..K-1, ``(n,)``.

    Returns:
        The mean of the classes' shares, a fraction.

    Raises:
        ValueError: input that is empty, not a vector, of unequal length, or not made of whole numbers from 0.

    Range:
        0 to 1; one class predicted throughout gives 1 / (classes present).

    Better:
        higher; 1 is perfect.

    Absent classes:
        A class without a reference does not count; a prediction of it counts like any other.

    Reference:
        Brodersen et al.: The Balanced Accuracy and Its Posterior Distribution. ICPR 2010.

    Examples:
        >>> macro_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
        0.5
    """
    references, predictions = _class_indices(references, predictions)
    _, members = np.unique(references, return_inverse=True)  # numbers the classes present from 0
    class_accuracy = np.bincount(members, weights=predictions == references) / np.bincount(members)
    return float(class_accuracy.mean())


class MacroAccuracy(evaluate.Metric):
    """``macro_accuracy`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = macro_accuracy.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            # float64: int64 would turn 0.6 into 0 before anyone could refuse it
            features=[datasets.Features(dict.fromkeys(("references", "predictions"), kind)) for kind in kinds],
        )

    def _compute(self, references: list[float], predictions: list[float]) -> dict[str, float]:
        return {"macro_accuracy": macro_accuracy(references, predictions)}


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
