import evaluate
import numpy as np
import pytest

from blv_trainer.metrics import ece, metric_path


def plain_ece(references, probabilities, n_bins):
    """Guo et al. (2017), Eq. 3, bin by bin."""
    confidence, predictions = probabilities.max(axis=1), probabilities.argmax(axis=1)
    total = 0.0
    for b in range(n_bins):
        inside = (confidence > b / n_bins) & (confidence <= (b + 1) / n_bins)
        if inside.any():
            gap = abs(np.mean(predictions[inside] == references[inside]) - confidence[inside].mean())
            total += inside.mean() * gap
    return total


@pytest.mark.parametrize("n_bins", [1, 2, 10, 15, 100])
def test_it_is_the_sum_over_the_bins(n_bins, levels, probabilities):
    expected = plain_ece(levels[0], probabilities, n_bins)
    assert ece(levels[0], probabilities, n_bins=n_bins) == pytest.approx(expected)
    assert (ece(levels[0], probabilities) == pytest.approx(expected)) == (n_bins == 15)  # the default


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    probabilities = [[0.5, 0.5], [0.75, 0.25]]  # two bins: (0, 0.5] and (0.5, 1]
    assert ece([0, 1], probabilities, n_bins=2) == (abs(1 - 0.5) + abs(0 - 0.75)) / 2
    assert ece([0, 1], probabilities, n_bins=1) == abs(0.5 - 0.625)


def test_evaluate_passes_the_number_of_bins_on(levels, probabilities):
    metric = evaluate.load(metric_path("ece"), keep_in_memory=True)
    result = metric.compute(references=levels[0], probabilities=probabilities, n_bins=3)
    assert result == {"ece": ece(levels[0], probabilities, n_bins=3)}


def test_half_precision_softmax_is_accepted(levels, probabilities):
    rounded = probabilities.astype(np.float16)
    assert ece(levels[0], rounded) == pytest.approx(ece(levels[0], probabilities), abs=0.02)


@pytest.mark.parametrize(
    ("references", "probabilities", "message"),
    [
        ([], [], r"references \(0,\) do not fit probabilities \(0,\); give shapes \(n,\) and \(n, num_classes\), n at"),
        ([0, 1], [0, 1], r"references \(2,\) do not fit probabilities \(2,\)"),
        ([[0], [1]], [[1, 0], [0, 1]], r"references \(2, 1\) do not fit probabilities \(2, 2\)"),
        ([0, 1], [[1, 0]], r"references \(2,\) do not fit probabilities \(1, 2\)"),
        (["A2"], [[1, 0]], "references holds A2; give class indices"),
        ([0, 2], [[1, 0], [0, 1]], "references holds 2; give class indices: whole numbers from 0 to 1"),
        ([0, 0.5], [[1, 0], [0, 1]], "references holds 0.5"),
        ([0, 1], [[3.0, -2.0], [0, 1]], "1 of 2 rows of probabilities are not at least 0 with sum 1; apply softmax"),
        ([0, 1], [[np.nan, 1], [0.7, 0.7]], "2 of 2 rows of probabilities"),
    ],
)
def test_unusable_input_is_refused_with_a_sentence(references, probabilities, message):
    with pytest.raises(ValueError, match=message):
        ece(references, probabilities)


@pytest.mark.parametrize("n_bins", [0, -1, 2.5])
def test_unusable_bins_are_refused(n_bins):
    with pytest.raises(ValueError, match=rf"n_bins={n_bins} cannot be used: give a whole number from 1 up"):
        ece([0], [[1.0, 0.0]], n_bins=n_bins)
