"""A model that was trained here, and a Hub for tests to push it to."""

import json
import subprocess
import sys

import pytest
from datasets import Dataset
from transformers import AutoTokenizer

from blv_trainer import BLVTrainer, BLVTrainingArguments, MeanPooledForSequenceClassification
from blv_trainer.metrics import make_compute_metrics

LEVELS = ["A2", "B1", "B2"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "coffee", "nevertheless", "i", "like", "drink", "often"]
TEXTS = [
    "i like tea",
    "i often drink coffee",
    "nevertheless i drink tea often",
    "coffee coffee",
    "i like tea often",
] * 4
LABELS = [0, 1, 2, 1, 0] * 4


@pytest.fixture(scope="session")
def make_trainer(tmp_path_factory, save_tiny_bert):
    """Builds a trainer with a tiny classifier and twenty invented texts."""

    def make(output_dir, **settings):
        folder = save_tiny_bert(tmp_path_factory.mktemp("encoder"), WORDS)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = MeanPooledForSequenceClassification.from_encoder(folder, num_labels=3, id2label=dict(enumerate(LEVELS)))
        rows = Dataset.from_dict({**tokenizer(TEXTS), "label": LABELS})
        args = BLVTrainingArguments(
            str(output_dir),
            max_steps=2,
            learning_rate=1e-2,
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            **settings,
        )
        metrics = make_compute_metrics(LEVELS)
        return BLVTrainer(
            model, args, train_dataset=rows, eval_dataset=rows, processing_class=tokenizer, compute_metrics=metrics
        )

    return make


@pytest.fixture(scope="session")
def trained(make_trainer, tmp_path_factory):
    """The folder of a finished run, with its checkpoint; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("run") / "out"
    trainer = make_trainer(folder, save_steps=2)
    trainer.train()
    trainer.save_model()
    return folder


@pytest.fixture
def elsewhere(hub, tmp_path):
    """Runs Python in a fresh process, with an empty cache and alice's token; what its last line, JSON, says."""

    def run(code, *words, home="home"):
        environment = hub.environment(home=tmp_path / home, token="hf_alice")
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
