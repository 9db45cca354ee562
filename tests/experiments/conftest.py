"""Finished comparisons without training: logits are drawn, and written as a run writes them."""

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from blv_trainer.corpora import split_by_group
from blv_trainer.corpora.icnale import LABELS
from blv_trainer.corpora.synthetic import generate_answers
from blv_trainer.experiments import invented, runs
from blv_trainer.experiments.folds import assign_folds, fold_dataset
from blv_trainer.experiments.methods import parse_method
from blv_trainer.files import write_json
from blv_trainer.prediction import prediction_table
from blv_trainer.run_folder import (
    COMPARISON_FILE,
    HISTORY_FILE,
    METRICS_FILE,
    SPEED_FILE,
    predictions_of_split,
    write_predictions,
)

PRIOR = (0.06, 0.24, 0.5, 0.2)
SIZES = {"train": 60, "validation": 120, "test": 200}
METHODS = ("cross_entropy", "blv:sigma=6")


@pytest.fixture(scope="session")
def dataset():
    """Invented answers of 30 speakers, none in two splits: 60 % train, 10 % validation, 30 % test."""
    answers = generate_answers(30, seed=1, as_read=True)
    labels, speakers = [answer.label for answer in answers], [answer.speaker for answer in answers]
    split = split_by_group(labels, speakers, fractions=(0.6, 0.1, 0.3), seed=1)
    columns = {name: Value("string") for name in ("id", "text", "label", "region", "speaker", "task")}
    features = Features(columns | {"label": ClassLabel(names=list(LABELS))})
    rows = [{name: getattr(answer, name) for name in columns} for answer in answers]
    parts = {name: [row for row, own in zip(rows, split, strict=True) if own == name] for name in sorted({*split})}
    return DatasetDict({name: Dataset.from_list(part, features) for name, part in parts.items()})


@pytest.fixture(scope="session")
def names(dataset):
    return dataset["train"].features["label"].names


@pytest.fixture(scope="session")
def encoder(dataset, tmp_path_factory):
    """An encoder with random weights that knows the words of these answers."""
    return invented.build_encoder(dataset["train"]["text"], tmp_path_factory.mktemp("encoder"), seed=1)


def draw_rows(rng, split, size, names, *, speakers, one_level):
    """Four answers of each speaker."""
    labels = rng.choice(4, size, p=PRIOR)
    if one_level:
        labels = labels[::4].repeat(4)
        labels[3] = (labels[0] + 1) % 4
    columns = {"text": [f"{split} {k}" for k in range(size)], "label": labels.tolist()}
    columns["region"] = rng.choice(["JPN", "<b>KOR</b>"], size).tolist()
    if speakers:
        columns["speaker"] = [f"{split}{k // 4}" for k in range(size)]
        columns["speaker"][-1] = None if one_level else columns["speaker"][-1]
    return Dataset.from_dict(columns).cast_column("label", ClassLabel(names=list(names)))


def write_run(folder, settings, names, parts):
    """A finished run; ``parts`` has rows and logits by split."""
    tables = [predictions_of_split(rows, split, prediction_table(z, names)) for split, (rows, z) in parts.items()]
    runs.begin(folder, {**settings, "learning_rate": 0.1}, chosen_by_user=False)
    write_predictions(folder, tables)
    evaluation = {"eval_loss": 1.0, "eval_macro_accuracy": 0.3, "eval_qwk": 0.4} if "validation" in parts else {}
    write_json(folder / HISTORY_FILE, [{"epoch": float(epoch), **evaluation} for epoch in (1, 2)])
    write_json(folder / SPEED_FILE, {"train": {"train_runtime": 1.5}})
    write_json(folder / METRICS_FILE, {"train": {"epoch": 2.0}})


@pytest.fixture(scope="session")
def make_comparison():
    """Writes a comparison into a folder; logits follow the labels, more so in the last method.

    With folds each speaker has one level; but the first has two, and the last answer has no speaker.
    """

    def make(
        folder, *, names=("A2", "B1", "B2", "C1"), methods=METHODS, seeds=(1, 2), speakers=True, raters=False,
        num_folds=0,
    ):  # fmt: skip
        rng = np.random.default_rng(0)
        kinds = {"speakers": speakers, "one_level": num_folds > 0}
        sizes = {"train": 200} if num_folds else SIZES
        rows = DatasetDict({split: draw_rows(rng, split, size, names, **kinds) for split, size in sizes.items()})
        counts = {split: np.bincount(of_split["label"], minlength=4).tolist() for split, of_split in rows.items()}
        counts["train"] = [60, 240, 500, 200]
        facts = {"label_names": list(names), "class_counts": counts, "seeds": list(seeds), "methods": list(methods)}
        facts |= {"num_folds": num_folds, "group_column": "speaker" if speakers else None}
        facts |= {"human": {"accuracy": 0.625, "qwk": 0.75, "pcc": float("nan"), "num_rows": 40}} if raters else {}
        description = {"source": "drawn <i>logits</i>", "notes": ["a & b"], "command": "-", "model": "-"}
        write_json(folder / COMPARISON_FILE, {**facts, **description})
        for strength, spec in enumerate(methods, start=1):
            for seed in seeds:
                run, found = runs.folder_of(folder, parse_method(spec), seed), {}
                for split, of_split in rows.items():
                    logits = rng.normal(size=(len(of_split), 4)) + 2 * np.log(PRIOR)
                    logits[np.arange(len(of_split)), of_split["label"]] += strength
                    found[split] = of_split, logits
                settings = {"method": spec, "seed": seed}
                if not num_folds:
                    write_run(run, settings, names, found)
                    continue
                of_split, logits = found["train"]
                folds = assign_folds(of_split, num_folds, facts["group_column"], seed=seed)
                how = {"group_column": facts["group_column"], "with_validation": False, "seed": seed}
                for fold in range(num_folds):
                    parts, places = fold_dataset(of_split, folds, fold, **how)
                    shown = ("train", "test") if fold == 0 else ("test",)
                    parts = {split: (parts[split], logits[places[split]]) for split in shown}
                    write_run(runs.fold_folder(run, fold), {**settings, "fold": fold}, names, parts)
        return folder

    return make
