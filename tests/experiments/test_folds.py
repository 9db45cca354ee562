"""Folds: disjoint groups, every row tested once, rows put back in their order."""

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict

from blv_trainer.experiments.folds import (
    ROW_COLUMN,
    assign_folds,
    check_folds,
    complete_splits,
    fold_dataset,
    join_splits,
    out_of_fold,
)
from blv_trainer.prediction import prediction_table
from blv_trainer.run_folder import predictions_of_split, write_predictions

NAMES = ["low", "mid", "high"]
SPREAD = (12, 24, 6)  # speakers of each level, two answers each


@pytest.fixture(scope="module")
def rows():
    labels = np.repeat([0, 1, 2], SPREAD).repeat(2).tolist()
    columns = {"text": [f"text {k}" for k in range(84)], "label": labels, "who": [f"s{k // 2}" for k in range(84)]}
    return Dataset.from_dict(columns).cast_column("label", ClassLabel(names=NAMES)).shuffle(seed=1)


def fold_of(rows, fold, *, with_validation=False, seed=1):
    folds = assign_folds(rows, 3, "who", seed=seed)
    return fold_dataset(rows, folds, fold, group_column="who", with_validation=with_validation, seed=seed)


def test_all_labelled_rows_become_one_split_in_the_usual_order(rows):
    parts = {"other": rows.select([4]), "test": rows.select([3]), "validation": rows.select([2]), "train": rows}
    joined = join_splits(DatasetDict(parts))
    assert list(joined) == ["train"]
    assert joined["train"]["text"][-3:] == [rows["text"][k] for k in (2, 3, 4)]
    assert join_splits(DatasetDict(train=rows))["train"]["text"] == rows["text"]


def test_rows_sorted_by_a_column_have_one_order_however_they_were_split(rows):
    named = rows.add_column("id", [f"{k:03d}" for k in range(len(rows))])
    one = DatasetDict(train=named.select(range(50)), test=named.select(range(50, 84)))
    other = DatasetDict(train=named.select(range(20, 84)), test=named.select(range(20)))
    assert join_splits(one, by="id")["train"][:] == join_splits(other, by="id")["train"][:] == named[:]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_is_tested_once_by_folds_of_disjoint_groups_with_each_level(rows, seed):
    tested = []
    for fold in range(3):
        parts, places = fold_of(rows, fold, seed=seed)
        assert not {*parts["train"]["who"]} & {*parts["test"]["who"]}
        assert len(parts["train"]) + len(parts["test"]) == len(rows)
        counts = np.bincount(parts["test"]["label"], minlength=3) / 2
        assert (np.abs(counts - np.array(SPREAD) / 3) <= 1).all()
        for split in ("train", "test"):
            assert parts[split][ROW_COLUMN] == places[split].tolist()
            assert parts[split]["text"] == [rows["text"][k] for k in places[split].tolist()]
        tested += places["test"].tolist()
    assert sorted(tested) == list(range(len(rows)))


def test_another_seed_makes_other_folds(rows):
    first, second, again = (assign_folds(rows, 3, "who", seed=seed) for seed in (1, 2, 1))
    assert first.tolist() == again.tolist() != second.tolist()


def test_validation_rows_are_cut_inside_the_training_part(rows):
    whole, _ = fold_of(rows, 0)
    parts, places = fold_of(rows, 0, with_validation=True)
    assert parts["test"]["text"] == whole["test"]["text"]
    assert sorted([*places["train"], *places["validation"]]) == whole["train"][ROW_COLUMN]
    assert not {*parts["train"]["who"]} & {*parts["validation"]["who"]}
    assert 0 < len(parts["validation"]) <= 0.2 * len(whole["train"])


def test_copies_of_a_text_share_a_fold_where_there_are_no_groups(rows):
    twice = Dataset.from_dict({"text": rows["text"][:40] * 2, "label": rows["label"][:40] * 2})
    folds = assign_folds(twice, 4, None, seed=1)
    assert folds[:40].tolist() == folds[40:].tolist()


@pytest.mark.parametrize(
    ("num_folds", "column", "message"),
    [
        (
            43,
            "who",
            r"--folds 43 is not possible with 42 groups \(who\): give a number from 2 to 42, or 0 and a --test",
        ),
        (1, "who", "--folds 1 is not possible with 42 groups"),
        (85, None, "--folds 85 is not possible with 84 texts: give a number from 2 to 84"),
    ],
)
def test_numbers_of_folds_that_are_not_possible_are_refused(rows, num_folds, column, message):
    with pytest.raises(ValueError, match=message):
        check_folds(rows, num_folds, column)


