import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertTokenizerFast

from blv_trainer import prediction
from blv_trainer.decision import Decision
from blv_trainer.prediction import group_scores, load_classifier, predict_logits, prediction_table

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]


@pytest.fixture
def tokenizer():
    return BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}, model_max_length=1000)


@pytest.fixture
def texts():
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(list("abcdefghij"), size=rng.integers(1, 25))) for _ in range(50)]


@pytest.mark.parametrize("chunk", [9, 4096])
def test_logits_come_in_the_order_of_the_texts_and_are_those_of_single_texts(
    make_mean_pooled, tokenizer, texts, chunk, monkeypatch
):
    monkeypatch.setattr(prediction, "_TEXTS_AT_A_TIME", chunk)
    model = make_mean_pooled().eval()
    with torch.no_grad():
        one_by_one = [model(**tokenizer(text, return_tensors="pt")).logits[0].numpy() for text in texts]
    np.testing.assert_allclose(predict_logits(model, tokenizer, texts, batch_size=7), one_by_one, atol=1e-5)


def test_batches_hold_a_bounded_number_of_tokens_and_hardly_any_padding(
    make_mean_pooled, tokenizer, texts, monkeypatch
):
    monkeypatch.setattr(prediction, "_TOKENS_ON_PROCESSOR", 60)
    model, masks = make_mean_pooled(), []
    model.register_forward_pre_hook(lambda _, args, kwargs: masks.append(kwargs["attention_mask"]), with_kwargs=True)
    predict_logits(model, tokenizer, texts)
    assert sum(len(mask) for mask in masks) == len(texts)
    assert max(mask.numel() for mask in masks) <= 60
    assert max(len(mask) for mask in masks) > 2 * min(len(mask) for mask in masks)  # more short texts than long ones
    assert sum(int((mask == 0).sum()) for mask in masks) < 0.1 * sum(mask.numel() for mask in masks)


def test_dropout_is_off_and_the_mode_is_restored(make_mean_pooled, tokenizer, texts):
    model = make_mean_pooled(dropout=0.5).train()
    first = predict_logits(model, tokenizer, texts)
    np.testing.assert_array_equal(first, predict_logits(model, tokenizer, texts))
    assert model.training


def test_long_texts_are_cut_at_what_the_model_takes(make_mean_pooled, tokenizer):
    model = make_mean_pooled()  # 32 positions
    lengths = []
    logits = predict_logits(model, tokenizer, ["a b " * 100, "a b " * 15], on_batch=lengths.extend)
    assert sorted(lengths) == [32, 202]  # uncut
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-6)


def test_no_texts_give_no_logits(make_mean_pooled, tokenizer):
    assert predict_logits(make_mean_pooled(), tokenizer, []).shape == (0, 4)


def test_table_holds_level_score_and_probabilities():
    logits = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, -1000.0]])
    table = prediction_table(logits, ["low", "mid", "high"]).to_pydict()
    for i, row in enumerate(logits):
        weights = [np.exp(value) for value in row]
        p = [weight / sum(weights) for weight in weights]
        assert [table[f"p_{name}"][i] for name in ("low", "mid", "high")] == pytest.approx(p)
        assert table["expected_score"][i] == pytest.approx(1 + p[1] + 2 * p[2])
        in_units = prediction_table(logits, ["1", "1.5", "3"])["expected_score"][i].as_py()
        assert in_units == pytest.approx(p[0] + 1.5 * p[1] + 3 * p[2])
    assert table["level"] == ["high", "low"]
    assert table["prediction"] == [2, 0]
    assert table["logits"] == logits.tolist()


SCORES, SPEAKERS = [[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [0.0, 4.0, 1.0]], ["ann", "bob", "ann"]


def test_the_answers_of_a_group_count_by_their_mean_log_probabilities():
    p = [[np.exp(value) / sum(map(np.exp, row)) for value in row] for row in SCORES]
    names, pooled = group_scores(SCORES, SPEAKERS, BertConfig())
    assert names == ["ann", "bob"]
    means = [np.log(np.multiply(p[0], p[2])) / 2, np.log(p[1])]
    np.testing.assert_allclose(pooled, means)


def test_a_decision_saved_for_groups_is_applied_to_the_pooled_answers():
    decision = Decision((0.5, 0.0, -1.0), temperature=0.7, kind="tuned", power=2.0, sharpness=0.4)
    _, pooled = group_scores(SCORES, SPEAKERS, BertConfig())
    _, decided = group_scores(SCORES, SPEAKERS, BertConfig(group_decision=decision.to_dict()))
    np.testing.assert_allclose(decided, decision.apply(pooled))
    _, unchanged = group_scores(SCORES, SPEAKERS, BertConfig(decision=decision.to_dict()))  # is in the scores already
    np.testing.assert_array_equal(unchanged, pooled)


@pytest.mark.parametrize(
    ("texts", "options", "error", "message"),
    [
        ("one text", {}, TypeError, "texts='one text' is a single text: give a list of texts"),
        (["a"], {"batch_size": 0}, ValueError, "batch_size=0 cannot be used: give a number from 1 up"),
        (["a"], {"max_length": 0}, ValueError, "max_length=0 cannot be used: give a number from 1 to 32"),
        (["a"], {"max_length": 33}, ValueError, "max_length=33 cannot be used: give a number from 1 to 32"),
    ],
)
def test_what_cannot_be_predicted_is_named(make_mean_pooled, tokenizer, texts, options, error, message):
    with pytest.raises(error, match=message):
        predict_logits(make_mean_pooled(), tokenizer, texts, **options)


def test_what_is_no_model_is_named(tmp_path):
    (tmp_path / "model.safetensors").touch()
    for path in (tmp_path, tmp_path / "model.safetensors"):
        with pytest.raises(FileNotFoundError, match=f"{path} holds no config.json, so it is no saved model: give the"):
            load_classifier(str(path))
    with pytest.raises(FileNotFoundError, match="nobody/nothing is no folder, was not downloaded before"):
        load_classifier("nobody/nothing")


def test_an_adapter_is_no_model_by_itself_and_merged_it_is_one(make_mean_pooled, tokenizer, texts, tmp_path):
    adapted = get_peft_model(make_mean_pooled(), LoraConfig(target_modules=["query"], modules_to_save=["classifier"]))
    adapted.save_pretrained(tmp_path / "adapter")
    with pytest.raises(ValueError, match=r"adapter holds a PEFT adapter.*merge_and_unload\(\).save_pretrained\(NEW\)"):
        load_classifier(str(tmp_path / "adapter"))
    expected = predict_logits(adapted, tokenizer, texts)
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    tokenizer.save_pretrained(tmp_path / "merged")
    np.testing.assert_allclose(predict_logits(*load_classifier(str(tmp_path / "merged")), texts), expected, atol=1e-5)
