"""Training: a step, an epoch, its memory, and the frozen encoder."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, PrinterCallback, Trainer

from blv_trainer import BLVTrainer, BLVTrainingArguments
from blv_trainer.arguments import ModelArguments
from blv_trainer.experiments.frozen import head_learner, pooled_features
from blv_trainer.experiments.single_run import build_model, train_and_evaluate
from blv_trainer.run_folder import SPEED_FILE
from tests.benchmarks.harness import Row, benchmark, in_turn, once
from tests.benchmarks.texts import cefr_sp, minilm

_SHAPE = {"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 768}
_STEPS, _BATCH, _TOKENS = 20, 32, 64
_QUIET = {"disable_tqdm": True, "report_to": "none", "save_strategy": "no", "logging_strategy": "no"}


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
        **_QUIET,
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
import json, sys, tempfile
import transformers
from blv_trainer import BLVTrainer
from tests.benchmarks.bench_training import _trainer
from tests.benchmarks.harness import peak_memory
with tempfile.TemporaryDirectory() as folder:
    trainer = _trainer(BLVTrainer if sys.argv[1] == "ours" else transformers.Trainer, folder, loss=sys.argv[2])
    trainer.train()
print(json.dumps(peak_memory()))
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
    texts = cefr_sp("train")[0][:512]
    tokenizer = AutoTokenizer.from_pretrained(minilm())
    trainers = []
    with tempfile.TemporaryDirectory() as out:
        for padding, sampling in ((False, "group_by_length"), ("max_length", "random")):
            encoded = tokenizer(texts, truncation=True, max_length=128, padding=padding)
            rows = Dataset.from_dict({**encoded, "labels": [k % 5 for k in range(len(texts))]})
            model, _ = build_model(ModelArguments(model_name_or_path=minilm()), [str(k) for k in range(5)])
            args = BLVTrainingArguments(
                out, per_device_train_batch_size=8, num_train_epochs=1, train_sampling_strategy=sampling, **_QUIET
            )
            trainers.append(BLVTrainer(model, args, train_dataset=rows, processing_class=tokenizer))
            trainers[-1].remove_callback(PrinterCallback)
        ours, reference = in_turn(*(trainer.train for trainer in trainers), repeats=1)
    ratio, note = reference / ours, f"{len(texts)} sentences, MiniLM, reference padded to 128 tokens"
    return [Row("training epoch on CEFR-SP", ours, reference, ratio, ">= 2", ratio >= 2, note=note)]


@benchmark("frozen")
def frozen() -> list[Row]:
    """20 seeds of ``--freeze_encoder``, features included, against 20 full trainings, extrapolated from 20 steps.

    What a full run evaluates and predicts is left out of the reference, so the ratio is a lower bound.
    """
    seeds, epochs, batch, steps = 20, 3, 32, 20
    dataset, names = _cefr_sp_dataset()
    model_args = ModelArguments(model_name_or_path=minilm())
    with tempfile.TemporaryDirectory() as folder:

        def args_of(name: str, **settings) -> BLVTrainingArguments:
            return BLVTrainingArguments(
                str(Path(folder, name)), per_device_train_batch_size=batch, **_QUIET, **settings
            )

        def heads() -> None:
            learn = partial(head_learner, pooled_features(dataset, model_args, Path(folder, "features")))
            for seed in range(seeds):
                args = args_of(f"head{seed}", seed=seed, num_train_epochs=epochs, learning_rate=1e-2)
                train_and_evaluate(
                    dataset, names, model_args=model_args, training_args=args, learn=learn, keep_model=False, quiet=True
                )

        ours = once(heads)
        full = args_of("full", max_steps=steps, learning_rate=1e-4)
        train_and_evaluate(dataset, names, model_args=model_args, training_args=full, quiet=True)
        seconds = json.loads(Path(full.output_dir, SPEED_FILE).read_text())["train"]["train_runtime"]
    steps_of_a_run = epochs * math.ceil(len(dataset["train"]) / batch)
    reference = seeds * seconds / steps * steps_of_a_run
    ratio = reference / ours
    note = f"MiniLM, {len(dataset['train']):,} sentences, {epochs} epochs; reference extrapolated from {steps} steps"
    return [Row("--freeze_encoder, 20 seeds", ours, reference, ratio, ">= 50", ratio >= 50, note=note)]


def _cefr_sp_dataset() -> tuple[DatasetDict, list[str]]:
    names = ["A1", "A2", "B1", "B2", "C1", "C2"]
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    splits = {}
    for name, file in (("train", "train"), ("validation", "dev"), ("test", "test")):
        texts, labels = cefr_sp(file)
        splits[name] = Dataset.from_dict({"text": texts, "label": labels}, features=features)
    return DatasetDict(splits), names
