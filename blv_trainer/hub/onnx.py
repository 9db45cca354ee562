"""A classifier -> a folder that onnxruntime runs without torch (extra ``onnx``), with the same logits."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from blv_trainer.corpora.synthetic import generate_answers
from blv_trainer.files import staged_folder, write_json
from blv_trainer.onnx_classifier import EXPORT_FILE, ONNX_FILE, OnnxClassifier
from blv_trainer.prediction import predict_logits

_LOGIT_TOLERANCE = 1e-4  # relative to the largest logit, or absolute where that is below 1
_TRACED = ["a b c d e f g", "a"]  # two texts of unequal length, so that neither batch nor length is taken for fixed


def export_onnx(
    model: PreTrainedModel | OnnxClassifier,
    tokenizer: PreTrainedTokenizerBase,
    output_dir: str | Path,
    *,
    quantize: str | None = None,
    texts: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write a classifier as ``model.onnx`` with its configuration and tokenizer, checked against torch.

    Batch and length are dynamic. Before anything is written, the float32 logits are compared with torch's on texts, and
    on one as long as the model takes: they may differ by 1e-4 of the largest at most. A folded decision is part of the
    weights and stays. int8 holds the weights of all linear layers over tokens in eight bits; how far its answers agree
    with torch's is measured on the texts. The folder is laid out as optimum expects it.

    Args:
        model: a sequence classifier: ours, BERT, DistilBERT or another one that ``torch.export`` can trace.
        tokenizer: its tokenizer.
        output_dir: a new or empty folder, or an earlier export, which is replaced.
        quantize: None for float32, or "int8".
        texts: to compare on, best such as the model will see; default: 80 invented answers of learners.

    Returns:
        What ``onnx_export.json`` holds: ``quantization``, ``inputs``, ``opset``, ``versions``;
        ``float32_logit_difference`` (largest, before quantisation); and on the texts ``num_texts``,
        ``argmax_agreement`` (share, 0 to 1) and ``logit_difference`` (largest).

    Raises:
        FileExistsError, ImportError: ``output_dir`` holds something else; the extra is not installed.
        FloatingPointError: the logits differ from torch's.
        ValueError: an unknown ``quantize``, a model that is an export already or cannot be traced.
    """
    if quantize not in (None, "int8"):
        raise ValueError(f"quantize={quantize!r} is unknown. Choose from: int8, or None.")
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")):
        raise ImportError('export needs the extra onnx: pip install "blv_trainer[onnx]"')
    folder = Path(output_dir)
    if folder.exists() and any(folder.iterdir()) and not (folder / EXPORT_FILE).is_file():
        raise FileExistsError(f"{folder} is there and is no earlier export: choose another --output_dir.")
    if isinstance(model, OnnxClassifier):
        raise ValueError("the model is an export already: give the torch model that it was made from.")
    texts = texts or [answer.text for answer in generate_answers(20) if answer.text]
    device, dtype, was_training = model.device, model.dtype, model.training
    model.eval().to("cpu", torch.float32)
    try:
        checked = [*texts, " ".join(texts)]  # the last one is cut at what the model takes
        expected = predict_logits(model, tokenizer, checked)
        with staged_folder(output_dir) as staging:
            report = {"quantization": quantize, **_write_graph(model, tokenizer, staging / ONNX_FILE)}
            _without_model_code(model.config).save_pretrained(staging)
            tokenizer.save_pretrained(staging)
            found = predict_logits(OnnxClassifier(staging), tokenizer, checked)
            report["float32_logit_difference"] = _check_logits(expected, found)
            if quantize == "int8":
                _quantize_int8(staging / ONNX_FILE)
                write_json(staging / EXPORT_FILE, report)  # OnnxClassifier reads the quantisation from it
                found = predict_logits(OnnxClassifier(staging), tokenizer, checked)
            expected, found = expected[:-1], found[:-1]
            report |= {
                "num_texts": len(texts),
                "argmax_agreement": float((expected.argmax(axis=1) == found.argmax(axis=1)).mean()),
                "logit_difference": float(np.abs(expected - found).max()),
            }
            write_json(staging / EXPORT_FILE, report)
    finally:
        model.train(was_training).to(device, dtype)
    return report


def _write_graph(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, path: Path) -> dict[str, Any]:
    """Trace a model with dynamic batch and length, and write it in float32."""
    import onnxruntime

    traced = tokenizer(_TRACED, padding=True, return_tensors="pt")
    names = [name for name in traced if name in inspect.signature(model.forward).parameters]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns that torchvision is not there
    attention = model.config._attn_implementation
    model.set_attn_implementation("eager")  # of sdpa, what guards rows without tokens costs an eighth of the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own calls, and that two inputs share the axis "length"
            program: Any = torch.onnx.export(
                model,
                (),
                kwargs={name: traced[name] for name in names},
                input_names=names,
                output_names=["logits"],
                dynamic_shapes={name: {0: "batch", 1: "length"} for name in names},
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(
            f"{type(model).__name__} on {model.config.get_text_config().model_type} cannot be exported to ONNX: torch "
            f"cannot trace it with dynamic batch and length ({_root(error)}). Use it with torch, or train another "
            "encoder, such as BERT, RoBERTa, DistilBERT, ELECTRA or DeBERTa."
        ) from error
    finally:
        model.set_attn_implementation(attention)
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # torch writes the files and lines that each node came from
    program.save(path)
    return {
        "inputs": names,
        "opset": program.model.opset_imports[""],
        "versions": {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
    }


def _check_logits(expected: np.ndarray, found: np.ndarray) -> float:
    """The largest difference of an export's logits from torch's; too large a one is an error."""
    difference = float(np.abs(found - expected).max())
    if not difference <= _LOGIT_TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise FloatingPointError(
            f"the exported model gives other logits than torch (difference {difference:.2g}, allowed "
            f"{_LOGIT_TOLERANCE:g} of the largest): nothing was written. Use the model with torch, or another version "
            "of torch and onnxscript."
        )
    return difference


def _quantize_int8(path: Path) -> None:
    """Weights of linear layers over tokens in int8, a scale for each output channel; activations scaled as it runs."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    model = onnx.load(path)
    add_pre_process_metadata(model)  # torch's exporter has folded constants; else a warning goes to the root logger
    # Embeddings (Gather) would save space and no time; the head is small, and decides.
    head = [f"{node.name}_MatMul" for node in model.graph.node if node.op_type == "Gemm"]  # as onnxruntime renames it
    options = {"per_channel": True, "op_types_to_quantize": ["MatMul"], "nodes_to_exclude": head}
    quantize_dynamic(model, path, weight_type=QuantType.QInt8, **options)


def _without_model_code(config: PretrainedConfig) -> PretrainedConfig:
    """The configuration without the name of the torch model's file, which an export has no use for."""
    config = copy.deepcopy(config)
    if hasattr(config, "auto_map"):
        config.auto_map = {name: place for name, place in config.auto_map.items() if name == "AutoConfig"}
    return config


def _root(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
