"""Everything a test needs is made here: no network, no downloads, tiny random models on the processor."""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_EVALUATE_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytest
import torch
from datasets import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    BertTokenizerFast,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
)

sys.path.append(str(Path(__file__).parent / "hub"))  # for the stand-in Hub

torch.set_num_threads(1)  # tiny models: a second thread costs more than it gives

NUM_CLASSES = 4
LABELS = [0, 1, 1, 2, 1, 2, 2, 2, 3, 1, 2, 1, 2, 0, 1, 2, 2, 1, 3, 2]  # 20 rows, uneven: 2, 7, 9, 2
TINY_BERT = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
}
LEVELS = {0: "A2", 1: "B1_1", 2: "B1_2", 3: "B2"}


@pytest.fixture(scope="session")
def save_tiny_bert():
    """Saves a tiny random BERT and a tokenizer of whole words: an encoder, or a classifier where levels are given."""

    def save(folder, words, *, levels=None, max_length=32):
        torch.manual_seed(0)
        sizes = {**TINY_BERT, "vocab_size": len(words), "num_hidden_layers": 1, "max_position_embeddings": max_length}
        if levels is None:
            model = BertModel(BertConfig(**sizes))
        else:  # large weights, so that texts differ in their level
            names = dict(enumerate(levels))
            model = BertForSequenceClassification(BertConfig(**sizes, initializer_range=0.5, id2label=names))
        model.save_pretrained(folder)
        BertTokenizerFast(vocab={word: i for i, word in enumerate(words)}, model_max_length=max_length).save_pretrained(
            folder
        )
        return str(folder)

    return save


def mean_pooled_model(dropout=0.0):
    from blv_trainer import MeanPooledConfig, MeanPooledForSequenceClassification

    torch.manual_seed(0)
    encoder = {
        "model_type": "bert",
        **TINY_BERT,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
    }
    config = MeanPooledConfig(encoder, classifier_dropout=dropout, num_labels=NUM_CLASSES, id2label=LEVELS)
    return MeanPooledForSequenceClassification(config)


def stock_bert(dropout=0.0):
    torch.manual_seed(0)
    config = BertConfig(
        **TINY_BERT,
        num_labels=NUM_CLASSES,
        id2label=LEVELS,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    return BertForSequenceClassification(config)


def stock_distilbert(dropout=0.0):
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=TINY_BERT["vocab_size"],
        dim=TINY_BERT["hidden_size"],
        n_layers=TINY_BERT["num_hidden_layers"],
        n_heads=TINY_BERT["num_attention_heads"],
        hidden_dim=TINY_BERT["intermediate_size"],
        max_position_embeddings=TINY_BERT["max_position_embeddings"],
        num_labels=NUM_CLASSES,
        id2label=LEVELS,
        dropout=dropout,
        attention_dropout=dropout,
        seq_classif_dropout=dropout,
    )
    return DistilBertForSequenceClassification(config)


def stock_modernbert(dropout=0.0):
    torch.manual_seed(0)
    config = ModernBertConfig(
        **TINY_BERT,
        **dict.fromkeys(["pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"], 0),
        num_labels=NUM_CLASSES,
        id2label=LEVELS,
        attention_dropout=dropout,
        mlp_dropout=dropout,
        embedding_dropout=dropout,
        classifier_dropout=dropout,
    )
    return ModernBertForSequenceClassification(config)


@pytest.fixture(params=[mean_pooled_model, stock_bert], ids=["mean_pooled", "stock_bert"])
def make_model(request):
    """Builds the same tiny model with the same random weights at each call."""
    return request.param


@pytest.fixture(
    params=[mean_pooled_model, stock_bert, stock_distilbert, stock_modernbert],
    ids=["mean_pooled", "bert", "distilbert", "modernbert"],
)
def make_classifier(request):
    """As ``make_model``, over more architectures: for what has to hold for every model."""
    return request.param


@pytest.fixture
def make_mean_pooled():
    """Builds our own model, tiny, with four classes and 32 positions."""
    return mean_pooled_model


@pytest.fixture
def rows():
    """Twenty tokenised rows of equal length; the label depends on the first token, so it can be learned."""
    generator = torch.Generator().manual_seed(1)
    input_ids = torch.randint(4, 50, (len(LABELS), 6), generator=generator)
    input_ids[:, 0] = torch.tensor(LABELS)
    return Dataset.from_dict(
        {"input_ids": input_ids.tolist(), "attention_mask": torch.ones_like(input_ids).tolist(), "label": LABELS}
    )


@pytest.fixture
def loopback_hub():
    """A stand-in for the Hugging Face Hub, empty; ``loopback_hub.environment(home, token)`` is for a subprocess."""
    from loopback.server import LoopbackHub

    with LoopbackHub() as hub:
        yield hub


@pytest.fixture
def hub(loopback_hub, monkeypatch, tmp_path):
    """The stand-in Hub as the Hub of this process, where alice is logged in."""
    from huggingface_hub import close_session, constants

    for name, value in {
        "ENDPOINT": loopback_hub.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": loopback_hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_TOKEN_PATH": str(tmp_path / "no_login"),
        "HF_HUB_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    impatient = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})  # between attempts
    monkeypatch.setattr("huggingface_hub.utils._http.time", impatient)
    close_session()  # it may know another proxy
    yield loopback_hub
    close_session()
