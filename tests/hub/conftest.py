"""A model that was trained here, and a Hub for tests to push it to."""

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
