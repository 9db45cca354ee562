"""Names that were probably meant; class counts, logits and labels that cannot be used; a Hub out of reach."""

import math

import numpy as np
import pytest
import torch

from blv_trainer.checks import check_hub, check_labels, did_you_mean, labelled_rows, nearest, whole_counts


@pytest.mark.parametrize(
    ("given", "accepted", "meant"),
    [
        ("b1-2", ["A2", "B1_1", "B1_2"], "B1_2"),
        ("QWC", ["qwk", "pcc"], "qwk"),  # regardless of case, given as it is accepted
        ("acc", ["adjacent_accuracy", "accuracy", "pcc"], "accuracy"),  # a part of the name
        ("epochs", ["num_train_epochs", "eval_epochs"], "num_train_epochs"),
        ("hinge", ["blv", "focal"], None),
    ],
)
def test_the_nearest_name_is_proposed_if_there_is_one(given, accepted, meant):
    assert nearest(given, accepted) == meant
    assert did_you_mean(given, accepted) == (f" Did you mean {meant!r}?" if meant else "")


@pytest.mark.parametrize(
    "counts",
    [(3, 40, 200), np.array([3.0, 40, 200]), *(torch.tensor([3, 40, 200], dtype=d) for d in (torch.uint8, torch.half))],
)
def test_counts_may_be_any_list_of_whole_numbers(counts):
    assert whole_counts(counts) == [3, 40, 200]
    assert {type(count) for count in whole_counts(counts)} == {int}


NO_COUNTS = [[5], [[1, 2], [3, 4]], None, ["a", "b"], 5, [True, True], [5, -1], [5, 1.5], [5, math.inf], [5, math.nan]]


@pytest.mark.parametrize("counts", NO_COUNTS, ids=str)
def test_what_is_no_list_of_counts_is_named(counts):
    with pytest.raises(ValueError, match="class_counts=.* cannot be used: give one count for each of at least two"):
        whole_counts(counts)


@pytest.mark.parametrize("array", [np.array, torch.tensor])
def test_labels_out_of_range_are_named(array):
    check_labels(array([0, 3, -100]), 4)
    with pytest.raises(ValueError, match=r"labels \[-1, 4\] are out of range: 4 classes take labels 0 to 3, and -100"):
        check_labels(array([0, 4, -1, 4, -100]), 4)


def test_rows_without_a_label_are_left_out_whatever_their_logits():
    logits, labels = labelled_rows([[1, 2], [math.nan, 0], [3, 4]], [1, -100, 0])
    assert (logits.tolist(), logits.dtype, labels.tolist()) == ([[1, 2], [3, 4]], np.float64, [1, 0])


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((2, 3)), [0, 1], r"logits of shape \(2, 3\) cannot be used: give shape \(n, 5\), one logit for each"),
        (np.zeros((2, 4, 5)), [0, 1], r"logits of shape \(2, 4, 5\)"),
        (np.zeros((2, 5)), [0, 1, 2], r"labels of shape \(3,\) and type int64 do not fit logits of shape \(2, 5\)"),
        (np.zeros((2, 5)), None, r"labels of shape \(\)"),
        (np.zeros((2, 5)), [0.5, 1], "type float64 do not fit.*regression and multi-label targets are not supported"),
        (np.zeros((2, 5)), [0, 5], r"labels \[5\] are out of range"),
        (np.zeros((2, 5)), [-100, -100], r"none of 2 rows has a label \(all are -100\)"),
        ([[0] * 4 + [math.nan], [0] * 5, [math.inf] * 5], [0, 1, 2], "2 of 3 rows of logits hold NaN or infinity"),
    ],
)
def test_logits_and_labels_that_do_not_fit_are_named(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        labelled_rows(logits, labels, 5)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """A Hub at a port where nobody listens, and an empty cache; says how often it was tried."""
    from huggingface_hub import constants, get_session

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    session, tries = get_session(), []
    head = session.head
    monkeypatch.setattr(session, "head", lambda *args, **kwargs: tries.append(args) or head(*args, **kwargs))
    return tries


def downloaded_before(cache, name):
    snapshot = cache / f"models--{name.replace('/', '--')}" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")


def test_a_model_of_a_hub_out_of_reach_is_refused_after_one_try(no_network):
    message = "--model you/model is no folder, was not downloaded before, and http://127.0.0.1:9 cannot be reached .*"
    with pytest.raises(FileNotFoundError, match=message + "HF_HUB_OFFLINE=1"):
        check_hub("you/model", "--model")
    with pytest.raises(FileNotFoundError, match="--dataset_name a/b is no folder.* cannot be reached"):
        check_hub("a/b", "--dataset_name", kind="dataset")
    assert len(no_network) == 2


def test_what_was_downloaded_before_is_used_without_waiting(no_network, tmp_path, caplog):
    from huggingface_hub import constants

    downloaded_before(tmp_path, "you/model")
    check_hub("you/model")
    assert constants.HF_HUB_OFFLINE is True
    assert "you/model: the Hub cannot be reached; what was downloaded before is used." in caplog.text


def test_offline_only_what_was_downloaded_before_passes(no_network, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match="--model bert-base-uncased is no folder.* HF_HUB_OFFLINE is set"):
        check_hub("bert-base-uncased", "--model")
    downloaded_before(tmp_path, "bert-base-uncased")
    check_hub("bert-base-uncased", "--model")
    check_hub(str(tmp_path))  # a folder
    assert no_network == []
