"""The private dataset: an invented corpus prepared, pushed by the script, loaded where this package is not known."""

import runpy
from pathlib import Path

import pytest
from datasets import load_dataset

from blv_trainer.cli import main
from blv_trainer.corpora.synthetic import write_corpus

PUSH = Path(__file__).parents[2] / "dataset_scripts" / "icnale_asa" / "push.py"
USE = """
import itertools, json, sys
sys.modules["blv_trainer"] = None  # not importable, even where it is installed
from datasets import load_dataset

dataset = load_dataset("alice/icnale_asa")
stream = load_dataset("alice/icnale_asa", split="train", streaming=True)
try:
    load_dataset("alice/icnale_asa", token="hf_bob", cache_dir="cache_of_bob")
    refused = None
except Exception as error:
    refused = type(error).__name__
print(json.dumps({
    "refused": refused,
    "rows": {split: [*rows] for split, rows in dataset.items()},
    "labels": dataset["train"].features["label"].names,
    "streamed": [*itertools.islice(stream, 3)],
}))
"""


@pytest.fixture
def prepared(tmp_path):
    """A Parquet folder of an invented corpus."""
    write_corpus(tmp_path / "corpus", 30, seed=1)
    folder = tmp_path / "prepared"
    assert main(["prepare", "--data_dir", str(tmp_path / "corpus"), "--output_dir", str(folder)]) == 0
    return folder


@pytest.mark.slow  # a process
def test_the_dataset_is_pushed_privately_and_loads_whole_and_as_a_stream(hub, prepared, elsewhere, tmp_path):
    runpy.run_path(str(PUSH))["main"]([str(prepared), "alice/icnale_asa"])
    assert hub.dataset("alice/icnale_asa").is_private
    local = load_dataset(str(prepared), cache_dir=str(tmp_path / "cache"))

    loaded = elsewhere(USE)
    assert loaded["rows"] == {split: [*rows] for split, rows in local.items()}
    assert loaded["labels"] == local["train"].features["label"].names
    assert loaded["streamed"] == [*local["train"].select(range(3))]
    assert loaded["refused"] in ("DatasetNotFoundError", "RepositoryNotFoundError")  # with the token of somebody else
