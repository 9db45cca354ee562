"""Quadratic weighted kappa."""

import warnings

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def qwk(references: ArrayLike, predictions: ArrayLike) -> float:
    """Quadratic weighted kappa: agreement beyond chance, errors weighted by their squared distance.

        qwk = 1 - sum_ij (i - j)^2 O_ij / sum_ij (i - j)^2 E_ij

    with O the confusion matrix and E the one expected by chance from its margins. For these weights it equals

        qwk = 2 cov(r, p) / (var(r) + var(p) + (mean(r) - mean(p))^2)

    with n, not n - 1, in cov and var; RSMTool's reports have n - 1 there, which tells in small samples.

    Args:
        references: the true class of each sample, an index 0..K-1, ``(n,)``.
        predictions: the predicted class of each sample, an index 0..K-1, ``(n,)``.

    Returns:
        Kappa; nan with a RuntimeWarning where references and predictions are all one and the same class. A
        constant prediction has 0.

    Raises:
        ValueError: input that is empty, not a vector, of unequal length, or not made of whole numbers from 0.

    Range:
        -1 to 1; 0 is chance.

    Better:
        higher; 1 is perfect.

    Absent classes:
        Nothing changes: distances are those of the indices, also over a level without samples.

    Reference:
        Cohen: Weighted Kappa: Nominal Scale Agreement with Provision for Scaled Disagreement or Partial Credit.
        Psychological Bulletin 70(4), 1968.

    Examples:
        >>> round(qwk([0, 1, 2, 3], [0, 1, 3, 2]), 4)
        0.8
    """
    references, predictions = _class_indices(references, predictions)
    deviations = references - references.mean(), predictions - predictions.mean()
    covariance = np.mean(deviations[0] * deviations[1])
    expected = references.var() + predictions.var() + (references.mean() - predictions.mean()) ** 2
    if expected == 0:
        warnings.warn(
            "qwk is undefined (nan): references and predictions are all one class, so chance agreement is perfect.",
            RuntimeWarning,
            stacklevel=2,
        )
        return float("nan")
    return float(2 * covariance / expected)


class Qwk(evaluate.Metric):
    """``qwk`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = qwk.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            # float64: int64 would turn 0.6 into 0 before anyone could refuse it
            features=[datasets.Features(dict.fromkeys(("references", "predictions"), kind)) for kind in kinds],
        )

    def _compute(self, references: list[float], predictions: list[float]) -> dict[str, float]:
        return {"qwk": qwk(references, predictions)}


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
