"""Export to ONNX: the same answers without torch, or nothing."""

import importlib.util
import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForSequenceClassification, BertConfig, BertTokenizerFast, DistilBertConfig

import blv_trainer
from blv_trainer import MeanPooledConfig, MeanPooledForSequenceClassification
from blv_trainer.cli import main
from blv_trainer.decision import Decision, fold
from blv_trainer.hub import export_onnx
from blv_trainer.hub import onnx as onnx_room
from blv_trainer.onnx_classifier import OnnxClassifier
from blv_trainer.prediction import load_classifier, predict_logits

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
TEXTS = ["a b c d e f g h i j a b c d e f", "j", "c a b", "i i i i i i i", "g"]
TINY = {"vocab_size": 20, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
LEVELS = {"id2label": {0: "B1", 1: "A2", 2: "C1"}, "num_labels": 3}
SHIFT = [0.5, -1.0, 2.0]


def make_tokenizer():
    return BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}, model_max_length=32)


def make_mean_pooled():
    torch.manual_seed(0)
    encoder = {"model_type": "bert", **TINY, "num_hidden_layers": 2, "max_position_embeddings": 32}
    model = MeanPooledForSequenceClassification(MeanPooledConfig(encoder, **LEVELS)).eval()
    with torch.no_grad():
        model.classifier.weight.mul_(50)  # else the head's random weights leave only its bias to see
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Our model with a folded decision, saved with its tokenizer."""
    folder = tmp_path_factory.mktemp("saved")
    fold(make_mean_pooled(), Decision(SHIFT)).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exported(saved, tmp_path_factory):
    """The saved model, exported on the command line."""
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    assert main(["export", str(saved), "--output_dir", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def quantised(saved, tmp_path_factory):
    """The same in int8, with what was measured."""
    model, tokenizer = load_classifier(str(saved))
    folder = tmp_path_factory.mktemp("int8")
    return folder, export_onnx(model.train(), tokenizer, folder, quantize="int8", texts=TEXTS), model


def torch_logits(model, text):
    with torch.no_grad():
        return model(**make_tokenizer()(text, return_tensors="pt")).logits[0].numpy()


def test_onnxruntime_alone_gives_the_logits_of_torch_with_the_folded_decision(exported):
    tokenizer = Tokenizer.from_file(str(exported / "tokenizer.json"))
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(TEXTS)
    inputs = {
        "input_ids": np.array([encoding.ids for encoding in encodings]),
        "attention_mask": np.array([encoding.attention_mask for encoding in encodings]),
        "token_type_ids": np.array([encoding.type_ids for encoding in encodings]),
    }
    (logits,) = onnxruntime.InferenceSession(exported / "model.onnx").run(["logits"], inputs)
    plain = make_mean_pooled()
    expected = [torch_logits(plain, text) + SHIFT for text in TEXTS]
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).min() > 0.1  # texts differ, so equality says something
    assert list(json.loads((exported / "config.json").read_text())["id2label"].values()) == ["B1", "A2", "C1"]


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "int8"])
def test_a_decision_by_cost_gives_the_levels_and_scores_of_apply_and_is_not_quantised(
    exported, quantised, tmp_path, quantize
):
    model = fold(make_mean_pooled(), Decision(SHIFT, 0.7, "tuned", tau=0.5, power=2, sharpness=0.2))
    export_onnx(model, make_tokenizer(), tmp_path, quantize=quantize, texts=TEXTS)
    folders = tmp_path, quantised[0] if quantize else exported  # the other one holds the same shift and no cost
    found, shifted = (predict_logits(OnnxClassifier(folder), make_tokenizer(), TEXTS) for folder in folders)
    expected = Decision((0, 0, 0), 0.7, power=2, sharpness=0.2).apply(shifted)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    assert np.ptp(found, axis=0).min() > 0.1


def test_the_folder_says_how_it_was_made_and_names_nothing_of_this_machine(exported):
    report = json.loads((exported / "onnx_export.json").read_text())
    assert report["quantization"] is None
    assert report["argmax_agreement"] == 1
    assert report["logit_difference"] < 1e-4
    assert report["versions"]["torch"] == torch.__version__
    package = str(next(iter(blv_trainer.__path__))).encode()
    for path in exported.iterdir():
        assert package not in path.read_bytes()
        assert b"site-packages" not in path.read_bytes()
    assert {path.name for path in exported.iterdir()} == {
        *("model.onnx", "onnx_export.json", "config.json", "configuration_mean_pooled.py"),
        *("tokenizer.json", "tokenizer_config.json"),
    }
    config = AutoConfig.from_pretrained(exported)
    assert config.decision["shift"] == SHIFT
    assert set(config.auto_map) == {"AutoConfig"}


def test_predict_takes_the_exported_folder_like_the_saved_one(saved, exported, capsys):
    outputs = []
    for folder in (saved, exported):
        assert main(["predict", str(folder), "--format", "json", *(w for text in TEXTS for w in ("--text", text))]) == 0
        outputs.append(json.loads(capsys.readouterr().out))
    for of_torch, of_onnx in zip(*outputs, strict=True):
        assert of_onnx == pytest.approx(of_torch, abs=1e-5)


def test_int8_is_smaller_and_near_and_says_how_near(exported, quantised):
    folder, report, model = quantised
    assert (folder / "model.onnx").stat().st_size < (exported / "model.onnx").stat().st_size
    expected = np.stack([torch_logits(model.eval(), text) for text in TEXTS])
    found = predict_logits(OnnxClassifier(folder), make_tokenizer(), TEXTS)
    assert report["logit_difference"] == pytest.approx(np.abs(found - expected).max(), abs=1e-4)
    assert 1e-4 < report["logit_difference"] < 0.1 * np.ptp(expected)
    assert report["argmax_agreement"] == (found.argmax(axis=1) == expected.argmax(axis=1)).mean()
    assert report["num_texts"] == len(TEXTS)
    assert json.loads((folder / "onnx_export.json").read_text()) == report


def test_int8_weights_of_linear_layers_take_a_byte_each_and_embeddings_and_head_stay(quantised):
    weights = {tensor.name: tensor for tensor in onnx.load(quantised[0] / "model.onnx").graph.initializer}
    bytes_each = [t for t in weights.values() if t.data_type == TensorProto.INT8 and len(t.dims) == 2]
    assert len(bytes_each) == 2 * 6  # layers, each 6
    floats = [sorted(t.dims) for t in weights.values() if t.data_type == TensorProto.FLOAT and len(t.dims) == 2]
    assert [16, 20] in floats  # embeddings of words
    assert [3, 16] in floats  # the head
    assert not list(quantised[0].glob("*.int8"))


def test_the_model_is_left_as_it_was(saved, quantised):
    model = quantised[2]
    fresh, _ = load_classifier(str(saved))
    assert model.config._attn_implementation == fresh.config._attn_implementation
    for name, value in fresh.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=0, atol=0)


def test_other_logits_than_torchs_are_an_error(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_room, "_write_graph", lambda *args: shutil.copy(exported / "model.onnx", args[-1]) and {})
    without_the_shift = make_mean_pooled()
    with pytest.raises(FloatingPointError, match="gives other logits than torch .difference 2, allowed 0.0001 of"):
        export_onnx(without_the_shift, make_tokenizer(), tmp_path / "out", texts=TEXTS)
    assert not [*tmp_path.glob("out/*")]


def test_after_an_error_nothing_is_written_and_an_earlier_export_stays(tmp_path, monkeypatch):
    def fail(*args):
        args[-1].write_bytes(b"half")
        raise FloatingPointError("other logits")

    monkeypatch.setattr(onnx_room, "_write_graph", fail)
    (tmp_path / "onnx_export.json").write_text("{}")
    model = make_mean_pooled().train()
    with pytest.raises(FloatingPointError, match="other logits"):
        export_onnx(model, make_tokenizer(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["onnx_export.json"]
    assert model.training


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(FileExistsError, match="is there and is no earlier export"):
        export_onnx(make_mean_pooled(), make_tokenizer(), tmp_path)


def test_what_cannot_be_exported_is_named(exported, tmp_path):
    with pytest.raises(ValueError, match="quantize='int4' is unknown. Choose from: int8"):
        export_onnx(make_mean_pooled(), make_tokenizer(), tmp_path / "out", quantize="int4")
    with pytest.raises(ValueError, match="is an export already"):
        export_onnx(*load_classifier(str(exported)), tmp_path / "out")


def test_without_the_extra_it_is_named(tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find_spec(name))
    with pytest.raises(ImportError, match=r'pip install "blv_trainer\[onnx\]"'):
        export_onnx(make_mean_pooled(), make_tokenizer(), tmp_path / "out")


def test_export_without_a_folder_is_misuse(capsys):
    assert main(["export", "x"]) == 2
    assert "export needs a model and a folder" in capsys.readouterr().err


def test_push_takes_an_export_in_the_folder_of_the_model_along(hub, trained, exported, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "model")
    shutil.copytree(exported, folder / "onnx")
    assert main(["push", str(folder), "--repo_id", "alice/essays"]) == 0
    pushed = hub.model("alice/essays")
    assert {f"onnx/{path.name}" for path in exported.iterdir()} <= set(pushed.files)
    assert pushed.read("onnx/model.onnx") == (exported / "model.onnx").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [BertConfig, DistilBertConfig])
def test_stock_classifiers_are_exported_too(kind, tmp_path):
    torch.manual_seed(0)
    sizes = {"vocab_size": 20, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2}  # dim is an alias
    config = kind(**sizes, max_position_embeddings=32, **LEVELS)
    model = AutoModelForSequenceClassification.from_config(config).to(torch.bfloat16)
    report = export_onnx(model, make_tokenizer(), tmp_path / "out")
    assert report["float32_logit_difference"] < 1e-5
    assert report["argmax_agreement"] == 1
