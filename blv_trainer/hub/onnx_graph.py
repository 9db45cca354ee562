"""A classifier -> its graph in ONNX, with the same logits."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from blv_trainer.losses.base import logits_of
from blv_trainer.onnx_classifier import open_session
from blv_trainer.prediction import max_tokens

LOGIT_TOLERANCE = 1e-4  # relative to the largest logit, or absolute where that is below 1

_CHECKED_SHAPES = ((1, 2), (1, 64), (2, 9), (3, 128), (5, 33), (1, 512))  # (batch, length); shortened to what fits


def write_graph(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, path: Path) -> dict[str, Any]:
    """Trace a model with dynamic batch and length, write it in float32, and compare its logits with the model's.

    Args:
        model: a sequence classifier on the processor, in evaluation mode.
        tokenizer: its tokenizer, whose outputs become the inputs.
        path: the ``.onnx`` file.

    Returns:
        ``inputs``, ``opset``, ``versions`` and ``float32_logit_difference``.

    Raises:
        FloatingPointError: the logits differ.
        ValueError: the model cannot be traced.
    """
    import onnxruntime

    names = [name for name in tokenizer("a") if name in ("input_ids", "attention_mask", "token_type_ids")]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns that torchvision is not there
    attention = model.config._attn_implementation
    model.set_attn_implementation("eager")  # of sdpa, what guards rows without tokens costs an eighth of the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own calls, and that two inputs share the axis "length"
            program: Any = torch.onnx.export(
                _LogitsOnly(model).eval(),
                (),
                kwargs=_invented_inputs(model, names, 2, 9),
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
    difference = check_logits(path, model, names, longest=max_tokens(model, tokenizer))
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
    opset = program.model.opset_imports[""]
    return {"inputs": names, "opset": opset, "versions": versions, "float32_logit_difference": difference}


def check_logits(path: Path, model: PreTrainedModel, names: Sequence[str], *, longest: int) -> float:
    """Compare an exported model's logits with torch's on invented token ids.

    Args:
        path: the ``.onnx`` file.
        model: the torch model.
        names: of the inputs.
        longest: tokens that the model takes.

    Returns:
        The largest difference.

    Raises:
        FloatingPointError: it is above ``LOGIT_TOLERANCE``, or not a number.
    """
    session, worst = open_session(path), 0.0
    kept = {value.name for value in session.get_inputs()}
    for batch, length in _CHECKED_SHAPES:
        inputs = _invented_inputs(model, names, batch, min(length, longest))
        with torch.inference_mode():
            expected = logits_of(model(**inputs)).float().numpy()
        found = session.run(None, {name: values.numpy() for name, values in inputs.items() if name in kept})[0]
        difference = float(np.abs(found - expected).max())
        if not difference <= LOGIT_TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise FloatingPointError(
                f"the exported {type(model).__name__} gives other logits than torch (difference {difference:.2g} on a "
                f"batch of {batch} x {min(length, longest)} tokens, allowed {LOGIT_TOLERANCE:g} of the largest): "
                "nothing was written. Use the model with torch, or another version of torch and onnxscript."
            )
        worst = max(worst, difference)
    return worst


class _LogitsOnly(nn.Module):
    """What is traced: named tensors in, logits out."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        return logits_of(self.model(**inputs)).float()


def _invented_inputs(model: PreTrainedModel, names: Sequence[str], batch: int, length: int) -> dict[str, torch.Tensor]:
    """Random token ids; each row of a batch is shorter than the one before and padded to the right."""
    generator = torch.Generator().manual_seed(batch * length)
    text_config = model.config.get_text_config()
    lengths = torch.linspace(length, max(1, length // 3), batch).long()
    values = {
        "input_ids": torch.randint(text_config.vocab_size, (batch, length), generator=generator),
        "attention_mask": (torch.arange(length) < lengths[:, None]).long(),
        "token_type_ids": torch.zeros((batch, length), dtype=torch.long),
    }
    padding = values["attention_mask"] == 0
    values["input_ids"][padding] = text_config.pad_token_id or 0
    return {name: values[name] for name in names}


def _root(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0]
