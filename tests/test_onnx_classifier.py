"""Running an exported model, on graphs written by hand."""

import json
import sys

import pytest
import torch
from onnx import TensorProto, helper, save
from transformers import BertConfig, BertTokenizerFast

from blv_trainer.app import export_space
from blv_trainer.onnx_classifier import EXPORT_FILE, ONNX_FILE, OnnxClassifier
from blv_trainer.prediction import load_classifier


def write_model(folder, quantization=None):
    """A model with the logits (sum of all ids, padding included; length)."""
    names = ["input_ids", "attention_mask"]
    nodes = [
        helper.make_node("ReduceSum", ["input_ids", "axis"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["input_ids", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "one"], ["ones"]),
        helper.make_node("ReduceSum", ["ones", "axis"], ["length"], keepdims=1),
        helper.make_node("Concat", ["sum", "length"], ["both"], axis=1),
        helper.make_node("Cast", ["both"], ["logits"], to=TensorProto.FLOAT),
    ]
    constants = [helper.make_tensor(n, TensorProto.INT64, [1], [v]) for n, v in (("axis", 1), ("zero", 0), ("one", 1))]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in names]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])]
    graph = helper.make_graph(nodes, "by hand", inputs, outputs, constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / ONNX_FILE)
    BertConfig(num_labels=2, id2label={0: "low", 1: "high"}).save_pretrained(folder)
    (folder / EXPORT_FILE).write_text(json.dumps({"quantization": quantization}))
    return folder


BATCH = {
    "input_ids": torch.tensor([[3, 4, 5], [6, 9, 9]]),
    "attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]]),
    "token_type_ids": torch.zeros(2, 3, dtype=torch.long),
}


def test_it_is_called_like_a_transformers_model_and_ignores_inputs_that_it_does_not_have(tmp_path):
    model = OnnxClassifier(write_model(tmp_path))
    assert model(**BATCH)["logits"].tolist() == [[12, 3], [24, 3]]
    assert model.config.id2label == {0: "low", 1: "high"}
    assert model.device.type == "cpu"


def test_a_quantised_model_sees_one_text_at_a_time_without_padding(tmp_path):
    model = OnnxClassifier(write_model(tmp_path, quantization="int8"))
    assert model(**BATCH)["logits"].tolist() == [[12, 3], [6, 1]]
    flipped = {name: values.flip(1) for name, values in BATCH.items()}  # padding on the left
    assert model(**flipped)["logits"].tolist() == [[12, 3], [6, 1]]
    model.save_pretrained(tmp_path / "copy")
    assert OnnxClassifier(tmp_path / "copy")(**BATCH)["logits"].tolist() == [[12, 3], [6, 1]]


def test_a_model_that_somebody_else_exported_is_run_in_batches(tmp_path):
    (write_model(tmp_path) / EXPORT_FILE).unlink()
    assert OnnxClassifier(tmp_path)(**BATCH)["logits"].tolist() == [[12, 3], [24, 3]]


def test_a_missing_and_a_damaged_model_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no model.onnx: write one with blv-trainer export"):
        OnnxClassifier(tmp_path)
    (write_model(tmp_path) / ONNX_FILE).write_bytes(b"rubbish" * 9)
    with pytest.raises(ValueError, match="cannot be loaded by onnxruntime: .*INVALID_PROTOBUF.*Export the model anew"):
        load_classifier(str(tmp_path))


def test_without_onnxruntime_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r'pip install "blv_trainer\[onnx\]"'):
        load_classifier(str(write_model(tmp_path)))


def test_a_space_takes_an_exported_model_along_and_asks_for_its_runtime(tmp_path):
    (tmp_path / "exported").mkdir()
    folder = write_model(tmp_path / "exported")
    BertTokenizerFast(vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}).save_pretrained(folder)
    space = export_space(str(folder), tmp_path / "space", whisper_model="base")
    model, _ = load_classifier(str(space / "exported"))
    assert model(**BATCH)["logits"].tolist() == [[12, 3], [24, 3]]
    assert (space / "requirements.txt").read_text().splitlines()[1:] == ["onnxruntime"]
