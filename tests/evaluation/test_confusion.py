import warnings

import numpy as np
import pytest

from blv_trainer.evaluation.confusion import confusion_metrics
from blv_trainer.metrics import METRICS

NAMES = sorted(set(METRICS) - {"ece"})


def samples(kind, rng):
    """References and predictions of five classes."""
    n = int(rng.integers(2, 40))
    references, predictions = rng.integers(0, 5, n), rng.integers(0, 5, n)
    if kind == "classes_absent":
        references, predictions = np.where(references < 3, 0, 4), np.where(predictions < 2, 1, 4)
    if kind == "constant_prediction":
        predictions = np.full(n, 2)
    if kind == "constant_reference":
        references = np.full(n, 2)
    if kind == "one_class":
        references, predictions = np.full(n, 3), np.full(n, 3)
    return references, predictions


def confusion(references, predictions):
    matrix = np.zeros((5, 5))
    for reference, prediction in zip(references, predictions, strict=True):
        matrix[reference, prediction] += 1
    return matrix


def test_it_has_every_metric_that_predicted_classes_determine():
    assert sorted(confusion_metrics(np.eye(2))) == NAMES


@pytest.mark.parametrize("kind", ["any", "classes_absent", "constant_prediction", "constant_reference", "one_class"])
@pytest.mark.parametrize("name", NAMES)
def test_each_equals_the_function_of_the_same_name(name, kind):
    rng = np.random.default_rng(0)
    drawn = [samples(kind, rng) for _ in range(20)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the functions warn where they are undefined
        expected = [METRICS[name](*pair) for pair in drawn]
    values = confusion_metrics([confusion(*pair) for pair in drawn])[name]
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12)


def test_leading_dimensions_are_kept():
    matrices = np.random.default_rng(0).integers(0, 9, (2, 3, 4, 4))
    for name, values in confusion_metrics(matrices).items():
        assert values.shape == (2, 3)
        assert values[1, 2] == confusion_metrics(matrices[1, 2])[name]


def test_undefined_values_are_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = confusion_metrics([[4, 0], [0, 0]])
    assert {name for name, value in values.items() if np.isnan(value)} == {"pcc", "qwk", "smd"}


@pytest.mark.parametrize("shape", [(3, 4), (4,), ()])
def test_matrices_that_are_not_square_are_refused(shape):
    with pytest.raises(ValueError, match=r"confusions of shape \(.*\) cannot be used: give \(\.\.\., num_classes"):
        confusion_metrics(np.zeros(shape))
