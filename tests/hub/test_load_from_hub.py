"""A model trained here, pushed to the stand-in Hub, and used in fresh processes as somebody else would use it."""

import json
import shutil

import numpy as np
import pytest

from blv_trainer.cli import main
from blv_trainer.hub import publish
from blv_trainer.prediction import load_classifier, predict_logits

TEXTS = ["i like tea", "coffee often", "nevertheless i drink tea", "unknown words only"]
LONG = "i often like tea nevertheless " * 400  # 2,000 words
# Prints what the pipeline gives, as JSON; runs once with and once without this package.
USE = """
import json, sys
{before}
import torch
from transformers import pipeline

classify = pipeline("text-classification", model="alice/essays"{options})
texts = json.loads(sys.argv[1])
one_by_one = [classify(text, top_k=None, function_to_apply="none") for text in texts]
batched = classify(texts, top_k=None, function_to_apply="none", batch_size=3)
print(json.dumps({{
    "one_by_one": one_by_one,
    "batched": batched,
    "top": classify(texts[0]),
    "module": type(classify.model).__module__,
}}))
"""
INSTALLED = {"before": "import blv_trainer", "options": ""}
# Not importable even where it is installed: a module that is None in sys.modules raises ImportError.
NOT_INSTALLED = {"before": 'sys.modules["blv_trainer"] = None', "options": ", trust_remote_code=True"}


@pytest.fixture
def pushed(hub, trained, tmp_path):
    """The trained model on the stand-in Hub, private."""
    publish(shutil.copytree(trained, tmp_path / "own"), "alice/essays", private=True)
    return hub


@pytest.mark.slow  # two processes
def test_both_routes_give_the_logits_of_the_trained_model(pushed, trained, elsewhere, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # what is in the folder must do
    model, tokenizer = load_classifier(str(trained))
    expected = predict_logits(model, tokenizer, [*TEXTS, LONG])
    names = list(model.config.id2label.values())
    for home_of_code, blocks in (("blv_trainer", INSTALLED), ("transformers_modules", NOT_INSTALLED)):
        answer = elsewhere(USE.format(**blocks), json.dumps([*TEXTS, LONG]), home=home_of_code)
        assert answer["module"].startswith(home_of_code)
        for form in ("one_by_one", "batched"):
            found = [{entry["label"]: entry["score"] for entry in entries} for entries in answer[form]]
            logits = np.array([[scores[name] for name in names] for scores in found])
            np.testing.assert_allclose(logits, expected, atol=1e-5)
        assert answer["top"][0]["label"] == names[expected[0].argmax()]
    assert pushed.requests("GET /alice/essays/resolve/.*/modeling_mean_pooled.py")


def test_a_private_model_without_a_token_says_so(pushed, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN")
    assert main(["predict", "alice/essays", "--text", "i like tea"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "alice/essays is neither a folder with a saved model" in said
    assert "If it is private: log in with `hf auth login` or set HF_TOKEN" in said