def test_one_level_alone_with_two_groups_is_refused():
    """Else the fold that tests the other level would train on a single class."""
    rows = Dataset.from_dict({"text": list("abcd"), "label": [0, 0, 0, 1]})
    rows = rows.cast_column("label", ClassLabel(names=["low", "high"]))
    with pytest.raises(ValueError, match=r"with these groups of each level: high \(1\), low \(3\). Two levels or more"):
        check_folds(rows, 2, None)


def test_levels_with_fewer_groups_than_folds_are_told(rows):
    assert check_folds(rows, 6, "who") == []
    assert check_folds(rows, 7, "who") == [
        "Fewer groups than the 7 folds: high (6). Folds without such a label are not tested on it."
    ]


# ---- Putting the folds together again


@pytest.fixture
def folders(rows, tmp_path):
    """Three folds whose logits are the row's number and its level."""
    logits = np.array([[k, label, 0] for k, label in enumerate(rows["label"])], dtype=float)
    for fold in range(3):
        parts, places = fold_of(rows, fold)
        table = prediction_table(logits[places["test"]], NAMES)
        write_predictions(tmp_path / str(fold), [predictions_of_split(parts["test"], "test", table)])
    return [tmp_path / str(fold) for fold in range(3)]


def test_rows_come_back_in_their_order_with_their_fold(rows, folders):
    found, folds = out_of_fold(folders)
    assert found.labels.tolist() == rows["label"]
    assert found.columns == {"who": rows["who"]}
    assert found.logits[:, 0].tolist() == list(range(len(rows)))
    assert folds.tolist() == assign_folds(rows, 3, "who", seed=1).tolist()


def test_folds_that_do_not_make_up_the_data_are_refused(folders):
    with pytest.raises(ValueError, match="do not make up all rows: remove them, and make them again"):
        out_of_fold(folders[:2])
    with pytest.raises(ValueError, match="do not make up all rows"):
        out_of_fold([*folders, folders[0]])


def test_a_folder_without_rows_of_a_fold_is_refused(rows, folders, tmp_path):
    with pytest.raises(ValueError, match=r"nothing lacks the rows of its fold: give the command that made it again"):
        out_of_fold([*folders[:2], tmp_path / "nothing"])
    table = prediction_table(np.zeros((len(rows), 3)), NAMES)
    write_predictions(folders[2], [predictions_of_split(rows, "test", table)])  # of a run without folds
    with pytest.raises(ValueError, match="2 lacks the rows of its fold"):
        out_of_fold(folders)


# Rows held out


def table_of(count, prefix="s"):
    texts, speakers = [f"{prefix} text {k}" for k in range(count)], [f"{prefix}{k // 4}" for k in range(count)]
    return Dataset.from_dict({"text": texts, "label": [k // 4 % 2 for k in range(count)], "speaker": speakers})


def test_missing_splits_are_held_out_with_disjoint_speakers():
    dataset, notes = complete_splits(DatasetDict(train=table_of(400)), "speaker", seed=1)
    assert {split: len(part) for split, part in dataset.items()} == {"train": 320, "validation": 40, "test": 40}
    speakers = [set(part["speaker"]) for part in dataset.values()]
    assert not speakers[0] & speakers[1]
    assert not speakers[0] & speakers[2]
    assert "rows with the same speaker together" in notes[0]
    again, _ = complete_splits(DatasetDict(train=table_of(400)), "speaker", seed=1)
    assert again["test"]["text"] == dataset["test"]["text"]


def test_splits_that_are_there_stay():
    given = DatasetDict(train=table_of(200), test=table_of(40, "t"))
    dataset, _ = complete_splits(given, "speaker", seed=1)
    assert dataset["test"]["text"] == given["test"]["text"]
    assert (len(dataset["train"]), len(dataset["validation"])) == (180, 20)
    complete = DatasetDict(dataset)
    assert complete_splits(complete, "speaker", seed=1) == (complete, [])


def test_copies_of_a_text_stay_together_where_no_speakers_are_known():
    part = table_of(200).remove_columns("speaker").map(lambda row: {"text": row["text"][:-1]})
    dataset, notes = complete_splits(DatasetDict(train=part), seed=1)
    assert not set(dataset["train"]["text"]) & set(dataset["test"]["text"])
    assert "copies of one text together" in notes[0]


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="3 training rows are too few.* give --validation_file and --test_file"):
        complete_splits(DatasetDict(train=table_of(3)), "speaker", seed=1)
