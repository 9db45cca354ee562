"""Each method with each decision, and the choice among them."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import log_softmax

from blv_trainer.decision import consistent, tune
from blv_trainer.evaluation import Spread
from blv_trainer.experiments.report.rows import choose, make_rows, objective
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
        assert decision == tune(blv.validation_logits[run], results.validation.labels, "qwk", class_counts=counts)


def test_metrics_are_means_and_deviations_over_the_runs(results, rows):
    row = rows["blv:sigma=6 consistent"]
    for split, labels, logits in (
        ("test", results.test.labels, row.test.logits),
        ("judged", results.validation.labels, row.runs.validation_logits + row.decisions[0].shift),
    ):
        each = [METRICS["macro_rmse"](labels, run.argmax(axis=1)) for run in logits]
        expected = Spread(np.mean(each), np.std(each, ddof=1), 2)
        assert getattr(row, split).metrics["macro_rmse"] == pytest.approx(expected)


def test_the_choice_is_made_without_the_test_rows(make_comparison, tmp_path):
    results = read_results(make_comparison(tmp_path))
    rows = make_rows(results)
    chosen = choose(rows)
    scores = [objective(row, rows[0]) for row in rows]
    assert objective(chosen, rows[0]) == np.nanmax(scores)
    results.test.labels[:] = 0
    for runs in results.methods:
        runs.test_logits[:] = 0
    again = make_rows(results)
    assert choose(again).key == chosen.key
    assert [row.decisions for row in again] == [row.decisions for row in rows]


class Judged:
    """Stands in for a row whose metrics on the rows that choices are made on are known.

    ``up_to`` is the upper end of the interval of its accuracy's difference to any other row's.
    """

    def __init__(self, *, up_to=0.0, **metrics):
        differences = {"accuracy": SimpleNamespace(high=up_to)}
        self.judged = SimpleNamespace(values=metrics, differences=lambda baseline: differences)


def test_the_objective_weighs_metrics_and_counts_errors_against():
    row = Judged(accuracy=0.5, macro_accuracy=0.25, qwk=0.125, macro_rmse=1.5, rmse=2.0, smd=-0.5)
    assert objective(row, row) == 0.25 + 0.125 - 0.75  # balanced
    assert objective(row, row, {"accuracy": 2.0, "rmse": 0.25, "smd": 1.0}) == 1 - 0.5 - 0.5


def test_a_row_of_clearly_less_accuracy_is_not_chosen_unless_weights_are_given():
    others = {"macro_accuracy": 0.25, "macro_rmse": 1.0}
    base = Judged(up_to=-1.0, qwk=0.2, **others)  # is never out
    costly, cheap = Judged(up_to=-0.004, qwk=0.9, **others), Judged(up_to=-0.002, qwk=0.3, **others)
    assert math.isnan(objective(costly, base))
    assert choose([base, costly, cheap]) is cheap
    assert choose([base, costly, cheap], {"qwk": 1.0}) is costly


def test_an_undefined_objective_is_never_chosen_and_of_equals_the_first():
    undefined, first, second = (Judged(accuracy=0.5, qwk=qwk) for qwk in (math.nan, -0.25, -0.25))
    assert choose([undefined, first, second], {"qwk": 1.0}) is first


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("blv:sigma=6", True),
        ("blv:sigma=2,scope=element", True),
        ("blv:sigma=6,sign=-1", False),
        ("blv:sigma=0", False),
        ("gaussian_clouded", False),
        ("logit_adjustment", False),
        ("ldam", False),
        ("focal", False),
    ],
)
def test_a_shift_is_added_back_only_where_training_held_rare_classes_down(make_comparison, tmp_path, method, shown):
    rows = make_rows(read_results(make_comparison(tmp_path, methods=(method,), seeds=(1,))))
    titles = [row.title.rpartition("(")[2] for row in rows]
    assert titles == (["raw)", "shift added back)", "tuned)"] if shown else ["raw)", "tuned)"])


# ---- Folds and groups


@pytest.fixture(scope="module")
def folded(make_comparison, tmp_path_factory):
    return read_results(make_comparison(tmp_path_factory.mktemp("folded"), num_folds=4, raters=True))


@pytest.fixture(scope="module")
def tuned(folded):
    """The row of BLV, tuned."""
    return make_rows(folded, num_resamples=50)[-1]


def test_with_folds_each_row_is_decided_by_what_the_other_folds_chose(folded, tuned):
    blv, labels, counts = folded.methods[1], folded.test.labels, folded.class_counts["train"]
    assert len(tuned.decisions) == 2 * 4
    for run, folds in enumerate(folded.folds):
        for fold in range(4):
            own, others = folds == fold, folds != fold
            decision = tune(blv.test_logits[run][others], labels[others], class_counts=counts)
            assert tuned.decisions[4 * run + fold] == decision
            np.testing.assert_array_equal(tuned.test.logits[run][own], decision.apply(blv.test_logits[run][own]))
    assert tuned.judged is tuned.test


def test_groups_are_pooled_and_decided_by_what_the_other_folds_chose(folded, tuned):
    """By hand: a speaker with two levels is left out, a row without a speaker is a group by itself."""
    labels, speakers = folded.test.labels, folded.test.columns["speaker"]
    rows_of = {}
    for k, speaker in enumerate(speakers):
        rows_of.setdefault(speaker or "nobody", []).append(k)
    rows_of = {speaker: own for speaker, own in rows_of.items() if len({*labels[own]}) == 1}
    assert (len(rows_of), "train0" in rows_of) == (50, False)
    assert tuned.by_group.labels.tolist() == [labels[own[0]] for own in rows_of.values()]
    assert tuned.by_group.columns["speaker"] == [speakers[own[0]] for own in rows_of.values()]
    raw_row = make_rows(folded, num_resamples=50)[2]
    for run, logits in enumerate(folded.methods[1].test_logits):
        means = [log_softmax(logits[own], axis=1).mean(axis=0) for own in rows_of.values()]
        np.testing.assert_allclose(raw_row.by_group.logits[run], means)
        names = {speaker: [speaker] * len(own) for speaker, own in rows_of.items()}
        for fold in range(4):
            decision = tuned.decisions[4 * run + fold]
            scores = decision.apply(logits)
            inside = {s: own for s, own in rows_of.items() if folded.folds[run][own[0]] != fold}
            rows = [k for own in inside.values() for k in own]
            groups = [name for s in inside for name in names[s]]
            of_groups = tune(scores[rows], labels[rows], class_counts=folded.class_counts["train"], groups=groups)
            for place, (speaker, own) in enumerate(rows_of.items()):
                if speaker not in inside:
                    expected = of_groups.apply(log_softmax(scores[own], axis=1).mean(axis=0)[None])[0]
                    np.testing.assert_allclose(tuned.by_group.logits[run][place], expected)


def test_without_two_answers_of_anyone_there_are_no_groups(make_comparison, tmp_path):
    results = read_results(make_comparison(tmp_path, seeds=(1,), speakers=False))
    assert all(row.by_group is None for row in make_rows(results))


def test_classes_without_training_rows_can_be_tuned_around(results):
    counts = {**results.class_counts, "train": [0, 240, 500, 200]}
    for row in make_rows(dataclasses.replace(results, class_counts=counts, methods=results.methods[:1])):
        assert all(np.isfinite(decision.shift).all() for decision in row.decisions)


def test_an_unknown_metric_to_tune_for_is_refused(results):
    with pytest.raises(ValueError, match=r"metric='qvk' is unknown.*Did you mean 'qwk'\?"):
        make_rows(results, {"qvk": 1.0})


def test_groups_may_be_numbers_beside_rows_that_have_none(folded):
    speakers = [cell and int(cell.removeprefix("train")) for cell in folded.test.columns["speaker"]]
    assert None in speakers
    numbered = dataclasses.replace(folded.test, columns={**folded.test.columns, "speaker": speakers})
    found = [make_rows(dataclasses.replace(folded, test=test), num_resamples=50)[0] for test in (folded.test, numbered)]
    assert found[0].by_group.labels.tolist() == found[1].by_group.labels.tolist()
    assert found[0].by_group.values == found[1].by_group.values
