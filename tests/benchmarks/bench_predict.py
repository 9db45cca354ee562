"""Prediction: texts of mixed length against the stock pipeline, and files that grow."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, BertTokenizerFast, pipeline

from blv_trainer import MeanPooledConfig, MeanPooledForSequenceClassification
from blv_trainer.prediction import predict_logits
from tests.benchmarks.harness import Row, benchmark, peak_memory
from tests.benchmarks.texts import minilm, mixed_lengths

TEXTS, PARTS = 10_000, 5
GROWTH = (5_000, 50_000, 500_000)  # rows


@benchmark("predict")
def predict() -> list[Row]:
    """``predict_logits`` against ``pipeline("text-classification", batch_size=32)``, both on the processor."""
    torch.manual_seed(0)
    model = MeanPooledForSequenceClassification.from_encoder(minilm(), num_labels=5).eval()
    tokenizer = AutoTokenizer.from_pretrained(minilm())
    options = {"device": "cpu", "batch_size": 32, "truncation": True, "top_k": None}
    stock = pipeline("text-classification", model, tokenizer=tokenizer, **options)

    def reference(texts: list[str]) -> np.ndarray:
        answers = stock(texts, function_to_apply="none")
        return np.array([[label["score"] for label in sorted(a, key=lambda x: x["label"])] for a in answers])

    rows = []
    for name, uniform in (("5 to 300 words, log-uniform", False), ("5 to 300 words, uniform", True)):
        texts = mixed_lengths(TEXTS, uniform=uniform)
        rows.append(_compare(name, texts, lambda part: predict_logits(model, tokenizer, part), reference))
    return rows


def _compare(name, texts, ours, reference) -> Row:
    """Both predict every text once, part by part in turn; wall time decides, the processor's stands in the note."""
    times: dict[str, list[list[float]]] = {"ours": [], "reference": []}
    worst = 0.0
    for part in [texts[:64], *(texts[k::PARTS] for k in range(PARTS))]:  # the first warms up
        logits = {}
        for key, job in (("ours", ours), ("reference", reference)):
            start = time.perf_counter(), time.process_time()
            logits[key] = job(part)
            times[key].append([time.perf_counter() - start[0], time.process_time() - start[1]])
        worst = max(worst, float(np.abs(logits["ours"] - logits["reference"]).max()))
    wall, processor = (
        statistics.median(r[k] / o[k] for o, r in zip(times["ours"][1:], times["reference"][1:], strict=True))
        for k in (0, 1)
    )
    seconds = [sum(own[0] for own in times[key][1:]) for key in ("ours", "reference")]
    note = f"{len(texts):,} texts, {torch.get_num_threads()} threads; by processor time {processor:.2f}; "
    note += f"largest difference of a logit {worst:.1g}"
    return Row(f"predict, {name}", *seconds, wall, ">= 2, logits within 1e-5", wall >= 2 and worst <= 1e-5, note=note)


_PREDICT = """
import json, sys, time
from blv_trainer.cli import main
from tests.benchmarks.harness import peak_memory
start = time.process_time()
assert main(["predict", sys.argv[1], "--input_file", sys.argv[2], "--output_file", sys.argv[3]]) == 0
print(json.dumps([time.process_time() - start, peak_memory()]))
"""


@benchmark("predict_growth")
def predict_growth() -> list[Row]:
    """``blv-trainer predict`` of files of 1, 10 and 100 times as many rows: time a row, and peak memory."""
    peak_memory()  # tells before the work begins where it cannot be measured
    with tempfile.TemporaryDirectory() as folder:
        model = _tiny_classifier(Path(folder, "model"))
        figures = []
        for count in GROWTH:
            source = Path(folder, f"{count}.csv")
            with source.open("w", encoding="utf-8") as file:
                file.write("text\n" + "".join(f"i like tea {'very ' * (k % 7)}much\n" for k in range(count)))
            command = [sys.executable, "-c", _PREDICT, model, str(source), str(Path(folder, f"{count}.parquet"))]
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
            printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
            figures.append(json.loads(printed.splitlines()[-1]))
    sizes = " / ".join(f"{count:,}" for count in GROWTH)
    (first, *_, last), memory = [seconds for seconds, _ in figures], [peak for _, peak in figures]
    growth, extra = (last / GROWTH[-1]) / (first / GROWTH[0]), memory[-1] / memory[0]
    seconds = " / ".join(f"{seconds:.0f}" for seconds, _ in figures)
    note = f"tiny model; processor seconds {seconds} for {sizes} rows"
    peaks = f"{' / '.join(f'{peak:.0f}' for peak in memory)} MiB for {sizes} rows"
    return [
        Row("predict: time a row at 100x against 1x", last, first, growth, "<= 1", growth <= 1, note=note),
        Row("predict: peak memory at 100x", memory[-1], memory[0], extra, "<= 1.1", extra <= 1.1, "MiB", peaks),
    ]


def _tiny_classifier(folder: Path) -> str:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "like", "tea", "very", "much"]
    config = MeanPooledConfig({"model_type": "bert", "vocab_size": len(words), **sizes}, num_labels=5)
    MeanPooledForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)
    return str(folder)
