from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value
from torch import nn
from transformers import TrainingArguments

from blv_trainer import BLVTrainer
from blv_trainer.training import count_classes


class Items(torch.utils.data.Dataset):
    """A map-style dataset of dictionaries."""

    def __init__(self, labels, key="labels"):
        self.labels, self.key = labels, key

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row):
        return {self.key: self.labels[row]}


def test_equals_a_plain_counter():
    labels = np.random.default_rng(0).choice(5, size=1000, p=[0.01, 0.2, 0.5, 0.2, 0.09])
    counted = Counter(labels.tolist())
    assert count_classes(Dataset.from_dict({"label": labels}), 5) == [counted[k] for k in range(5)]
    assert count_classes(Dataset.from_dict({"label": []}), 2) == [0, 0]


def test_follows_selections_shuffles_and_class_labels():
    rows = Dataset.from_dict(
        {"label": [0, 1, 1, 2, 2, 2], "text": list("abcdef")},
        features=Features({"label": ClassLabel(names=["A2", "B1", "B2"]), "text": Value("string")}),
    )
    assert count_classes(rows.shuffle(seed=0), 3) == [1, 2, 3]
    assert count_classes(rows.select([5, 0, 3]), 3) == [1, 0, 2]


def test_reads_the_label_column_alone():
    rows = Dataset.from_dict({"label": [0, 1], "text": ["a", "b"]})

    def fail(batch):
        raise AssertionError("a row was decoded")

    rows.set_transform(fail)
    assert count_classes(rows, 2) == [1, 1]


def test_ignored_rows_are_not_counted():
    assert count_classes(Dataset.from_dict({"labels": [0, -100, 1, -100]}), 2) == [1, 1]


@pytest.mark.parametrize("labels", [[0, 2, 2], torch.tensor([0, 2, 2]), np.array([0, 2, 2], dtype=np.int32)])
@pytest.mark.parametrize("key", ["labels", "label", "label_ids"])
def test_counts_map_style_datasets(labels, key):
    assert count_classes(Items(labels, key), 3) == [1, 0, 2]


def test_takes_the_first_column_that_is_there():
    rows = Dataset.from_dict({"label": [0, 1], "level": [1, 1]})
    assert count_classes(rows, 2, label_columns=["level", "label"]) == [0, 2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a"]}, "no label column: it has text; rename the right one to 'label'"),
        ({"label": [0, None]}, "column 'label' has rows without a label"),
        ({"label": [0, 3]}, r"labels \[3\] are out of range: 3 classes take labels 0 to 2"),
        ({"label": ["A2", "B1"]}, "holds 'A2' where a class index is needed.*class_encode_column"),
        ({"label": [0.5, 1.0]}, "holds 0.5 where a class index is needed"),
        (
            {"label": [[0, 1], [1, 0]]},
            "holds .* where a class index is needed: .*multi-label targets are not supported",
        ),
    ],
)
def test_unusable_labels_are_named(columns, message):
    with pytest.raises(ValueError, match=message):
        count_classes(Dataset.from_dict(columns), 3)


@pytest.mark.parametrize("rows", [Dataset.from_dict({"labels": [[0, 1] * 500, [1]]}), Items([[0, 1] * 500, [1]])])
def test_labels_of_tokens_are_refused_in_a_sentence_however_long_the_text(rows):
    with pytest.raises(
        ValueError, match=r"'labels' holds a list of 1000, such as 0, where .* labels of tokens"
    ) as error:
        count_classes(rows, 3)
    assert len(str(error.value)) < 300


class TwoLabels(nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.config, self.linear = SimpleNamespace(**config), nn.Linear(2, 3)

    def forward(self, x, labels=None, labels_2=None):
        return {"logits": self.linear(x)}


def test_the_names_of_several_labels_are_those_that_were_given(tmp_path):
    def trainer(**given):
        return BLVTrainer(TwoLabels(num_labels=3), TrainingArguments(str(tmp_path), use_cpu=True, **given))

    with pytest.raises(ValueError, match="TwoLabels takes labels, labels_2 as 2 labels, but BLVTrainer needs"):
        trainer()
    with pytest.raises(ValueError, match=r"label_names=\['first', 'second'\] names 2 labels"):
        trainer(label_names=["first", "second"])
    assert trainer(label_names=["labels_2"]).label_names == ["labels_2"]


def test_a_training_set_without_a_labelled_row_is_not_said_to_have_equal_labels(make_mean_pooled, tmp_path):
    for labels in ([], [-100, -100]):
        rows = Dataset.from_dict({"labels": labels})
        with pytest.raises(ValueError, match="no training row has a label"):
            BLVTrainer(make_mean_pooled(), TrainingArguments(str(tmp_path), use_cpu=True), train_dataset=rows)


def test_a_configuration_that_does_not_say_how_many_labels_is_refused_in_a_sentence(tmp_path):
    for problem in ("regression", "multi_label_classification"):
        model = TwoLabels(problem_type=problem)
        with pytest.raises(ValueError, match=f"head is for {problem.replace('_', ' ')} .*num_labels=None"):
            BLVTrainer(model, TrainingArguments(str(tmp_path), use_cpu=True))
