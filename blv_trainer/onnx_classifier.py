"""A classifier exported to ONNX, run by onnxruntime (extra ``onnx``)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import AutoConfig

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ONNX_FILE = "model.onnx"
EXPORT_FILE = "onnx_export.json"  # how the model was exported, and how far its answers agree with torch's


class OnnxClassifier(nn.Module):
    """An exported classifier that is called like the transformers model it was made from, on the processor.

    A quantised model sees one text at a time: int8 scales its activations by the largest one in the call, so in a batch
    a text's logits would depend on its neighbours.

    Args:
        folder: what ``blv_trainer.hub.export_onnx`` wrote.
        trust_remote_code: run configuration code that comes with the model; not needed for our own.

    Shape:
        - input_ids, attention_mask, token_type_ids: ``(batch, length)``, integers; padding has attention_mask 0.
        - ``["logits"]`` of the output: ``(batch, num_classes)``, float32.

    Raises:
        FileNotFoundError: the folder has no ``model.onnx``.
        ImportError: onnxruntime is not installed.
        ValueError: ``model.onnx`` is damaged.
    """

    device = torch.device("cpu")

    def __init__(self, folder: str | Path, *, trust_remote_code: bool = False):
        super().__init__()
        path = Path(folder, ONNX_FILE)
        if not path.is_file():
            raise FileNotFoundError(f"{folder} holds no {ONNX_FILE}: write one with blv-trainer export MODEL.")
        self._folder = Path(folder)
        self.config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
        export = Path(folder, EXPORT_FILE)  # not there where somebody else exported the model
        self.quantization = json.loads(export.read_text(encoding="utf-8"))["quantization"] if export.is_file() else None
        self._session = _open_session(path)
        self._names = [value.name for value in self._session.get_inputs()]

    def forward(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits of a batch; inputs that the exported model does not have are ignored."""
        inputs = {name: inputs[name] for name in self._names}
        if self.quantization is None:
            return {"logits": self._run(inputs)}
        kept = inputs["attention_mask"].bool()  # (batch, length)
        rows = [{name: values[i, kept[i]][None] for name, values in inputs.items()} for i in range(len(kept))]
        return {"logits": torch.cat([self._run(row) for row in rows])}

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model, its configuration and how it was exported into a folder, which is made if need be."""
        self.config.save_pretrained(folder)
        for name in (ONNX_FILE, EXPORT_FILE):
            if (self._folder / name).is_file():
                shutil.copyfile(self._folder / name, Path(folder, name))

    def _run(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.from_numpy(self._session.run(None, {name: values.numpy() for name, values in inputs.items()})[0])


def _open_session(path: Path) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError('ONNX needs the extra onnx: pip install "blv_trainer[onnx]"') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores to others
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # those of onnxruntime have no other base in common
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be loaded by onnxruntime: {reason} Export the model anew.") from error
