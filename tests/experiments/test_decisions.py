"""Which decision goes with which logits, against plain loops; no row has a say in its own decision."""

import json

import numpy as np
import pytest
from datasets import ClassLabel, Dataset
from scipy.special import log_softmax

from blv_trainer.decision import Decision, consistent, fold, folded, optimal, raw, tune
from blv_trainer.evaluation import Scores
from blv_trainer.experiments.decisions import Answers, Chosen, Decided, apply_to, choice, cross_fitted
from blv_trainer.losses import BLVLoss
from blv_trainer.prediction import prediction_table
from blv_trainer.run_folder import predictions_of_split, read_predictions, write_predictions

NAMES = ["low", "mid", "high"]
COUNTS = [10, 60, 30]


@pytest.fixture(scope="module")
def answers():
    """Forty speakers with three answers each and one level; but the first has two, and ten rows are of nobody."""
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 40, p=[0.2, 0.5, 0.3]).repeat(3)
    labels[1] = (labels[0] + 1) % 3
    labels = np.concatenate([labels, rng.choice(3, 10)])
    logits = 3 * rng.normal(size=(130, 3)) + 2 * np.eye(3)[labels]
    groups = np.array([f"s{k // 3}" if k < 120 else f"text {k}" for k in range(130)], dtype=object)
    order = rng.permutation(130)
    return Answers(logits[order], labels[order], groups[order])


@pytest.fixture(scope="module")
def folds(answers):
    """Four folds of whole groups."""
    numbers = {group: k % 4 for k, group in enumerate(sorted(set(answers.groups)))}
    return np.array([numbers[group] for group in answers.groups])


@pytest.fixture(scope="module")
def tuned():
    return choice("tuned", loss=lambda: BLVLoss(COUNTS), class_counts=COUNTS)


def by_hand(scores, labels, groups):
    """Mean log-probabilities and label of each group with one label, by group in order of first appearance."""
    pooled = {}
    for group in dict.fromkeys(groups):
        own = groups == group
        if len({*labels[own].tolist()}) == 1:
            pooled[group] = (log_softmax(scores[own], axis=1).mean(axis=0), labels[own][0])
    return pooled


def test_names_choose_the_decisions_that_they_say(answers, tuned):
    for name, expected in (
        ("raw", raw(3)),
        ("consistent", consistent(BLVLoss(COUNTS))),
        ("macro_rmse", optimal("macro_rmse", COUNTS)),
    ):
        choose = choice(name, loss=lambda: BLVLoss(COUNTS), class_counts=COUNTS)
        assert choose(None) == choose(answers) == Chosen(expected)
    assert tuned(answers).decision == tune(answers.logits, answers.labels, class_counts=COUNTS)
    loose = choice("tuned", loss=lambda: None, class_counts=COUNTS, metric={"qwk": 1.0}, powers=(0.0,))
    expected = tune(answers.logits, answers.labels, {"qwk": 1.0}, class_counts=COUNTS, powers=(0,))
    assert loose(answers).decision == expected
    with pytest.raises(ValueError, match="qvk"):
        choice("qvk", loss=lambda: None, class_counts=COUNTS)


def test_without_groups_there_is_no_decision_on_groups(answers, tuned):
    alone = Answers(answers.logits, answers.labels)
    assert tuned(alone) == Chosen(tuned(answers).decision)
    assert apply_to(tuned(alone), alone)[1] is None
    torn = Answers(answers.logits[:4], np.array([0, 1, 0, 1]), np.array(list("aabb"), dtype=object))
    assert apply_to(Chosen(raw(3)), torn)[1].shape == (0, 3)
    assert cross_fitted(lambda others: Chosen(raw(3)), torn, np.array([0, 0, 1, 1]))[2].shape == (0, 3)


def test_groups_of_one_level_are_pooled_and_not_tuned(answers, tuned):
    """Most groups are torn where answers, not people, have a level; what is left may have one level alone."""
    torn = np.array([["a", "b"][k % 2] for k in range(130)], dtype=object)
    torn[np.flatnonzero(answers.labels == 1)[:2]] = "c"
    chosen = tuned(Answers(answers.logits, answers.labels, torn))
    assert chosen == Chosen(tuned(answers).decision)
    scores, pooled = apply_to(chosen, Answers(answers.logits, answers.labels, torn))
    np.testing.assert_allclose(pooled, log_softmax(scores[torn == "c"], axis=1).mean(axis=0)[None])


def test_groups_are_pooled_from_the_answers_as_decided_in_order_of_first_appearance(answers, tuned):
    chosen = tuned(answers)
    scores, pooled = apply_to(chosen, answers)
    np.testing.assert_array_equal(scores, chosen.decision.apply(answers.logits))
    expected = by_hand(scores, answers.labels, answers.groups)
    assert "s0" not in expected
    np.testing.assert_allclose(pooled, chosen.of_groups.apply(np.stack([mean for mean, _ in expected.values()])))


def test_cross_fitting_is_a_loop_over_the_folds(answers, folds, tuned):
    found, scores, pooled = cross_fitted(tuned, answers, folds)
    labelled = by_hand(scores, answers.labels, answers.groups)
    for k in range(4):
        chosen = tuned(answers[folds != k])
        assert found[k] == chosen
        np.testing.assert_array_equal(scores[folds == k], chosen.decision.apply(answers.logits[folds == k]))
        for place, (group, (mean, _)) in enumerate(labelled.items()):
            if folds[answers.groups == group][0] == k:
                np.testing.assert_allclose(pooled[place], chosen.of_groups.apply(mean[None])[0])
    assert len(pooled) == len(labelled)


