"""Root mean squared error."""

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def rmse(references: ArrayLike, predictions: ArrayLike) -> float:
    """Root of the mean squared error, in levels.

        rmse = sqrt(mean((predictions - references)^2))

    Args:
        references: the true score or class index of each sample, ``(n,)``.
        predictions: the predicted score of each sample, on the same scale, ``(n,)``; expected scores need not be whole.

    Returns:
        The error, in units of one level.

    Raises:
        ValueError: input that is empty, not a vector, of unequal length, or not finite.

    Range:
        0 to K - 1 for class indices; no upper limit for scores.

    Better:
        lower; 0 is perfect.

    Absent classes:
        Nothing changes.

    Reference:
        Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010.
        (The error of the predicted level's index.)

    Examples:
        >>> rmse([0, 1, 2, 3], [0, 1, 2, 1])
        1.0
    """
    references, predictions = _scores(references, predictions)
    return float(np.sqrt(np.mean((predictions - references) ** 2)))


class Rmse(evaluate.Metric):
    """``rmse`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = rmse.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            # float64: int64 would turn 0.6 into 0
            features=[datasets.Features(dict.fromkeys(("references", "predictions"), kind)) for kind in kinds],
        )

    def _compute(self, references: list[float], predictions: list[float]) -> dict[str, float]:
        return {"rmse": rmse(references, predictions)}


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
