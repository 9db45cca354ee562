"""F1, averaged over classes."""

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike


def macro_f1(references: ArrayLike, predictions: ArrayLike) -> float:
    """F1 of each class, averaged over the classes.

        f1_k = 2 TP_k / (2 TP_k + FP_k + FN_k)
        macro_f1 = mean_k f1_k

    Args:
        references: the true class of each sample, an index 0..K-1, ``(n,)``.
        predictions: the predicted class of each sample, an index 0..K-1, ``(n,)``.

    Returns:
        The mean of the classes' F1, a fraction.

    Raises:
        ValueError: input that is empty, not a vector, of unequal length, or not made of whole numbers from 0.

    Range:
        0 to 1.

    Better:
        higher; 1 is perfect.

    Absent classes:
        The mean runs over the union of references and predictions: a class that is only predicted, or never
        predicted, counts as 0; one in neither does not count.

    Reference:
        Opitz, Burst: Macro F1 and Macro F1. 2019, arXiv 1911.03347 (the "averaged F1").

    Examples:
        >>> round(macro_f1([0, 0, 1, 1], [0, 0, 1, 2]), 4)
        0.5556
    """
    references, predictions = _class_indices(references, predictions)
    classes, members = np.unique([references, predictions], return_inverse=True)
    true, predicted = members.reshape(2, -1)
    true_positives = np.bincount(true[true == predicted], minlength=classes.size)
    denominators = np.bincount(true, minlength=classes.size) + np.bincount(predicted, minlength=classes.size)
    return float(np.mean(2 * true_positives / denominators))  # 2 TP + FP + FN, at least 1 within the union


class MacroF1(evaluate.Metric):
    """``macro_f1`` as an ``evaluate`` module."""

    def _info(self) -> evaluate.MetricInfo:
        text = macro_f1.__doc__ or ""  # none under python -OO
        kinds = datasets.Value("float64"), datasets.Value("string")  # text as well, to be refused in a sentence
        return evaluate.MetricInfo(
            description=text.partition("\n")[0],
            citation=text.partition("Reference:")[2].partition("Examples:")[0].strip(),
            inputs_description=text,
            # float64: int64 would turn 0.6 into 0 before anyone could refuse it
            features=[datasets.Features(dict.fromkeys(("references", "predictions"), kind)) for kind in kinds],
        )

    def _compute(self, references: list[float], predictions: list[float]) -> dict[str, float]:
        return {"macro_f1": macro_f1(references, predictions)}


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
