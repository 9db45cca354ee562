"""Golden test: two published confusion matrices give every figure printed beside them.

Source: Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010, tables. Rows
are annotations, columns predictions, in the order A2, B1_1, B1_2, B2, native; 217 test samples of ICNALE monologues.
"""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from blv_trainer.metrics import METRICS, make_compute_metrics

CONFUSION = {
    "BLV, sigma 6": [[1, 9, 6, 1, 0], [1, 19, 19, 5, 0], [1, 19, 61, 11, 1], [1, 0, 15, 16, 1], [0, 0, 2, 3, 25]],
    "focal loss": [[1, 6, 9, 1, 0], [2, 22, 16, 4, 0], [2, 19, 58, 12, 2], [1, 1, 16, 14, 1], [0, 0, 1, 5, 24]],
}
PERCENT = ("accuracy", "macro_accuracy", "adjacent_accuracy", "macro_adjacent_accuracy")
PRINTED = {
    "BLV, sigma 6": {
        "accuracy": "56.22",
        "macro_accuracy": "49.29",
        "adjacent_accuracy": "92.17",
        "macro_adjacent_accuracy": "87.12",
        "rmse": "0.8479",
        "macro_rmse": "0.9281",
        "pcc": "0.6748",
        "macro_f1": "0.4952",
    },
    "focal loss": {
        "accuracy": "54.83",
        "macro_accuracy": "48.13",
        "adjacent_accuracy": "90.32",
        "macro_adjacent_accuracy": "83.67",
        "rmse": "0.8877",
        "macro_rmse": "0.9646",
        "pcc": "0.6466",
        "macro_f1": "0.4828",
    },
}
# Cut off, not rounded, in the paper: 54.8387, 83.6781 and 0.64669.
TRUNCATED = {("focal loss", "accuracy"), ("focal loss", "macro_adjacent_accuracy"), ("focal loss", "pcc")}
FIGURES = [(system, name) for system, row in PRINTED.items() for name in row]


def samples(system):
    """True and predicted classes, one pair for each count of the matrix."""
    counts = np.array(CONFUSION[system])
    references, predictions = np.indices(counts.shape)
    return np.repeat(references.ravel(), counts.ravel()), np.repeat(predictions.ravel(), counts.ravel())


def as_printed(value, system, name):
    """The value with the digits and the rounding of the table."""
    value = Decimal(value) * (100 if name in PERCENT else 1)
    last_digit = Decimal("0.01") if name in PERCENT else Decimal("0.0001")
    rounding = ROUND_DOWN if (system, name) in TRUNCATED else ROUND_HALF_UP
    return str(value.quantize(last_digit, rounding=rounding))


@pytest.mark.parametrize("system", CONFUSION)
def test_the_matrix_has_the_published_class_sizes(system):
    references, _ = samples(system)
    assert np.bincount(references).tolist() == [17, 44, 93, 33, 30]


@pytest.mark.parametrize(("system", "name"), FIGURES)
def test_a_published_figure_follows_from_its_matrix_to_the_last_digit(system, name):
    assert as_printed(METRICS[name](*samples(system)), system, name) == PRINTED[system][name]


@pytest.mark.parametrize("system", CONFUSION)
def test_logits_with_these_predictions_give_the_published_row(system):
    references, predictions = samples(system)
    compute_metrics = make_compute_metrics(["A2", "B1_1", "B1_2", "B2", "native"])
    values = compute_metrics((np.eye(5)[predictions], references))
    assert {name: as_printed(values[name], system, name) for name in PRINTED[system]} == PRINTED[system]
