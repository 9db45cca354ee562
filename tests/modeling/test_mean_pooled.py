import json
import re
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertTokenizerFast,
    pipeline,
)

from blv_trainer import MeanPooledConfig, MeanPooledForSequenceClassification
from blv_trainer.decision import Decision, fold
from blv_trainer.prediction import predict_logits

TEXTS = ["I like my job .", "I think that smoking is bad", "my my my", "no"]
BY_COST = Decision((0, 1, 0.5, -1, 0), 0.5, power=1.5, sharpness=0.4)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "i", "like", "my", "job", ".", "think", "that", "smoking", "is", "bad", "no"]
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 60}
ENCODERS = {
    "bert": TINY,
    "roberta": TINY | {"max_position_embeddings": 40},
    "xlm-roberta": TINY | {"max_position_embeddings": 40},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "vocab_size": 60},
    "electra": TINY | {"embedding_size": 16},
    "deberta-v2": TINY,
    "modernbert": TINY | {"pad_token_id": 0},
    "albert": TINY | {"embedding_size": 16},
    "mpnet": TINY,
}


def save_tokenizer(folder):
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    tokenizer = BertTokenizerFast(vocab=vocabulary, model_max_length=32)
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture
def checkpoint(tmp_path):
    """A saved classifier with its tokenizer."""
    torch.manual_seed(0)
    config = MeanPooledConfig(
        {"model_type": "bert", **TINY}, num_labels=5, id2label=dict(enumerate(["A2", "B1_1", "B1_2", "B2", "native"]))
    )
    model = MeanPooledForSequenceClassification(config)
    model.save_pretrained(tmp_path / "model")
    save_tokenizer(tmp_path / "model")
    return tmp_path / "model"


def test_weights_that_an_encoder_lacks_are_named(tmp_path, caplog):
    encoder = AutoModel.from_config(AutoConfig.for_model("bert", **TINY))
    weights = {name: weight for name, weight in encoder.state_dict().items() if "layer.1.attention" not in name}
    encoder.save_pretrained(tmp_path, state_dict=weights)
    MeanPooledForSequenceClassification.from_encoder(str(tmp_path), num_labels=3)
    assert re.search(r"lacks \d+ weights, such as encoder.layer.1.attention.*: they start random", caplog.text)


@pytest.mark.parametrize(("given", "dtype"), [({}, torch.float32), ({"dtype": torch.bfloat16}, torch.bfloat16)])
def test_an_encoder_saved_in_half_precision_is_trained_in_float32_and_its_head_alike(tmp_path, given, dtype):
    AutoModel.from_config(AutoConfig.for_model("bert", **TINY)).half().save_pretrained(tmp_path)
    model = MeanPooledForSequenceClassification.from_encoder(str(tmp_path), num_labels=3, encoder_kwargs=given)
    assert {weight.dtype for weight in model.parameters()} == {model(torch.tensor([[1, 2]])).logits.dtype} == {dtype}


@pytest.mark.parametrize("model_type", ENCODERS)
def test_any_encoder_survives_a_round_trip(model_type, tmp_path, caplog):
    torch.manual_seed(0)
    encoder = AutoModel.from_config(AutoConfig.for_model(model_type, **ENCODERS[model_type]))
    encoder.save_pretrained(tmp_path / "encoder")
    model = MeanPooledForSequenceClassification.from_encoder(str(tmp_path / "encoder"), num_labels=3).eval()
    model.save_pretrained(tmp_path / "model")
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    batch = {
        "input_ids": torch.tensor([[5, 6, 7, 1], [8, 9, 1, 1]]),
        "attention_mask": torch.tensor([[1] * 4, [1, 1, 0, 0]]),
    }
    assert type(again) is MeanPooledForSequenceClassification
    assert "start random" not in caplog.text
    assert str(tmp_path) not in (tmp_path / "model" / "config.json").read_text()
    with torch.no_grad():
        assert torch.equal(model(**batch).logits, again(**batch).logits)
        assert model(**batch).logits.shape == (2, 3)


def test_pools_the_mean_over_tokens_that_are_not_padding():
    torch.manual_seed(0)
    model = MeanPooledForSequenceClassification(MeanPooledConfig({"model_type": "bert", **TINY}, num_labels=3)).eval()
    ids, mask = torch.tensor([[5, 6, 7, 0], [8, 9, 0, 0]]), torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])
    with torch.no_grad():
        hidden = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        expected = []
        for i, length in enumerate((3, 2)):
            mean = sum(hidden[i, t] for t in range(length)) / length
            expected.append(model.classifier.weight @ mean + model.classifier.bias)
        torch.testing.assert_close(model(input_ids=ids, attention_mask=mask).logits, torch.stack(expected))


