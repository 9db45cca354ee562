import csv
import logging
import math
from collections import Counter
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blv_trainer.corpora.table import load_table

CEFR_SP = Path(__file__).parents[4] / "shared" / "data" / "cefr_sp_wikiauto"
LEVELS = ["A2", "B1_1", "B1_2", "B2", "native"]


@pytest.fixture(autouse=True)
def _private_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def write_csv(path, rows, header=("text", "label")):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def numbered(counts):
    """Distinct texts, ``counts[label]`` for each label."""
    return [(f"{label}: text {i}", label) for label, count in counts.items() for i in range(count)]


@pytest.fixture
def train_file(tmp_path):
    return write_csv(tmp_path / "train.csv", numbered(dict.fromkeys(LEVELS, 4)))


def texts_and_names(data, split):
    rows = data.dataset[split]
    return [(row["text"], data.label_names[row["label"]]) for row in rows]


# Files -> splits


def test_each_given_file_becomes_a_split_and_nothing_is_held_out(tmp_path, train_file):
    validation = write_csv(tmp_path / "validation.csv", [("v", "B2")])
    test = write_csv(tmp_path / "test.csv", [("t", "A2"), ("u", "native")])
    data = load_table(train_file, validation, test_file=test)
    assert data.dataset.num_rows == {"train": 20, "validation": 1, "test": 2}
    assert [data.dataset[split].split for split in data.dataset] == ["train", "validation", "test"]
    assert texts_and_names(data, "test") == [("t", "A2"), ("u", "native")]
    assert data.unusable == []


@pytest.mark.parametrize("given", ["validation_file", "test_file"])
def test_with_a_validation_or_test_file_train_stays_whole(tmp_path, train_file, given):
    data = load_table(train_file, **{given: write_csv(tmp_path / "other.csv", [("v", "B2")])})
    assert data.dataset.num_rows == {"train": 20, given.removesuffix("_file"): 1}


def test_files_of_different_formats_go_together(tmp_path, train_file):
    pq.write_table(pa.table({"text": ["v"], "label": ["B2"]}), tmp_path / "validation.parquet")
    (tmp_path / "test.jsonl").write_text('{"text": "t", "label": "A2", "score": 3}\n')
    data = load_table(train_file, tmp_path / "validation.parquet", test_file=tmp_path / "test.jsonl")
    assert texts_and_names(data, "validation") == [("v", "B2")]
    assert data.dataset["test"][0] == {"text": "t", "label": 0, "score": 3}


def test_columns_can_have_other_names_and_the_rest_is_kept(tmp_path):
    rows = [(i, f"sentence {i}", "AB"[i % 2]) for i in range(4)]
    path = write_csv(tmp_path / "x.csv", rows, header=("id", "sentence", "cefr"))
    data = load_table(path, text_column="sentence", label_column="cefr", validation_fraction=0)
    assert data.dataset["train"].column_names == ["text", "label", "id"]
    assert data.dataset["train"][3] == {"text": "sentence 3", "label": 1, "id": "3"}


def test_a_tsv_with_plain_quotes_keeps_every_character(tmp_path):
    rows = ['He said " no " .', '" Unbalanced', "It 's 5 o'clock", "''", '"']
    path = tmp_path / "x.tsv"
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{i % 2 + 1}\n" for i, text in enumerate(rows)))
    data = load_table(path, validation_fraction=0)
    assert data.dataset["train"]["text"][:] == rows


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
LABELS = st.sampled_from(["A2", "B1_1", "native", " B1_1 ", "", " ", "C9", "NA"])


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(st.tuples(WORDS, LABELS, WORDS), max_size=8))
def test_every_row_is_in_the_dataset_unchanged_or_in_the_list_of_unusable_rows(tmp_path_factory, rows):
    rows = [("first", "A2", ""), ("second", "native", ""), *rows]
    path = write_csv(tmp_path_factory.mktemp("table") / "x.csv", rows, header=("text", "label", "note"))
    data = load_table(path, label_order=LEVELS, validation_fraction=0)
    good = [row for row in rows if row[0].strip() and row[1].strip() in LEVELS]
    found = data.dataset["train"]
    assert [(row["text"], LEVELS[row["label"]], row["note"]) for row in found] == [
        (text, label.strip(), note) for text, label, note in good
    ]
    reasons = Counter(row.reason for row in data.unusable)
    assert reasons["empty text"] == sum(not text.strip() for text, _, _ in rows)
    assert reasons["missing label"] == sum(bool(text.strip()) and not label.strip() for text, label, _ in rows)
    assert len(found) + len(data.unusable) == len(rows)


