"""Pearson correlation of references and predictions."""

import warnings

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def pcc(references: ArrayLike, predictions: ArrayLike) -> float:
    """Pearson's correlation coefficient of references and predictions.

        pcc = cov(references, predictions) / (sd(references) sd(predictions))

    Args:
        references: the true score or class index of each sample, ``(n,)``.
        predictions: the predicted score of each sample, on the same scale, ``(n,)``; expected scores need not be whole.

    Returns:
        The coefficient; nan with a RuntimeWarning where all references or all predictions are equal.

    Raises:
        ValueError: input that is empty, not a vector, of unequal length, or not finite.

    Range:
        -1 to 1.

    Better:
        higher; 1 is perfect.

    Absent classes:
        Nothing changes.

    Reference:
        Pearson: Note on Regression and Inheritance in the Case of Two Parents. Proceedings of the Royal
        Society of London 58, 1895.

    Examples:
        >>> round(pcc([0, 1, 2, 3], [0, 1, 3, 2]), 4)
        0.8
    """
    references, predictions = _scores(references, predictions)
    for name, vector in (("references", references), ("predictions", predictions)):
        if vector.min() == vector.max():
            warnings.warn(f"pcc is undefined (nan): all {name} are equal.", RuntimeWarning, stacklevel=2)
            return float("nan")
    references -= references.mean()
    predictions -= predictions.mean()
    cosine = references @ predictions / np.sqrt((references @ references) * (predictions @ predictions))
    return float(np.clip(cosine, -1, 1))  # rounding can pass 1 by an ulp


class Pcc(evaluate.Metric):
    """``pcc`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = pcc.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            # float64: int64 would turn 0.6 into 0
            features=[datasets.Features(dict.fromkeys(("references", "predictions"), kind)) for kind in kinds],
        )

    def _compute(self, references: list[float], predictions: list[float]) -> dict[str, float]:
        return {"pcc": pcc(references, predictions)}


def _scores(references: ArrayLike, predictions: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    # The same check stands in every file of a score metric, because evaluate loads each file alone.
    references, predictions = np.asarray(references), np.asarray(predictions)
    for name, values in (("references", references), ("predictions", predictions)):
        if values.dtype.kind not in "biuf" or values.ndim != 1:
            raise ValueError(f"{name} has shape {values.shape}, {values.dtype}; give one score per sample, (n,).")
        if wrong := np.count_nonzero(~np.isfinite(values)):
            raise ValueError(f"{name}: {wrong} of {values.size} are NaN or infinite; give finite scores only.")
    if not 0 < references.size == predictions.size:
        raise ValueError(f"{len(references)} references do not fit {len(predictions)} predictions; give one for each.")
    return references.astype(np.float64), predictions.astype(np.float64)
