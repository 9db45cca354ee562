"""ONNX in int8 on the processor against torch in float32."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PrinterCallback

from blv_trainer import BLVTrainer, BLVTrainingArguments, MeanPooledForSequenceClassification
from blv_trainer.hub import export_onnx
from blv_trainer.onnx_classifier import OnnxClassifier
from blv_trainer.prediction import load_classifier, predict_logits
from tests.benchmarks.harness import Row, benchmark, in_turn
from tests.benchmarks.texts import cefr_sp, minilm, mixed_lengths

# One epoch of fine-tuning takes minutes and is no part of what is measured: it is done once.
FINE_TUNED = Path(tempfile.gettempdir(), "blv_trainer_benchmarks", "minilm_cefr_sp")
TEXTS = 1_000


@benchmark("onnx")
def onnx() -> list[Row]:
    """``predict_logits`` of an int8 export against the torch model, a MiniLM fine-tuned on CEFR-SP Wiki-Auto."""
    model, tokenizer = load_classifier(_fine_tuned())
    model.cpu()
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(model, tokenizer, folder, quantize="int8")
        exported = OnnxClassifier(folder)
    return [
        *_compare(f"{TEXTS:,} texts of 5 to 300 words", mixed_lengths(TEXTS), exported, model, tokenizer, ">= 1.5"),
        *_compare("762 single sentences", cefr_sp("test")[0], exported, model, tokenizer, ""),
    ]


def _compare(name: str, texts: list[str], exported, model, tokenizer, target: str) -> list[Row]:
    found, expected = (predict_logits(runner, tokenizer, texts) for runner in (exported, model))
    agreement = float((found.argmax(axis=1) == expected.argmax(axis=1)).mean())
    ours, reference = in_turn(
        lambda: predict_logits(exported, tokenizer, texts),
        lambda: predict_logits(model, tokenizer, texts),
        repeats=3,
        clock=time.process_time,
    )
    ratio, threads = reference / ours, f"processor time, {torch.get_num_threads()} threads"
    met = ratio >= 1.5 if target else None
    difference = f"share of texts; largest difference of a logit {abs(found - expected).max():.2f}"
    return [
        Row(f"ONNX int8, {name}", ours, reference, ratio, target, met, note=threads),
        Row(f"ONNX int8, same level, {name}", agreement, 1, agreement, ">= 0.99", agreement >= 0.99, "", difference),
    ]


def _fine_tuned() -> str:
    if not (FINE_TUNED / "model.safetensors").is_file():
        tokenizer = AutoTokenizer.from_pretrained(minilm())
        texts, labels = cefr_sp("train")
        encoded = tokenizer(texts, truncation=True, max_length=128)
        args = BLVTrainingArguments(
            str(FINE_TUNED),
            loss="cross_entropy",
            num_train_epochs=1,
            per_device_train_batch_size=32,
            learning_rate=1e-4,
            train_sampling_strategy="group_by_length",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        torch.manual_seed(0)
        model = MeanPooledForSequenceClassification.from_encoder(minilm(), num_labels=6)
        rows = Dataset.from_dict({**encoded, "labels": labels})
        trainer = BLVTrainer(model, args, train_dataset=rows, processing_class=tokenizer)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        trainer.save_model()
    return str(FINE_TUNED)
