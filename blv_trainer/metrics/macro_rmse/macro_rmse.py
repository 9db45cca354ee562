"""Root mean squared error, averaged over classes."""

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def macro_rmse(references: ArrayLike, predictions: ArrayLike) -> float:
    """Root mean squared error of each class, averaged over the classes, in levels.

        macro_rmse = mean_k sqrt(mean((predictions - k)^2 where references == k))

    Args:
        references: the true class of each sample, an index 0..K-1, ``(n,)``.
        predictions: the predicted score of each sample, on the same scale, ``(n,)``; expected scores need not be whole.

    Returns:
        The error, in units of one level.

    Raises:
        ValueError: input that is empty, not a vector, of unequal length, or not finite; references that are not whole
            numbers from 0.

    Range:
        0 to K - 1 for class indices; no upper limit for scores.

    Better:
        lower; 0 is perfect.

    Absent classes:
        A class without a reference does not count; a prediction of it counts like any other.

    Reference:
        Baccianella, Esuli, Sebastiani: Evaluation Measures for Ordinal Regression. ISDA 2009 (the average over
        classes, there of absolute errors).
        Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010.

    Examples:
        >>> macro_rmse([0, 0, 0, 1], [0, 0, 0, 3])
        1.0
    """
    references, predictions = _scores(references, predictions)
    wrong = references[(references < 0) | (references != np.floor(references))]
    if wrong.size:
        raise ValueError(
            f"references holds {wrong[0]:g}; give class indices: whole numbers from 0. Predictions may be any."
        )
    _, members = np.unique(references, return_inverse=True)  # numbers the classes present from 0
    class_mse = np.bincount(members, weights=(predictions - references) ** 2) / np.bincount(members)
    return float(np.sqrt(class_mse).mean())


class MacroRmse(evaluate.Metric):
    """``macro_rmse`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = macro_rmse.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            # float64: int64 would turn 0.6 into 0
            features=[datasets.Features(dict.fromkeys(("references", "predictions"), kind)) for kind in kinds],
        )

    def _compute(self, references: list[float], predictions: list[float]) -> dict[str, float]:
        return {"macro_rmse": macro_rmse(references, predictions)}


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
