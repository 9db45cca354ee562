"""A classifier -> a folder that onnxruntime runs without torch (extra ``onnx``)."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from blv_trainer.files import staged_folder, write_json
from blv_trainer.hub.onnx_graph import write_graph
from blv_trainer.hub.onnx_int8 import quantize_int8
from blv_trainer.onnx_classifier import EXPORT_FILE, ONNX_FILE, OnnxClassifier
from blv_trainer.prediction import max_tokens, predict_logits

QUANTIZATIONS = ("int8",)

_CALIBRATION_TEXTS = 32  # on which the outliers of activations are looked for
_INSTALL = 'export needs the extra onnx: pip install "blv_trainer[onnx]"'


def export_onnx(
    model: PreTrainedModel | OnnxClassifier,
    tokenizer: PreTrainedTokenizerBase,
    output_dir: str | Path,
    *,
    quantize: str | None = None,
    texts: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write a classifier as ``model.onnx`` with its configuration and tokenizer, checked against torch.

    Batch and length are dynamic. The float32 logits are compared with torch's on token ids of several batch sizes and
    lengths, with padding, before anything is written: they may differ by 1e-4 of the largest at most. A folded decision
    is part of the weights and stays. int8 holds the weights of all linear layers over tokens in eight bits; how far its
    answers agree with torch's is measured on texts. The folder is laid out as optimum expects it.

    Args:
        model: a sequence classifier: ours, BERT, DistilBERT or another one that ``torch.export`` can trace.
        tokenizer: its tokenizer.
        output_dir: a new or empty folder, or an earlier export, which is replaced.
        quantize: None for float32, or "int8".
        texts: to measure the agreement on, and the first 32 to look for outliers of activations; best such as the
            model will see; default: 80 invented answers of learners.

    Returns:
        What ``onnx_export.json`` holds: ``quantization``, ``inputs``, ``opset``, ``versions``;
        ``float32_logit_difference`` (largest, on invented token ids); and on the texts ``num_texts``,
        ``argmax_agreement`` (share, 0 to 1) and ``logit_difference`` (largest).

    Raises:
        FileExistsError: ``output_dir`` holds something else.
        FloatingPointError: the logits differ from torch's.
        ImportError: the extra is not installed.
        ValueError: an unknown ``quantize``, no texts, a model that is an export already or cannot be traced.
    """
    if quantize is not None and quantize not in QUANTIZATIONS:
        raise ValueError(f"quantize={quantize!r} is unknown. Choose from: {', '.join(QUANTIZATIONS)}, or None.")
    if texts is not None and not len(texts):
        raise ValueError("texts is empty: give texts such as the model will see, or None for invented ones.")
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")):
        raise ImportError(_INSTALL)
    _refuse_other_folder(Path(output_dir))
    if isinstance(model, OnnxClassifier):
        raise ValueError("the model is an export already: give the torch model that it was made from.")
    texts = texts or _invented_texts()
    device, dtype, was_training = model.device, model.dtype, model.training
    model.eval().to("cpu", torch.float32)
    try:
        with staged_folder(output_dir) as staging:
            report = {"quantization": quantize, **write_graph(model, tokenizer, staging / ONNX_FILE)}
            if quantize == "int8":
                quantize_int8(staging / ONNX_FILE, _calibration(model, tokenizer, texts))
            _without_model_code(model.config).save_pretrained(staging)
            tokenizer.save_pretrained(staging)
            write_json(staging / EXPORT_FILE, report)  # OnnxClassifier reads the quantisation from it
            report |= _agreement(model, OnnxClassifier(staging), tokenizer, texts)
            write_json(staging / EXPORT_FILE, report)
    finally:
        model.train(was_training).to(device, dtype)
    return report


def _without_model_code(config: PretrainedConfig) -> PretrainedConfig:
    """The configuration without the name of the torch model's file, which an export has no use for."""
    config = copy.deepcopy(config)
    if hasattr(config, "auto_map"):
        config.auto_map = {name: place for name, place in config.auto_map.items() if name == "AutoConfig"}
    return config


def _calibration(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> Iterator[dict[str, np.ndarray]]:
    max_length = max_tokens(model, tokenizer)
    for text in texts[:_CALIBRATION_TEXTS]:
        yield dict(tokenizer([text], truncation=True, max_length=max_length, return_tensors="np"))


def _agreement(
    model: PreTrainedModel, exported: OnnxClassifier, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> dict[str, Any]:
    expected, found = (predict_logits(runner, tokenizer, texts) for runner in (model, exported))
    return {
        "num_texts": len(texts),
        "argmax_agreement": float((expected.argmax(axis=1) == found.argmax(axis=1)).mean()),
        "logit_difference": float(np.abs(expected - found).max()),
    }


def _invented_texts() -> list[str]:
    from blv_trainer.corpora.synthetic.text import generate_answers

    return [answer.text for answer in generate_answers(20) if answer.text]


def _refuse_other_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / EXPORT_FILE).is_file())):
        raise FileExistsError(f"{folder} is there and is no earlier export: choose another --output_dir.")
