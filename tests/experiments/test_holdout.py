import pytest
from datasets import Dataset, DatasetDict

from blv_trainer.experiments.holdout import complete_splits


def rows(count, prefix="s"):
    texts, speakers = [f"{prefix} text {k}" for k in range(count)], [f"{prefix}{k // 4}" for k in range(count)]
    return Dataset.from_dict({"text": texts, "label": [k // 4 % 2 for k in range(count)], "speaker": speakers})


def test_missing_splits_are_held_out_with_disjoint_speakers():
    dataset, notes = complete_splits(DatasetDict(train=rows(400)), seed=1)
    assert {split: len(part) for split, part in dataset.items()} == {"train": 320, "validation": 40, "test": 40}
    speakers = [set(part["speaker"]) for part in dataset.values()]
    assert not speakers[0] & speakers[1]
    assert not speakers[0] & speakers[2]
    assert "speakers disjoint" in notes[0]
    again, _ = complete_splits(DatasetDict(train=rows(400)), seed=1)
    assert again["test"]["text"] == dataset["test"]["text"]


def test_splits_that_are_there_stay():
    given = DatasetDict(train=rows(200), test=rows(40, "t"))
    dataset, _ = complete_splits(given, seed=1)
    assert dataset["test"]["text"] == given["test"]["text"]
    assert (len(dataset["train"]), len(dataset["validation"])) == (180, 20)
    complete = DatasetDict(dataset)
    assert complete_splits(complete, seed=1) == (complete, [])


def test_copies_of_a_text_stay_together_where_no_speakers_are_known():
    part = rows(200).remove_columns("speaker").map(lambda row: {"text": row["text"][:-1]})
    dataset, notes = complete_splits(DatasetDict(train=part), seed=1)
    assert not set(dataset["train"]["text"]) & set(dataset["test"]["text"])
    assert "copies of one text together" in notes[0]


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="3 training rows are too few.* give --validation_file and --test_file"):
        complete_splits(DatasetDict(train=rows(3)), seed=1)


def test_speakers_in_train_and_test_are_told():
    leaky = DatasetDict(train=rows(40), validation=rows(4, "v"), test=rows(8))
    _, (note,) = complete_splits(leaky, seed=1)
    assert note.startswith("2 of 2 test speakers are in train as well")
    assert complete_splits(DatasetDict({**leaky, "test": rows(8, "t")}), seed=1)[1] == []