# Labels


def test_labels_found_in_all_splits_are_ordered_naturally_and_a_note_says_so(tmp_path, caplog):
    train = write_csv(tmp_path / "train.csv", numbered({"native": 1, "B1_2": 1, "A2": 1, "B2": 1}))
    test = write_csv(tmp_path / "test.csv", numbered({"B1_1": 1}))
    with caplog.at_level(logging.INFO):
        data = load_table(train, test_file=test)
    assert data.label_names == LEVELS
    note = "Order of the labels, sorted by name: A2 < B1_1 < B1_2 < B2 < native. Give label_order to set another."
    assert note in data.notes
    assert note in caplog.text
    for split in ("train", "test"):
        assert data.dataset[split].features["label"].names == LEVELS


def test_a_given_order_wins(train_file):
    data = load_table(train_file, label_order=LEVELS[::-1], validation_fraction=0)
    assert data.label_names == LEVELS[::-1]
    assert data.dataset["train"]["label"][:4] == [4] * 4  # the file begins with A2
    assert data.notes == []


def test_a_class_label_column_declares_the_order(tmp_path):
    names = ["low", "middle", "high", "never seen"]
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    rows = [{"text": f"text {i}", "label": i % 3} for i in range(6)]
    datasets.Dataset.from_list(rows, features=features).to_parquet(tmp_path / "x.parquet")
    validation = write_csv(tmp_path / "validation.csv", [("v", "middle"), ("w", "1")])
    data = load_table(tmp_path / "x.parquet", validation)
    assert data.label_names == names
    assert data.dataset["train"]["label"][:] == [0, 1, 2, 0, 1, 2]
    assert texts_and_names(data, "validation") == [("v", "middle")]
    assert [(row.row, row.reason, row.value) for row in data.unusable] == [(3, "unknown label", "1")]
    reordered = load_table(tmp_path / "x.parquet", validation, label_order=["high", "middle", "low"])
    assert reordered.dataset["train"]["label"][:] == [2, 1, 0, 2, 1, 0]


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64()])
def test_numbers_of_parquet_become_names_in_numeric_order(tmp_path, kind):
    table = pa.table({"text": [f"text {i}" for i in range(4)], "label": pa.array([10, 9, 10, 2], kind)})
    pq.write_table(table, tmp_path / "x.parquet")
    data = load_table(tmp_path / "x.parquet", validation_fraction=0)
    assert data.label_names == ["2", "9", "10"]
    assert data.dataset["train"]["label"][:] == [2, 1, 2, 0]


def test_a_label_only_of_rows_without_text_is_no_class(tmp_path):
    data = load_table(write_csv(tmp_path / "x.csv", [("a", "1"), ("b", "2"), ("", "3")]), validation_fraction=0)
    assert data.label_names == ["1", "2"]


def test_a_label_without_a_training_row_is_noted_and_no_error(train_file):
    data = load_table(train_file, label_order=["A1", *LEVELS, "C2"])
    assert "Labels without a training row: A1, C2." in data.notes


def test_one_label_in_train_gives_a_sentence(tmp_path):
    test = write_csv(tmp_path / "test.csv", numbered({"B1": 3}))
    train = write_csv(tmp_path / "train.csv", [("a", "A2"), ("b", "A2"), ("", "B1")])
    with pytest.raises(ValueError, match=r"train\.csv: every usable row has the label 'A2'; training needs two"):
        load_table(train, test_file=test)


# Unusable rows


