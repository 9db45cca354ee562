"""Standardized mean difference."""

import warnings

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def smd(references: ArrayLike, predictions: ArrayLike) -> float:
    """Standardized mean difference: how far predictions lie above references on average.

        smd = (mean(predictions) - mean(references)) / sd(references)

    sd is the sample standard deviation (n - 1) of the references alone: the default of ETS' RSMTool since version 7
    (``standardized_mean_difference``, method "unpooled"). Williamson et al. (2012) pool both standard deviations.

    Args:
        references: the true score or class index of each sample, ``(n,)``.
        predictions: the predicted score of each sample, on the same scale, ``(n,)``; expected scores need not be whole.

    Returns:
        The difference in standard deviations of the references; nan with a RuntimeWarning where all references
        are equal.

    Raises:
        ValueError: input that is empty, not a vector, of unequal length, or not finite.

    Range:
        no limits; below 0 the predictions are too severe, above 0 too lenient. RSMTool flags values beyond 0.15.

    Better:
        nearer 0; 0 is perfect, and necessary, not sufficient, for agreement.

    Absent classes:
        Nothing changes.

    Reference:
        Madnani, Loukina: RSMTool: A Collection of Tools for Building and Evaluating Automated Scoring Models.
        Journal of Open Source Software 1(3), 2016.
        Williamson, Xi, Breyer: A Framework for Evaluation and Use of Automated Scoring. Educational Measurement:
        Issues and Practice 31(1), 2012.

    Examples:
        >>> smd([0, 1, 2], [1, 1, 2.5])
        0.5
    """
    references, predictions = _scores(references, predictions)
    if references.min() == references.max():
        warnings.warn("smd is undefined (nan): all references are equal.", RuntimeWarning, stacklevel=2)
        return float("nan")
    return float((predictions.mean() - references.mean()) / references.std(ddof=1))


class Smd(evaluate.Metric):
    """``smd`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = smd.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            # float64: int64 would turn 0.6 into 0
            features=[datasets.Features(dict.fromkeys(("references", "predictions"), kind)) for kind in kinds],
        )

    def _compute(self, references: list[float], predictions: list[float]) -> dict[str, float]:
        return {"smd": smd(references, predictions)}


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
