"""Each method with each decision, and the choice among them."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

from blv_trainer.decision import consistent, tune
from blv_trainer.evaluation import Spread
from blv_trainer.experiments.report.rows import choose, make_rows, validation_score
from blv_trainer.experiments.results import read_results
from blv_trainer.metrics import METRICS


@pytest.fixture(scope="module")
def results(make_comparison, tmp_path_factory):
    return read_results(make_comparison(tmp_path_factory.mktemp("rows")))


@pytest.fixture(scope="module")
def rows(results):
    return {row.key: row for row in make_rows(results, {"qwk": 1.0})}


def test_each_decision_is_the_one_its_name_says(results, rows):
    assert list(rows) == [
        "cross_entropy raw", "cross_entropy tuned", "blv:sigma=6 raw", "blv:sigma=6 consistent", "blv:sigma=6 tuned",
    ]  # fmt: skip
    blv = results.methods[1]
    np.testing.assert_array_equal(rows["blv:sigma=6 raw"].test.predictions, blv.test_logits.argmax(axis=2))
    shifted = blv.test_logits + consistent(blv.loss).shift
    np.testing.assert_array_equal(rows["blv:sigma=6 consistent"].test.predictions, shifted.argmax(axis=2))
    counts = results.class_counts["train"]
    for run, decision in enumerate(rows["blv:sigma=6 tuned"].decisions):
        assert decision == tune(blv.validation_logits[run], results.validation_labels, "qwk", class_counts=counts)


def test_metrics_are_means_and_deviations_over_the_runs(results, rows):
    row = rows["blv:sigma=6 consistent"]
    for split, labels, logits in (
        ("test", results.test_labels, row.test.logits),
        ("validation", results.validation_labels, row.runs.validation_logits + row.decisions[0].shift),
    ):
        each = [METRICS["macro_rmse"](labels, run.argmax(axis=1)) for run in logits]
        expected = Spread(np.mean(each), np.std(each, ddof=1), 2)
        assert getattr(row, split).metrics["macro_rmse"] == pytest.approx(expected)


def test_the_choice_is_made_without_the_test_rows(make_comparison, tmp_path):
    results = read_results(make_comparison(tmp_path))
    rows = make_rows(results)
    chosen = choose(rows)
    assert validation_score(chosen) == max(map(validation_score, rows))
    results.test_labels[:] = 0
    for runs in results.methods:
        runs.test_logits[:] = 0
    again = make_rows(results)
    assert choose(again).key == chosen.key
    assert [row.decisions for row in again] == [row.decisions for row in rows]


class Scored:
    """Stands in for a row whose validation metrics are known."""

    def __init__(self, **metrics):
        self.validation = SimpleNamespace(values=metrics)


def test_the_score_weighs_metrics_and_counts_errors_against():
    row = Scored(accuracy=0.5, macro_accuracy=0.25, qwk=0.125, rmse=2.0, smd=-0.5)
    assert validation_score(row) == 0.875
    assert validation_score(row, {"accuracy": 2.0, "rmse": 0.25, "smd": 1.0}) == 1 - 0.5 - 0.5


def test_an_undefined_score_is_never_chosen_and_of_equals_the_first():
    undefined, first, second = Scored(qwk=math.nan), Scored(qwk=-0.25), Scored(qwk=-0.25)
    assert choose([undefined, first, second], {"qwk": 1.0}) is first


def test_classes_without_training_rows_can_be_tuned_around(results):
    counts = {**results.class_counts, "train": [0, 240, 500, 200]}
    for row in make_rows(dataclasses.replace(results, class_counts=counts, methods=results.methods[:1])):
        assert all(np.isfinite(decision.shift).all() for decision in row.decisions)


def test_an_unknown_metric_to_tune_for_is_refused(results):
    with pytest.raises(ValueError, match=r"metric='qvk' is unknown.*Did you mean 'qwk'\?"):
        make_rows(results, {"qvk": 1.0})
