"""What must hold for any classes, found by search."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.metrics import METRICS, accuracy, adjacent_accuracy, ece, macro_accuracy, macro_f1, pcc, qwk, rmse, smd

pytestmark = pytest.mark.filterwarnings("ignore:.* is undefined:RuntimeWarning")

CLASSES = st.integers(min_value=0, max_value=5)
PAIRS = st.lists(st.tuples(CLASSES, CLASSES), min_size=1, max_size=30).map(lambda rows: np.array(rows).T)
OF_PAIRS = [name for name in METRICS if name != "ece"]
over_pair_metrics = pytest.mark.parametrize("name", OF_PAIRS)


def same(value):
    return pytest.approx(value, abs=1e-9, nan_ok=True)


@over_pair_metrics
@given(pairs=PAIRS, seed=st.integers(0, 1000), step=st.integers(1, 3))
def test_neither_the_order_of_the_samples_nor_where_levels_are_counted_from_matters(name, pairs, seed, step):
    value = METRICS[name](*pairs)
    assert METRICS[name](*np.random.default_rng(seed).permutation(pairs, axis=1)) == same(value)
    assert METRICS[name](*(pairs + step)) == same(value)
    assert METRICS[name](*(5 - pairs)) == same(-value if name == "smd" else value)


@pytest.mark.parametrize("name", ["macro_accuracy", "macro_adjacent_accuracy", "macro_rmse"])
@given(pairs=PAIRS, repeats=st.lists(st.integers(1, 4), min_size=6, max_size=6))
def test_class_sizes_do_not_matter_to_macro_metrics(name, pairs, repeats):
    resampled = np.repeat(pairs, np.array(repeats)[pairs[0]], axis=1)
    assert METRICS[name](*resampled) == same(METRICS[name](*pairs))


@pytest.mark.parametrize("name", ["qwk", "pcc", "rmse", "accuracy", "adjacent_accuracy", "macro_f1"])
@given(pairs=PAIRS)
def test_references_and_predictions_may_be_exchanged(name, pairs):
    references, predictions = pairs
    assert METRICS[name](predictions, references) == same(METRICS[name](references, predictions))


@given(pairs=PAIRS)
def test_the_metrics_keep_their_ranges_and_their_order(pairs):
    assert 0 <= accuracy(*pairs) <= adjacent_accuracy(*pairs) <= 1
    assert 0 <= macro_f1(*pairs) <= 1
    assert 0 <= macro_accuracy(*pairs) <= 1
    assert 0 <= rmse(*pairs) <= 5
    correlation, kappa, shift = pcc(*pairs), qwk(*pairs), smd(*pairs)
    if not np.isnan(correlation):
        assert -1 <= correlation <= 1
        assert abs(kappa) <= abs(correlation) + 1e-9  # kappa also counts a shift and a change of scale as disagreement
        assert np.isfinite(shift)


@given(pairs=PAIRS)
def test_nan_means_undefined_and_nothing_else(pairs):
    references, predictions = pairs
    one_reference, one_prediction = len(set(references)) == 1, len(set(predictions)) == 1
    assert np.isnan(pcc(*pairs)) == (one_reference or one_prediction)
    assert np.isnan(smd(*pairs)) == one_reference
    assert np.isnan(qwk(*pairs)) == (one_reference and one_prediction and references[0] == predictions[0])


@given(
    rows=st.lists(st.tuples(CLASSES, st.lists(st.floats(0.01, 1), min_size=6, max_size=6)), min_size=1, max_size=30),
    n_bins=st.integers(1, 20),
)
def test_ece_lies_between_the_overall_gap_and_one(rows, n_bins):
    references = np.array([label for label, _ in rows])
    weights = np.array([row for _, row in rows])
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    gap = abs(np.mean(probabilities.argmax(axis=1) == references) - np.mean(probabilities.max(axis=1)))
    assert gap - 1e-9 <= ece(references, probabilities, n_bins=n_bins) <= 1
    assert ece(references, probabilities, n_bins=1) == pytest.approx(gap)
