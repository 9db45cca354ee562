import numpy as np
import pytest
import torch
import transformers
from transformers import AutoModelForSequenceClassification, pipeline

import blv_trainer
from blv_trainer.decision import Decision, fold

SIZES = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "hidden_size": 16}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
DISTILBERT = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32}
DECISION = Decision((0.0, -1.5, 0.25, 3.0), temperature=1.7, kind="tuned", tau=0.5)
INPUT_IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12], [3, 3, 4, 4]])


def stock(name, **extra):
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vocab_size=50, num_labels=4, **extra)
    return getattr(transformers, f"{name}ForSequenceClassification")(config).eval()


def mean_pooled():
    torch.manual_seed(0)
    config = blv_trainer.MeanPooledConfig({"model_type": "bert", "vocab_size": 50, **SIZES}, num_labels=4)
    return blv_trainer.MeanPooledForSequenceClassification(config).eval()


MODELS = {
    "mean_pooled": mean_pooled,
    "bert": lambda: stock("Bert", **SIZES),
    "distilbert": lambda: stock("DistilBert", **DISTILBERT),
    "roberta": lambda: stock("Roberta", **SIZES),
    "modernbert": lambda: stock("ModernBert", **SIZES | {"num_hidden_layers": 2}, **SPECIAL),  # both kinds of attention
}


def logits_of(model):
    with torch.no_grad():
        return model(input_ids=INPUT_IDS, attention_mask=torch.ones_like(INPUT_IDS)).logits.numpy()


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_folded_model_gives_the_decided_logits_also_after_saving_and_loading(make, tmp_path):
    model = make()
    raw_logits = logits_of(model)
    assert fold(model, DECISION) is model
    np.testing.assert_allclose(logits_of(model), DECISION.apply(raw_logits), atol=1e-6)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    np.testing.assert_allclose(logits_of(loaded), DECISION.apply(raw_logits), atol=1e-6)
    assert loaded.config.decision == DECISION.to_dict()


def test_the_pipeline_gives_the_decided_level_without_code_of_ours():
    model = mean_pooled()
    decided = DECISION.apply(logits_of(model)).argmax(axis=1)
    assert (decided != logits_of(model).argmax(axis=1)).any()
    classify = pipeline("text-classification", model=fold(model, DECISION), tokenizer=Tokens())
    answers = classify([" ".join(map(str, row.tolist())) for row in INPUT_IDS])
    assert [model.config.label2id[answer["label"]] for answer in answers] == decided.tolist()


class Tokens(transformers.PreTrainedTokenizerBase):
    """Reads numbers as the token ids that they are."""

    def __call__(self, text, **kwargs):
        ids = torch.tensor([[int(token) for token in text.split()]])
        return transformers.BatchEncoding({"input_ids": ids, "attention_mask": torch.ones_like(ids)})


def test_folding_twice_is_refused():
    model = fold(mean_pooled(), DECISION)
    before = logits_of(model)
    with pytest.raises(ValueError, match="holds a folded decision already"):
        fold(model, DECISION)
    assert np.array_equal(logits_of(model), before)


def test_a_head_without_bias_takes_a_temperature_but_no_shift():
    model = stock("Llama", pad_token_id=0, **SIZES)
    raw_logits = logits_of(model)
    with pytest.raises(ValueError, match=r"layer 'score' of LlamaForSequenceClassification has no bias"):
        fold(model, DECISION)
    assert np.array_equal(logits_of(model), raw_logits)
    np.testing.assert_allclose(logits_of(fold(model, Decision([0.0] * 4, 2.0))), raw_logits / 2, atol=1e-6)


def without_a_linear_head(model):
    model.classifier = torch.nn.Bilinear(16, 16, 4)
    return model


def with_adapters(model):
    model.peft_config = {"default": None}
    return model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_a_linear_head, "has no linear layer with num_labels=4 outputs"),
        (with_adapters, r"has adapters, .* call model = model.merge_and_unload\(\) first"),
        (torch.nn.DataParallel, r"DataParallel has no config.num_labels: give the transformers model itself"),
    ],
)
def test_models_that_cannot_hold_a_decision_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        fold(change(mean_pooled()), DECISION)


def test_a_decision_over_other_classes_is_refused():
    with pytest.raises(ValueError, match=r"a decision over 2 classes does not fit .* with 4 labels"):
        fold(mean_pooled(), Decision((0.0, 1.0)))
