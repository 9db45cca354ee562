import dataclasses

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoModelForSequenceClassification, pipeline

import blv_trainer
from blv_trainer.decision import Decision, fold, folded

SIZES = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "hidden_size": 16}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
DISTILBERT = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32}
DECISION = Decision((0.0, -1.5, 0.25, 3.0), temperature=1.7, kind="tuned", tau=0.5)
BY_COST = Decision((1.5, 1.0, -1.5, -0.5), 0.8, "tuned", tau=0.5, power=1.5, sharpness=0.3)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{k}" for k in range(5, 50))]
MANY = torch.randint(5, 50, (200, 8), generator=torch.Generator().manual_seed(0))
INPUT_IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12], [3, 3, 4, 4]])


def stock(name, **extra):
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vocab_size=50, num_labels=4, **extra)
    return getattr(transformers, f"{name}ForSequenceClassification")(config).eval()


def mean_pooled():
    torch.manual_seed(0)
    config = blv_trainer.MeanPooledConfig(
        {"model_type": "bert", "vocab_size": 50, **SIZES, "initializer_range": 0.5}, num_labels=4
    )
    config.initializer_range = 0.5  # so that texts differ in their level
    return blv_trainer.MeanPooledForSequenceClassification(config).eval()


MODELS = {
    "mean_pooled": mean_pooled,
    "bert": lambda: stock("Bert", **SIZES),
    "distilbert": lambda: stock("DistilBert", **DISTILBERT),
    "roberta": lambda: stock("Roberta", **SIZES),
    "modernbert": lambda: stock("ModernBert", **SIZES | {"num_hidden_layers": 2}, **SPECIAL),  # both kinds of attention
}


def logits_of(model, input_ids=INPUT_IDS):
    with torch.no_grad():
        return model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).logits.float().numpy()


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


@pytest.mark.parametrize("decision", [DECISION, BY_COST], ids=["shift", "cost"])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_pipeline_gives_the_decided_level_and_its_probability_without_code_of_ours(decision, batch_size):
    tokenizer = transformers.BertTokenizerFast(vocab={word: k for k, word in enumerate(WORDS)})
    model = mean_pooled()
    texts = [" ".join(WORDS[k] for k in row[: 2 + i % 7]) for i, row in enumerate(MANY[:30])]
    logits = np.concatenate([logits_of(model, tokenizer(text, return_tensors="pt")["input_ids"]) for text in texts])
    scores = decision.apply(logits)
    assert (scores.argmax(axis=1) != logits.argmax(axis=1)).any()
    classify = pipeline("text-classification", model=fold(model, decision), tokenizer=tokenizer, device="cpu")
    answers = classify(texts, batch_size=batch_size)
    assert [model.config.label2id[answer["label"]] for answer in answers] == scores.argmax(axis=1).tolist()
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert [answer["score"] for answer in answers] == pytest.approx(probabilities.max(axis=1), abs=1e-5)


# ---- Decisions by cost


@pytest.mark.parametrize("power", [0.5, 1, 1.5, 2])
def test_our_model_gives_the_scores_of_a_decision_by_cost_also_after_saving_and_loading(power, tmp_path):
    decision = dataclasses.replace(BY_COST, power=power)
    model, raw_model = mean_pooled(), mean_pooled()
    scores = decision.apply(logits_of(raw_model, MANY))
    assert len(set(scores.argmax(axis=1))) >= 3
    fold(model, decision)
    assert torch.equal(model.classifier.weight, raw_model.classifier.weight)
    model.save_pretrained(tmp_path)
    for loaded in (model, AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()):
        np.testing.assert_allclose(logits_of(loaded, MANY), scores, atol=1e-5)
        assert np.array_equal(logits_of(loaded, MANY).argmax(axis=1), scores.argmax(axis=1))
        assert folded(loaded.config) == decision


def test_in_training_our_model_gives_raw_logits():
    outputs = []
    for model in (fold(mean_pooled(), BY_COST), mean_pooled()):
        torch.manual_seed(1)  # of dropout
        outputs.append(model.train()(input_ids=INPUT_IDS, labels=torch.tensor([0, 1, 2])))
    assert torch.equal(outputs[0].logits, outputs[1].logits)
    assert torch.equal(outputs[0].loss, outputs[1].loss)


@pytest.mark.parametrize("mixed", [False, True], ids=["bf16", "mixed"])
def test_half_precision_gives_the_levels_of_its_own_logits(mixed):
    model, raw_model = mean_pooled(), mean_pooled()
    fold(model, dataclasses.replace(BY_COST, power=2, sharpness=0.05))  # large scores, near each other
    if not mixed:
        model, raw_model = model.bfloat16(), raw_model.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        found, logits = (logits_of(each, MANY) for each in (model, raw_model))
    scores = folded(model.config).apply(logits)
    np.testing.assert_allclose(found, scores, rtol=1e-4, atol=1e-4)
    assert np.array_equal(found.argmax(axis=1), scores.argmax(axis=1))


def test_torch_compiles_and_exports_a_decision_by_cost():
    pytest.importorskip("torch", minversion="2.7")  # 2.6 follows no encoder of transformers 5.6
    model = fold(mean_pooled(), BY_COST)
    expected = BY_COST.apply(logits_of(mean_pooled()))
    exported = torch.export.export(model, (), {"input_ids": INPUT_IDS, "attention_mask": torch.ones_like(INPUT_IDS)})
    np.testing.assert_allclose(logits_of(exported.module()), expected, atol=1e-5)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    np.testing.assert_allclose(logits_of(compiled), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["bert", "distilbert", "roberta", "modernbert"])
def test_a_stock_head_has_no_place_for_a_cost_and_both_ways_out_are_named(name):
    model = MODELS[name]()
    before = logits_of(model)
    with pytest.raises(
        ValueError,
        match=r"ForSequenceClassification has no place for a decision by cost \(power=1.5\): train with "
        r"MeanPooledForSequenceClassification .*, or keep the decision outside \(decision.apply\(logits\)\)",
    ):
        fold(model, BY_COST)
    assert np.array_equal(logits_of(model), before)
    assert folded(model.config) is None


def test_what_is_folded_is_read_back_and_groups_have_a_decision_of_their_own():
    model = mean_pooled()
    assert folded(model.config) is None
    fold(model, DECISION)
    model.config.group_decision = BY_COST.to_dict()
    assert (folded(model.config), folded(model.config, of_groups=True)) == (DECISION, BY_COST)


# ---- What is refused


@pytest.mark.parametrize("first", [DECISION, BY_COST], ids=["shift", "cost"])
def test_folding_twice_is_refused(first):
    model = fold(mean_pooled(), first)
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
