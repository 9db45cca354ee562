import csv
import logging
import math
from collections import Counter
from pathlib import Path

import datasets
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
    test = tmp_path / "test.jsonl"
    test.write_text('{"text": "t", "label": "A2", "score": 3}\n{"text": "u", "label": "native"}\n')
    data = load_table(train_file, validation, test_file=test)
    assert data.dataset.num_rows == {"train": 20, "validation": 1, "test": 2}
    assert data.dataset["test"][0] == {"text": "t", "label": 0, "score": 3}
    turned = load_table(train_file, label_order=["C2", *LEVELS[::-1]], validation_fraction=0)
    assert turned.dataset["train"]["label"][:4] == [5] * 4  # the file begins with A2
    assert turned.notes == ["Labels without a training row: C2."]
    assert [data.dataset[split].split for split in data.dataset] == ["train", "validation", "test"]
    assert texts_and_names(data, "test") == [("t", "A2"), ("u", "native")]
    assert data.unusable == []


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
LABELS = st.sampled_from(["A2", "B1_1", "native", " B1_1 ", "", " ", "C9", "NA"])


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(st.tuples(WORDS, LABELS, WORDS), max_size=8))
def test_every_row_is_in_the_dataset_unchanged_or_in_the_list_of_unusable_rows(tmp_path_factory, rows):
    rows = [("first", "A2", ""), *[("second", "native", "")] * 160, *rows]  # few enough are unknown
    path = write_csv(tmp_path_factory.mktemp("table") / "x.csv", rows, header=("text", "label", "note"))
    data = load_table(path, label_order=LEVELS, validation_fraction=0)
    good = [row for row in rows if row[0].strip() and row[1].strip() in LEVELS]
    found = data.dataset["train"]
    assert [(row["text"], LEVELS[row["label"]], row["note"]) for row in found] == [
        (text, label.strip(), note) for text, label, note in good
    ]
    reasons = Counter(row.reason for row in data.unusable)
    assert reasons["empty text"] == sum(not text.strip() for text, _, _ in rows)
    none = ("", "NA")
    assert reasons["missing label"] == sum(bool(text.strip()) and label.strip() in none for text, label, _ in rows)
    assert len(found) + len(data.unusable) == len(rows)


# Labels


def test_labels_found_in_all_splits_are_ordered_naturally_and_a_note_says_so(tmp_path, caplog):
    rows = [*numbered({"native": 1, "B1_2": 1, "A2": 1, "B2": 1}), ("", "a label of no text is no class")]
    train = write_csv(tmp_path / "train.csv", rows)
    test = write_csv(tmp_path / "test.csv", numbered({"B1_1": 1}))
    with caplog.at_level(logging.INFO):
        data = load_table(train, test_file=test, validation_fraction=0)
    assert data.label_names == LEVELS
    note = "Order of the labels, sorted by name: A2 < B1_1 < B1_2 < B2 < native. Give label_order to set another."
    assert note in data.notes
    assert note in caplog.text
    for split in ("train", "test"):
        assert data.dataset[split].features["label"].names == LEVELS


def test_a_class_label_column_declares_the_order(tmp_path):
    names = ["low", "middle", "high", "never seen"]
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    rows = [{"text": f"text {i}", "label": i % 3} for i in range(6)]
    datasets.Dataset.from_list(rows, features=features).to_parquet(tmp_path / "x.parquet")
    validation = write_csv(tmp_path / "validation.csv", [("v", "middle"), ("w", "1"), *[("x", "low")] * 20])
    data = load_table(tmp_path / "x.parquet", validation)
    assert data.label_names == names
    assert data.dataset["train"]["label"][:] == [0, 1, 2, 0, 1, 2]
    assert texts_and_names(data, "validation") == [("v", "middle"), *[("x", "low")] * 20]
    assert [(row.row, row.reason, row.value) for row in data.unusable] == [(3, "unknown label", "1")]
    reordered = load_table(tmp_path / "x.parquet", validation, label_order=["high", "middle", "low"])
    assert reordered.dataset["train"]["label"][:] == [2, 1, 0, 2, 1, 0]


# Unusable rows


def test_labels_that_cannot_be_learned_give_a_sentence(tmp_path, train_file):
    order = [f"{k / 7:.3f}1" for k in range(60)]
    scores = write_csv(tmp_path / "scores.csv", [(f"text {k}", value) for k, value in enumerate(order)])
    with pytest.raises(ValueError, match="'label' has 60 different values in 60 rows, so they are no levels"):
        load_table(scores)
    assert load_table(scores, label_order=order, validation_fraction=0).label_names == order
    one = write_csv(tmp_path / "one.csv", [("a", "A2"), ("b", "A2"), ("", "B1")])
    with pytest.raises(ValueError, match=r"one\.csv: every usable row has the label 'A2'; training needs two"):
        load_table(one, test_file=write_csv(tmp_path / "test.csv", [("c", "B1")]))
    bad = write_csv(tmp_path / "bad.csv", [("a", "x"), ("", "A2")])
    for split in ("train", "validation", "test"):
        with pytest.raises(ValueError, match=r"bad\.csv: 1 of 1 labels in the column 'label' are none of the known"):
            load_table(**{"train_file": train_file, f"{split}_file": bad}, label_order=LEVELS)


