"""Expected calibration error."""

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def ece(references: ArrayLike, probabilities: ArrayLike, *, n_bins: int = 15) -> float:
    """Expected calibration error: how far confidence lies from accuracy, over bins of equal width.

        ece = sum_b (n_b / n) |accuracy_b - confidence_b|

    with the confidence of a sample its largest probability, the prediction the class that has it (the first of equals),
    and bin b = 1..n_bins the samples with confidence in ((b - 1) / n_bins, b / n_bins].

    Args:
        references: the true class of each sample, an index 0..K-1, ``(n,)``.
        probabilities: the probability of each class, ``(n, K)``; rows sum to 1.
        n_bins: number of bins, 1 or more.

    Returns:
        The error, a fraction.

    Raises:
        ValueError: input that is empty, of the wrong shape or of unequal length; rows that are no probabilities;
            classes without a column; ``n_bins`` below 1.

    Range:
        0 to 1.

    Better:
        lower; 0 is perfect.

    Absent classes:
        Nothing changes; only the confidence of the predicted class counts.

    Reference:
        Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks. ICML 2017, Eq. 3.

    Examples:
        >>> ece([0, 1], [[0.75, 0.25], [0.75, 0.25]])  # confident at 0.75, right in half of the cases
        0.25
    """
    references, probabilities = _classes_and_probabilities(references, probabilities)
    if n_bins < 1 or n_bins != int(n_bins):
        raise ValueError(f"n_bins={n_bins} cannot be used: give a whole number from 1 up; the paper uses 15.")
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == references
    inner_edges = np.linspace(0, 1, int(n_bins) + 1)[1:-1]
    bins = np.digitize(confidence, inner_edges, right=True)
    # n_b |accuracy_b - confidence_b| is the absolute sum of (correct - confidence) in the bin.
    return float(np.abs(np.bincount(bins, weights=correct - confidence)).sum() / references.size)


class Ece(evaluate.Metric):
    """``ece`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = ece.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            features=[
                datasets.Features({"references": kind, "probabilities": datasets.Sequence(datasets.Value("float64"))})
                for kind in kinds
            ],
        )

    def _compute(self, references: list[float], probabilities: list[list[float]], n_bins: int = 15) -> dict[str, float]:
        return {"ece": ece(references, probabilities, n_bins=n_bins)}


def _classes_and_probabilities(references: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    references, probabilities = np.asarray(references), np.asarray(probabilities)
    if references.ndim != 1 or probabilities.ndim != 2 or not 0 < len(references) == len(probabilities):
        raise ValueError(
            f"references {references.shape} do not fit probabilities {probabilities.shape}; give shapes (n,) and "
            "(n, num_classes), n at least 1."
        )
    num_classes = probabilities.shape[1]
    wrong = references[~np.isin(references, np.arange(num_classes))]
    if wrong.size:
        raise ValueError(
            f"references holds {wrong[0]}; give class indices: whole numbers from 0 to {num_classes - 1}, "
            "one for each column of probabilities."
        )
    probabilities = probabilities.astype(np.float64)
    # 1e-2: rows of half-precision softmax miss 1 by some thousandths.
    proper = (probabilities >= 0).all(axis=1) & (np.abs(probabilities.sum(axis=1) - 1) < 1e-2)
    if not proper.all():
        raise ValueError(
            f"{np.count_nonzero(~proper)} of {len(proper)} rows of probabilities are not at least 0 with sum 1; "
            "apply softmax to logits first."
        )
    return references, probabilities