def test_a_column_with_hardly_two_rows_of_a_value_is_no_column_of_labels(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("text,score\n" + "".join(f"text {k},{k / 7:.3f}\n" for k in range(60)))
    with pytest.raises(ValueError, match="'score' has 60 different values in 60 rows, so they are no levels"):
        load_table(path, label_column="score")
    order = [f"{k / 7:.3f}" for k in range(60)]  # somebody who writes all of them down means them
    assert load_table(path, label_column="score", label_order=order, validation_fraction=0).label_names == order


def test_unusable_rows_carry_their_split_and_line(tmp_path, train_file):
    test = write_csv(tmp_path / "test.csv", [("one\ntwo", "A2"), ("", "A2"), ("x", "b2"), ("y", "")])
    data = load_table(train_file, test_file=test, label_order=LEVELS)
    assert [(row.split, row.source, row.row, row.reason, row.value) for row in data.unusable] == [
        ("test", str(test), 4, "empty text", ""),
        ("test", str(test), 5, "unknown label", "b2"),
        ("test", str(test), 6, "missing label", ""),
    ]
    assert data.dataset["test"].num_rows == 1


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_file_without_a_usable_row_gives_a_sentence(tmp_path, train_file, split):
    files = {"train_file": train_file}
    files[f"{split}_file"] = write_csv(tmp_path / "bad.csv", [("a", "x"), ("", "A2")])
    with pytest.raises(ValueError, match=r"bad\.csv: none of the 2 rows can be used: 1 x unknown label \(line 2: 'x'"):
        load_table(**files, label_order=LEVELS)


# Held-out validation


def test_a_tenth_of_each_class_is_held_out_and_a_note_says_so(tmp_path):
    path = write_csv(tmp_path / "x.csv", numbered({"1": 1000, "2": 300, "3": 20}))
    data = load_table(path)
    assert data.dataset.num_rows == {"train": 1188, "validation": 132}
    assert Counter(data.dataset["validation"]["label"]) == {0: 100, 1: 30, 2: 2}
    assert any("132 of 1320 training rows are held out for validation" in note for note in data.notes)


@settings(deadline=None, max_examples=30)
@given(
    counts=st.dictionaries(st.sampled_from("ABCDEF"), st.integers(1, 40), min_size=2),
    fraction=st.sampled_from([0.05, 0.1, 0.2, 1 / 3, 0.123456789]),
    seed=st.integers(0, 5),
)
def test_holding_out_keeps_every_row_and_both_ends_of_the_tail(tmp_path_factory, counts, fraction, seed):
    rows = numbered({**counts, "big": 40})
    path = write_csv(tmp_path_factory.mktemp("table") / "x.csv", rows)
    data = load_table(path, validation_fraction=fraction, seed=seed)
    train, validation = texts_and_names(data, "train"), texts_and_names(data, "validation")
    assert sorted(train + validation) == sorted(rows)
    assert [row for row in rows if row in set(train)] == train  # the order of the file
    kept, held = Counter(label for _, label in train), Counter(label for _, label in validation)
    for label, count in counts.items():
        assert kept[label] >= 1
        assert held[label] >= (count >= math.ceil(1 / fraction))
        assert abs(held[label] - count * fraction) < 1 + (count < 1 / fraction)


def test_the_same_rows_are_held_out_whatever_their_order_and_others_with_another_seed(tmp_path):
    rows = numbered({"A": 50, "B": 50})
    path, turned = write_csv(tmp_path / "x.csv", rows), write_csv(tmp_path / "y.csv", rows[::-1])
    held = [
        set(load_table(file, seed=seed).dataset["validation"]["text"]) for file in (path, turned) for seed in (1, 2)
    ]
    assert held[0] == held[2]
    assert held[1] == held[3]
    assert held[0] != held[1]


def test_copies_of_one_text_are_not_torn_apart(tmp_path):
    rows = [(f"text {i % 40}", "AB"[i % 2]) for i in range(200)]
    data = load_table(write_csv(tmp_path / "x.csv", rows))
    assert data.dataset["validation"].num_rows == 20
    assert not set(data.dataset["train"]["text"]) & set(data.dataset["validation"]["text"])


def test_a_fraction_of_zero_holds_nothing_out(train_file):
    assert load_table(train_file, validation_fraction=0).dataset.num_rows == {"train": 20}


def test_too_few_rows_to_hold_one_out_give_a_sentence(tmp_path):
    path = write_csv(tmp_path / "x.csv", [("a", "1"), ("b", "2")])
    with pytest.raises(
        ValueError, match=r"0\.1 of 2 training rows leaves no row for validation.*Give a validation_file"
    ):
        load_table(path)


def test_a_text_that_is_also_in_train_is_counted_in_a_warning_and_a_note(tmp_path, train_file, caplog):
    leak = write_csv(tmp_path / "test.csv", [("A2: text 0", "A2"), ("A2: text 0", "B2"), ("a2: text 0", "A2")])
    data = load_table(train_file, test_file=leak)
    assert any(note.startswith("2 of 3 test rows have a text that is also in train") for note in data.notes)
    assert [record.levelname for record in caplog.records if "also in train" in record.getMessage()] == ["WARNING"]


# Hub datasets and folders


def make_folder(folder, label_values, **splits):
    features = datasets.Features({"text": datasets.Value("string"), "label": label_values})
    folder.mkdir()
    for split, rows in splits.items():
        rows = [{"text": text, "label": label} for text, label in rows]
        datasets.Dataset.from_list(rows, features=features).to_parquet(folder / f"{split}.parquet")
    return str(folder)


def test_a_folder_of_parquet_is_a_dataset_and_its_class_label_declares_the_order(tmp_path):
    level = datasets.ClassLabel(names=["low", "high"])
    name = make_folder(tmp_path / "data", level, train=[("a", 1), ("b", 0)], dev=[("c", 1)], test=[("d", 0)])
    data = load_table(dataset_name=name)
    assert data.label_names == ["low", "high"]
    assert {split: texts_and_names(data, split) for split in data.dataset} == {
        "train": [("a", "high"), ("b", "low")],
        "validation": [("c", "high")],
        "test": [("d", "low")],
    }


def test_an_unlabelled_test_split_of_a_dataset_is_left_aside_with_a_note(tmp_path):
    level = datasets.ClassLabel(names=["low", "high"])
    train = [(f"text {i}", i % 2) for i in range(20)]
    name = make_folder(tmp_path / "data", level, train=train, test=[("c", -1), ("d", -1)])
    data = load_table(dataset_name=name)
    assert data.dataset.num_rows == {"train": 18, "validation": 2}
    assert any("test] is not used: none of its 2 rows is usable" in note for note in data.notes)
    assert [(row.split, row.row, row.reason) for row in data.unusable] == [
        ("test", 1, "missing label"),
        ("test", 2, "missing label"),
    ]


# Arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "Nothing to train on: give a train_file"),
        ({"validation_file": "x.csv"}, ValueError, "Nothing to train on"),
        (
            {"train_file": "x.csv", "test_file": "y.csv", "dataset_name": "a/b"},
            ValueError,
            "Both dataset_name='a/b' and train_file, test_file are given",
        ),
        ({"train_file": "x.csv", "dataset_config_name": "en"}, ValueError, "'en' needs a dataset_name"),
        ({"train_file": "x.csv", "validation_fraction": 1}, ValueError, "validation_fraction=1 must be at least 0"),
        ({"train_file": "x.csv", "validation_fraction": -0.1}, ValueError, r"-0\.1 must be at least 0 and below 1"),
        ({"train_file": "x.csv", "label_order": "A1"}, TypeError, "must be a list of names"),
        ({"train_file": "nowhere.csv"}, FileNotFoundError, r"nowhere\.csv does not exist"),
        ({"dataset_name": "nobody/nothing"}, FileNotFoundError, "'nobody/nothing' was not found on the Hub"),
    ],
)
def test_arguments_that_cannot_be_met_give_a_sentence(arguments, error, message):
    with pytest.raises(error, match=message):
        load_table(**arguments)


# Real data


@pytest.mark.shared
@pytest.mark.skipif(not CEFR_SP.is_dir(), reason="needs ../shared/data/cefr_sp_wikiauto")
def test_cefr_sp_wikiauto_has_its_published_counts(tmp_path):
    for name in ("train", "dev", "test"):
        lines = (CEFR_SP / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        rows = [line.split("\t") for line in lines]
        table = "".join(f"{text}\t{min(int(a), int(b))}\n" for text, a, b in rows)
        (tmp_path / f"{name}.tsv").write_text("text\tlabel\n" + table, encoding="utf-8")
    data = load_table(tmp_path / "train.tsv", tmp_path / "dev.tsv", test_file=tmp_path / "test.tsv")
    assert data.dataset.num_rows == {"train": 5990, "validation": 701, "test": 762}
    assert data.label_names == list("123456")
    counts = Counter(data.dataset["train"]["label"])
    assert [counts[label] for label in range(6)] == [114, 927, 2552, 1970, 414, 13]
    assert data.unusable == []
