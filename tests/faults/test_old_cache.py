"""What another version kept is not read as if it were ours."""

import json
import logging
import shutil

import datasets
import numpy as np
import pytest
import transformers
from datasets import ClassLabel, Dataset, DatasetDict

from blv_trainer.arguments import ModelArguments
from blv_trainer.asr.store import TranscriptStore
from blv_trainer.experiments import frozen, runs


@pytest.fixture
def dataset():
    columns = {"text": ["i like tea", "i drink coffee", "tea"], "label": [0, 1, 0]}
    rows = Dataset.from_dict(columns).cast_column("label", ClassLabel(names=["low", "high"]))
    return DatasetDict({"train": rows, "test": rows.select([0])})


# ---- Features of a frozen encoder


@pytest.fixture
def features(dataset, encoder, tmp_path):
    def features():
        rows = DatasetDict(train=dataset["train"])  # a file for each split
        return frozen.pooled_features(rows, ModelArguments(model_name_or_path=str(encoder)), tmp_path)

    return features


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("package", [transformers, frozen], ids=["transformers", "blv_trainer"])
def test_features_of_another_version_are_computed_again(package, features, tmp_path, monkeypatch):
    features()
    (old,) = tmp_path.iterdir()
    old.write_bytes(b"of another format")
    monkeypatch.setattr(package, "__version__", "99.0")
    features()
    assert files(tmp_path)[old.name] == b"of another format"
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["cut", "other rows"])
def test_a_file_of_features_that_does_not_fit_is_made_again(damage, features, tmp_path, caplog):
    expected = features()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-10])
    else:
        frozen.save_file({"features": np.zeros((2, 16), np.float32)}, path)
    found = features()
    for split in expected:
        np.testing.assert_array_equal(found[split], expected[split])
    assert path.read_bytes() == whole
    assert ("is damaged" in caplog.text) is (damage == "cut")


# ---- Runs


def test_a_run_begun_with_another_version_goes_on_with_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(runs, "last_whole_checkpoint", lambda folder, num_processes: folder / "checkpoint-2")
    runs.begin(tmp_path, {"seed": 1}, chosen_by_user=True)
    facts = json.loads((tmp_path / runs.RUN_FILE).read_text())
    facts["conditions"]["torch"] = "1.0"
    (tmp_path / runs.RUN_FILE).write_text(json.dumps(facts))
    with caplog.at_level(logging.WARNING, logger="blv_trainer"):
        assert runs.begin(tmp_path, {"seed": 1}, chosen_by_user=True) == str(tmp_path / "checkpoint-2")
    assert "was begun with torch 1.0, now " in caplog.text


# ---- Transcripts


def test_rows_of_another_format_do_not_count(tmp_path, caplog):
    row = {"id": "a", "options_hash": "1f", "audio_fingerprint": "c0", "text": "hello"}
    store = TranscriptStore(tmp_path)
    store.append(row)
    store.close()
    (part,) = (tmp_path / "parts").iterdir()
    line = json.loads(part.read_text())
    later = [{**line, "format": 99}, {key: line[key] for key in line if key != "format"}]
    part.write_text("".join(json.dumps({**other, "text": "not ours"}) + "\n" for other in later))
    assert TranscriptStore(tmp_path).rows("1f") == {}
    assert "2 rows were written by another version and do not count" in caplog.text
    store = TranscriptStore(tmp_path)
    store.append(row)
    assert store.rows("1f") == {"a": row}


# ---- The corpus in the cache of datasets


def test_a_corpus_built_by_another_version_is_built_again(corpus, tmp_path, monkeypatch):
    def load():
        return datasets.load_dataset("icnale_asa", data_dir=str(corpus), cache_dir=str(tmp_path), split="train")

    def folder(rows):
        return rows.cache_files[0]["filename"].rpartition("/")[0]

    first = folder(load())
    assert folder(load()) == first
    known = datasets.load._PACKAGED_DATASETS_MODULES
    monkeypatch.setitem(known, "icnale_asa", (known["icnale_asa"][0], "digest of another version's code"))
    second = folder(load())
    assert second != first
    shutil.rmtree(first)
    assert folder(load()) == second
