"""What is trained, compared and prepared while it is disturbed: tiny, random, the same for all tests."""

import gc
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from blv_trainer.cli import main

HERE = Path(__file__).parent
LEVELS = ["low", "mid", "high"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "coffee", "nevertheless", "i", "like", "drink", "often"]


@pytest.fixture(scope="session")
def environment():
    """Of processes that a test starts."""
    return {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def encoder(tmp_path_factory, save_tiny_bert):
    """A tiny BERT with dropout and a tokenizer, saved."""
    return Path(save_tiny_bert(tmp_path_factory.mktemp("encoder"), WORDS))


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A CSV file of 60 labelled texts of mixed length."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[5:], size=rng.integers(1, 12))) for _ in range(60)]
    rows = [f"{text} {k},{LEVELS[(k % 6 > 0) + (k % 6 > 3)]}" for k, text in enumerate(texts)]
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    path.write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def train_words(table, encoder):
    """``train`` of 12 steps with a checkpoint every second one, in the middle of epochs and at their ends."""
    words = f"train --train_file {table} --validation_file {table} --test_file {table} --output_dir {{out}}"
    words += f" --model_name_or_path {encoder} --label_order low mid high --num_train_epochs 2 --use_cpu"
    words += " --per_device_train_batch_size 10 --learning_rate 1e-2 --disable_tqdm true --save_strategy steps"
    return [*words.split(), "--save_steps", "2", "--loss", "blv", "--loss_kwargs", '{"sigma": 1}']


@pytest.fixture(scope="session")
def compare_words(table, encoder):
    """``compare`` of two methods, two runs each."""
    words = f"compare --train_file {table} --validation_file {table} --test_file {table} --output_dir {{out}}"
    words += f" --model_name_or_path {encoder} --label_order low mid high --num_train_epochs 2 --use_cpu --fp16 false"
    words += " --per_device_train_batch_size 20 --learning_rate 1e-2 --save_strategy steps --save_steps 2"
    words += " --methods cross_entropy blv:sigma=1 --seeds 1 2 --num_resamples 50 --tsne_rows 0"
    return words.split()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """An invented ICNALE folder."""
    from blv_trainer.corpora.synthetic import write_corpus

    return write_corpus(tmp_path_factory.mktemp("corpus") / "c", 30, seed=6, has_audio=True).folder


@pytest.fixture(scope="session")
def prepare_words(corpus):
    return ["prepare", "--data_dir", str(corpus), "--output_dir", "{out}"]


@pytest.fixture
def transcribe_words(tmp_path):
    """``transcribe`` of nothing, by no model."""
    (tmp_path / "whisper.pt").touch()
    return f"transcribe --data_dir {tmp_path} --whisper_model {tmp_path / 'whisper.pt'} --output_dir {{out}}".split()


@pytest.fixture(scope="session")
def run_verb():
    """Runs a verb in this process; its exit code."""
    return lambda words, out, *more: main([*(word.replace("{out}", str(out)) for word in words), *more])


@pytest.fixture(scope="session")
def kill_and_repeat(environment):
    """Runs ``killed.py``; the folder of the undisturbed run, and one dictionary for each kill."""

    def kill_and_repeat(words, folder, *, kills):
        command = [sys.executable, HERE / "killed.py", folder, kills, *words]
        done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, timeout=3600)
        assert done.returncode == 0, done.stderr[-3000:]
        trials = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert len(trials) == kills
        assert sum(trial["killed"] for trial in trials) >= kills / 2  # the others had ended before
        return folder / "undisturbed" / "out", trials

    return kill_and_repeat


@pytest.fixture
def mount():
    """Mounts on a folder, by one command after another, till the test ends; skips where that is not allowed."""
    folders = []

    def run(folder, *commands):
        if shutil.which("mount") is None or os.name == "nt":
            pytest.skip("there is no mount command")
        for options in commands:
            done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"only root may mount: {done.stderr.strip()}")
        folders.append(folder)
        return folder

    yield run
    gc.collect()  # an exception that was refused may still hold a file
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)
