"""Finished comparisons without training: logits are drawn, and written as a run writes them."""

import numpy as np
import pytest
from datasets import ClassLabel, Dataset

from blv_trainer.experiments import runs
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
def make_comparison():
    """Writes a comparison into a folder; logits follow the labels, more so in the last method."""

    def make(folder, *, names=("A2", "B1", "B2", "C1"), methods=METHODS, seeds=(1, 2), speakers=True):
        rng = np.random.default_rng(0)
        rows = {}
        for split, size in SIZES.items():
            columns = {"text": ["..."] * size, "label": rng.choice(4, size, p=PRIOR).tolist()}
            columns["region"] = rng.choice(["JPN", "<b>KOR</b>"], size).tolist()
            if speakers:
                columns["speaker"] = [f"{split}{k // 4}" for k in range(size)]
            rows[split] = Dataset.from_dict(columns).cast_column("label", ClassLabel(names=list(names)))
        counts = {split: np.bincount(of_split["label"], minlength=4).tolist() for split, of_split in rows.items()}
        counts["train"] = [60, 240, 500, 200]
        facts = {"label_names": list(names), "class_counts": counts, "seeds": list(seeds), "methods": list(methods)}
        description = {"source": "drawn <i>logits</i>", "notes": ["a & b"], "command": "-", "model": "-"}
        write_json(folder / COMPARISON_FILE, {**facts, **description})
        for strength, spec in enumerate(methods, start=1):
            for seed in seeds:
                run = runs.folder_of(folder, parse_method(spec), seed)
                tables = []
                for split, of_split in rows.items():
                    logits = rng.normal(size=(len(of_split), 4)) + 2 * np.log(PRIOR)
                    logits[np.arange(len(of_split)), of_split["label"]] += strength
                    tables.append(predictions_of_split(of_split, split, prediction_table(logits, names)))
                runs.begin(run, {"method": spec, "seed": seed, "learning_rate": 0.1}, chosen_by_user=False)
                write_predictions(run, tables)
                evaluation = {"eval_loss": 1.0, "eval_macro_accuracy": 0.3, "eval_qwk": 0.4}
                write_json(run / HISTORY_FILE, [{"epoch": float(epoch), **evaluation} for epoch in (1, 2)])
                write_json(run / SPEED_FILE, {"train": {"train_runtime": 1.5}})
                write_json(run / METRICS_FILE, {"train": {"epoch": 2.0}})
        return folder

    return make