# Raters


def test_levels_of_raters_are_kept_under_their_own_names(tmp_path):
    header = ("text", "label", "ann", "bob")
    train = write_csv(
        tmp_path / "train.csv", [("a", "A2", "A2", "B1"), ("b", "B1", "", "B1"), ("c", "A2", "NA", "")], header
    )
    test = write_csv(tmp_path / "test.csv", [("d", "A2", "B1", "A2")], header)
    data = load_table(train, test_file=test, rater_columns=["ann", "bob"], validation_fraction=0)
    assert data.dataset["train"][:] == {
        "text": ["a", "b", "c"],
        "label": [0, 1, 0],
        "ann": [0, None, None],
        "bob": [1, 1, None],
    }
    assert data.dataset["test"][0] == {"text": "d", "label": 0, "ann": 1, "bob": 0}
    assert data.dataset["test"].features["ann"].names == ["A2", "B1"]
    with pytest.raises(
        ValueError, match=r"test\.csv, line 2: 'C1' in the rater column 'bob' is none of the levels 'A2'"
    ):
        load_table(train, test_file=write_csv(test, [("d", "A2", "B1", "C1")], header), rater_columns=["ann", "bob"])
    with pytest.raises(ValueError, match=r"test\.csv has no rater column 'bob'. Its columns: 'text', 'label', 'ann'"):
        load_table(train, test_file=write_csv(test, [("d", "A2", "B1")], header[:3]), rater_columns=["ann", "bob"])


# Held-out validation


def test_a_tenth_is_held_out_whatever_the_order_of_rows_and_copies_of_a_text_stay_together(tmp_path):
    rows = [(f"text {i % 40}", "AB"[i % 2]) for i in range(200)]
    held = []
    test = write_csv(tmp_path / "test.csv", [("t", "A")])
    for seed, order in ((1, 1), (1, -1), (2, 1)):
        data = load_table(write_csv(tmp_path / "x.csv", rows[::order]), test_file=test, seed=seed)
        assert data.dataset.num_rows == {"train": 180, "validation": 20, "test": 1}
        held.append(set(data.dataset["validation"]["text"]))
        assert not set(data.dataset["train"]["text"]) & held[-1]
    assert held[0] == held[1] != held[2]


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


def test_too_few_rows_to_hold_one_out_give_a_sentence(tmp_path):
    path = write_csv(tmp_path / "x.csv", [("a", "1"), ("b", "2")])
    with pytest.raises(
        ValueError, match=r"0\.1 of 2 training rows leaves no row for validation.*Give a validation_file"
    ):
        load_table(path)


def test_a_text_that_is_also_in_train_is_counted_in_a_warning_and_a_note(tmp_path, train_file, caplog):
    leak = write_csv(tmp_path / "test.csv", [("A2: text 0", "A2"), ("A2: text 0", "B2"), ("a2: text 0", "A2")])
    data = load_table(train_file, test_file=leak, validation_fraction=0)
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


def test_an_unlabelled_test_split_of_a_dataset_is_left_aside_with_a_note(tmp_path):
    level = datasets.ClassLabel(names=["low", "high"])
    train = [(f"text {i}", i % 2) for i in range(20)]
    name = make_folder(tmp_path / "data", level, train=train, test=[("c", -1), ("d", -1)])
    data = load_table(dataset_name=name)
    assert data.dataset.num_rows == {"train": 18, "validation": 2}
    assert data.label_names == ["low", "high"]
    assert any("2 of 20 training rows are held out for validation" in note for note in data.notes)
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
        ({"train_file": "x.csv", "rater_columns": "ann"}, TypeError, "rater_columns='ann' must be a list of columns"),
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


def test_words_among_numbers_are_told(tmp_path):
    path = tmp_path / "levels.csv"
    path.write_text("text,label\n" + "".join(f"{k} one,{k % 4}.0\n" for k in range(40)) + "a b,good\nc d,n/a\n")
    data = load_table(path, validation_fraction=0)
    (note,) = (note for note in data.notes if "are not" in note)
    assert note.startswith("4 labels are numbers and 2 are not ('good', 'n/a'), so all are taken for names")