def test_loss_is_the_mean_cross_entropy():
    model = MeanPooledForSequenceClassification(MeanPooledConfig({"model_type": "bert", **TINY}, num_labels=3)).eval()
    ids, labels = torch.tensor([[5, 6], [7, 8]]), torch.tensor([0, 2])
    output = model(input_ids=ids, labels=labels)
    torch.testing.assert_close(output.loss, F.cross_entropy(output.logits, labels))


def test_dropout_is_the_configs_or_the_encoders():
    encoder = {"model_type": "bert", **TINY, "hidden_dropout_prob": 0.3}
    assert MeanPooledForSequenceClassification(MeanPooledConfig(encoder)).dropout.p == 0.3
    assert MeanPooledForSequenceClassification(MeanPooledConfig(encoder, classifier_dropout=0.0)).dropout.p == 0.0


def test_a_checkpoint_carries_weights_code_and_no_local_path(checkpoint):
    files = {path.name for path in checkpoint.iterdir()}
    assert {"model.safetensors", "configuration_mean_pooled.py", "modeling_mean_pooled.py"} <= files
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]
    text = (checkpoint / "config.json").read_text()
    config = json.loads(text)
    assert config["auto_map"]["AutoModelForSequenceClassification"] == (
        "modeling_mean_pooled.MeanPooledForSequenceClassification"
    )
    assert list(config["id2label"].values()) == ["A2", "B1_1", "B1_2", "B2", "native"]
    assert config["label2id"] == {"A2": 0, "B1_1": 1, "B1_2": 2, "B2": 3, "native": 4}
    assert str(checkpoint.parent) not in text


def test_pipeline_predicts_the_models_own_logits(checkpoint):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    expected = predict_logits(model, tokenizer, TEXTS)
    classify = pipeline(
        "text-classification", model=str(checkpoint), top_k=None, function_to_apply="none", device="cpu"
    )
    for answers, logits in zip(classify(TEXTS, batch_size=3), expected, strict=True):
        by_label = {answer["label"]: answer["score"] for answer in answers}
        assert by_label == pytest.approx(
            dict(zip(["A2", "B1_1", "B1_2", "B2", "native"], logits, strict=True)), abs=1e-5
        )


@pytest.mark.slow
@pytest.mark.parametrize("decision", [None, BY_COST], ids=["raw", "by cost"])
def test_pipeline_without_the_package_gives_the_same_logits(checkpoint, decision):
    """A process in which blv_trainer cannot be imported; the code comes out of the checkpoint."""
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    expected = predict_logits(model, AutoTokenizer.from_pretrained(checkpoint), TEXTS)
    if decision is not None:
        fold(model, decision).save_pretrained(checkpoint)
        expected = decision.apply(expected)
    code = f"""
import json, sys
sys.modules["blv_trainer"] = None
from transformers import pipeline
classify = pipeline("text-classification", model={str(checkpoint)!r}, top_k=None, function_to_apply="none",
                    trust_remote_code=True, device="cpu")
answers = [{{a["label"]: a["score"] for a in row}} for row in classify({TEXTS!r})]
print(json.dumps([type(classify.model).__module__, answers]))
"""
    environment = {"HF_HOME": str(checkpoint.parent / "cache"), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    module, answers = json.loads(done.stdout.splitlines()[-1])
    assert module.startswith("transformers_modules.")
    for answer, logits in zip(answers, expected, strict=True):
        assert list(answer.values()) == pytest.approx(sorted(logits, reverse=True), abs=1e-5)


def test_another_models_checkpoint_is_not_read_as_ours(tmp_path):
    AutoModel.from_config(BertConfig(**TINY)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"of type 'bert', not 'blv-mean-pooled'.*from_encoder"):
        MeanPooledForSequenceClassification.from_pretrained(tmp_path)


def test_the_names_of_the_labels_must_fit_their_number(tmp_path):
    AutoModel.from_config(BertConfig(**TINY)).save_pretrained(tmp_path)
    for given in ({0: "low", 1: "high"}, ["low", "high"], {"low": 0, "mid": 1, "high": 2}):
        with pytest.raises(ValueError, match="id2label=.* cannot be used: give .*for each of 3 labels"):
            MeanPooledForSequenceClassification.from_encoder(str(tmp_path), num_labels=3, id2label=given)