@pytest.mark.parametrize("fold_number", range(4))
def test_labels_and_logits_of_a_fold_have_no_say_in_its_decision(answers, folds, tuned, fold_number):
    inside = folds == fold_number
    labels, logits = answers.labels.copy(), answers.logits.copy()
    labels[inside], logits[inside] = 2 - labels[inside], -9 * logits[inside]
    before, after = (
        cross_fitted(tuned, Answers(z, y, answers.groups), folds)
        for z, y in ((answers.logits, answers.labels), (logits, labels))
    )
    assert before[0][fold_number] == after[0][fold_number]
    others = [k for k in range(4) if k != fold_number]
    assert [before[0][k] for k in others] != [after[0][k] for k in others]


# ---- What train makes of it


def as_rows(answers):
    who = [None if group.startswith("text") else group for group in answers.groups]
    texts = [f"text {k}" if cell is None else "same" for k, cell in enumerate(who)]
    rows = Dataset.from_dict({"text": texts, "label": answers.labels.tolist(), "who": who})
    return rows.cast_column("label", ClassLabel(names=NAMES))


def test_metrics_stand_as_decided_and_raw_for_answers_and_groups(answers, folds, tuned):
    rows, chosen = as_rows(answers), tuned(answers)
    fitted = cross_fitted(tuned, answers, folds)
    decided = Decided(chosen, "who", (rows, answers.logits, *fitted[1:]))
    measured = {"train": {"epoch": 1.0}, "test": {"loss": 0.5, "num_rows": 130}}
    metrics, found = decided.judge(measured, {"test": (rows, answers.logits)}, NAMES)
    kinds = [f"{split}{of}" for split in ("test", "out_of_fold") for of in ("", "_raw", "_by_group", "_by_group_raw")]
    assert list(metrics) == ["train", *kinds]
    assert metrics["train"] == {"epoch": 1.0}
    scores = chosen.decision.apply(answers.logits)
    for kind, expected in (("test", scores), ("test_raw", answers.logits), ("out_of_fold", fitted[1])):
        assert metrics[kind]["qwk"] == Scores(answers.labels, expected, NAMES).values["qwk"]
        assert metrics[kind]["num_rows"] == 130
    assert metrics["test"]["loss"] == metrics["test_raw"]["loss"] == 0.5
    assert found.keys() == {"test", "out_of_fold"}
    np.testing.assert_array_equal(found["test"][1], scores)
    np.testing.assert_array_equal(found["out_of_fold"][1], fitted[1])
    labelled = by_hand(scores, answers.labels, answers.groups)
    labels = np.array([label for _, label in labelled.values()])
    own = chosen.of_groups.apply(np.stack([mean for mean, _ in labelled.values()]))
    untouched = np.stack([mean for mean, _ in by_hand(answers.logits, answers.labels, answers.groups).values()])
    for kind, expected in (("test_by_group", own), ("test_by_group_raw", untouched)):
        right = (expected.argmax(axis=1) == labels).mean()
        assert (metrics[kind]["accuracy"], metrics[kind]["num_rows"]) == (right, 49)
        assert "loss" not in metrics[kind]


def test_what_is_judged_can_be_read_from_the_predictions(answers, tuned, tmp_path):
    rows = as_rows(answers)
    parts = {"test": (rows, answers.logits), "validation": (rows.select([0]), answers.logits[:1])}
    metrics, found = Decided(tuned(answers), "who").judge({"test": {}, "validation": {}}, parts, NAMES)
    tables = [predictions_of_split(of, split, prediction_table(z, NAMES)) for split, (of, z) in found.items()]
    write_predictions(tmp_path, tables)
    read = read_predictions(tmp_path)
    assert read["validation"].by_group is None  # a single row
    test = read["test"]
    assert set(test.columns) == set(test.by_group.columns) == {"who"}
    for of, kind in ((test, "test"), (test.by_group, "test_by_group")):
        assert len(of.labels) == metrics[kind].get("num_rows", 130)
        assert Scores(of.labels, of.logits, NAMES).values["qwk"] == metrics[kind]["qwk"]
        assert Scores(of.labels, of.raw_logits, NAMES).values["qwk"] == metrics[f"{kind}_raw"]["qwk"]
    named = dict(zip(answers.groups, answers.labels, strict=True))
    of_groups = zip(test.by_group.columns["who"], test.by_group.labels, strict=True)
    assert all(named[who] == label for who, label in of_groups if who)


def test_a_raw_decision_has_nothing_beside_it(answers):
    rows = as_rows(answers)
    metrics, found = Decided(Chosen(raw(3)), None).judge({"test": {}}, {"test": (rows, answers.logits)}, NAMES)
    assert list(metrics) == ["test"]
    np.testing.assert_array_equal(found["test"][1], answers.logits)


def test_decisions_go_into_a_model_where_its_head_holds_them(answers, make_classifier):
    model = make_classifier()
    of_groups = Decision((0.0, 0.5, 0.0, 0.0), kind="tuned", power=1.5)
    Decided(Chosen(Decision((0.1, 0.0, 0.2, 0.0), 2.0, "tuned"), of_groups)).fold_into(model)
    assert folded(model.config).temperature == 2.0
    assert folded(model.config, of_groups=True) == of_groups  # of any power: it is applied outside
    json.dumps(model.config.to_dict())
    untouched = make_classifier()
    Decided(Chosen(raw(4))).fold_into(untouched)
    fold(untouched, Decision((0.0,) * 4, kind="tuned"))  # nothing was folded before
