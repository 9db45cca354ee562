import inspect
import json
import logging

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, Trainer, TrainingArguments

from blv_trainer import BLVTrainer, BLVTrainingArguments, build_loss


def settings(folder, *, cls=BLVTrainingArguments, **kwargs):
    defaults = {
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "learning_rate": 1e-2,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "seed": 3,
    }
    return cls(str(folder), **(defaults | kwargs))


def assert_same_bits(model, other):
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


# ---- Drop-in


def test_takes_trainers_parameters_in_its_order_and_new_ones_by_keyword():
    theirs = list(inspect.signature(Trainer).parameters)
    ours = inspect.signature(BLVTrainer).parameters
    assert list(ours)[: len(theirs)] == theirs
    assert {name for name, p in ours.items() if p.kind is p.KEYWORD_ONLY} == {"loss", "class_counts"}


def test_learns_what_can_be_learned(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path, num_train_epochs=15, loss_kwargs={"sigma": 1})
    trainer = BLVTrainer(make_mean_pooled(), args, train_dataset=rows, eval_dataset=rows)
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    after = trainer.evaluate()
    assert after["eval_loss"] < before / 2
    assert after["eval_recall_A2"] == 1


def test_a_loss_of_ours_serves_plain_trainer(make_mean_pooled, rows, tmp_path):
    loss = build_loss("blv", [2, 7, 9, 2], sigma=0)
    args = settings(tmp_path, cls=TrainingArguments)
    through_func = Trainer(make_mean_pooled(), args, train_dataset=rows, eval_dataset=rows, compute_loss_func=loss)
    through_func.train()
    ours = BLVTrainer(
        make_mean_pooled(), settings(tmp_path, loss_kwargs={"sigma": 0}), train_dataset=rows, eval_dataset=rows
    )
    ours.train()
    assert_same_bits(through_func.model, ours.model)
    assert through_func.evaluate()["eval_loss"] == pytest.approx(ours.evaluate()["eval_loss"])


# ---- Losses


def test_loss_is_chosen_by_name_from_the_arguments_or_the_call(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path, loss="focal", loss_kwargs={"gamma": 3})
    assert BLVTrainer(make_mean_pooled(), args, train_dataset=rows).loss_fn.gamma == 3
    assert BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows, loss="focal").loss_fn.gamma == 2


def test_a_module_of_the_users_gets_the_number_of_items_if_it_asks(make_mean_pooled, rows, tmp_path):
    class Mine(nn.Module):
        seen = None

        def forward(self, logits, labels, num_items_in_batch=None):
            Mine.seen = int(num_items_in_batch)
            return F.cross_entropy(logits, labels, reduction="sum") / num_items_in_batch

    args = settings(tmp_path, gradient_accumulation_steps=2, max_steps=1)
    BLVTrainer(make_mean_pooled(), args, train_dataset=rows, loss=Mine()).train()
    assert Mine.seen == 8


def test_label_smoothing_reaches_a_loss_of_ours_given_as_a_module_and_no_other(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path, label_smoothing_factor=0.2)
    loss = build_loss("focal", [2, 7, 9, 2])
    assert BLVTrainer(make_mean_pooled(), args, train_dataset=rows, loss=loss).loss_fn.label_smoothing == 0.2
    with pytest.raises(ValueError, match=r"label_smoothing_factor=0.2 cannot reach CrossEntropyLoss"):
        BLVTrainer(make_mean_pooled(), args, train_dataset=rows, loss=nn.CrossEntropyLoss())


def test_sigma_schedule_follows_the_run(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path, loss_kwargs={"sigma_schedule": "linear", "sigma": 4})
    trainer = BLVTrainer(make_mean_pooled(), args, train_dataset=rows)
    trainer.train()
    assert trainer.loss_fn.current_sigma == pytest.approx(4 * (1 - 9 / 10))  # the last of ten steps


def test_prediction_needs_neither_training_set_nor_loss(make_mean_pooled, rows, tmp_path):
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path))
    assert trainer.loss_fn is None
    assert trainer.predict(rows).predictions.shape == (20, 4)


# ---- Evaluation


@pytest.mark.parametrize("loss", ["blv", "focal"])
def test_eval_loss_is_the_plain_cross_entropy_for_every_loss(make_mean_pooled, rows, tmp_path, loss):
    args = settings(tmp_path, label_smoothing_factor=0.3, per_device_eval_batch_size=6)
    trainer = BLVTrainer(make_mean_pooled(), args, train_dataset=rows, eval_dataset=rows, loss=loss)
    labels = [-100 if row in (0, 1, 17) else label for row, label in enumerate(rows["label"])]  # spread unevenly
    for given in (rows["label"], labels):
        output = trainer.predict(rows.remove_columns("label").add_column("label", given))
        expected = F.cross_entropy(torch.tensor(output.predictions), torch.tensor(given)).item()
        assert output.metrics["test_loss"] == pytest.approx(expected, rel=1e-6)
    assert sum(value for name, value in output.metrics.items() if "predicted" in name) == 17


def test_each_evaluation_logs_recalls_and_the_histogram(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path, per_device_eval_batch_size=6, eval_strategy="epoch")
    given = {"train_dataset": rows, "eval_dataset": rows, "compute_metrics": lambda evaluation: {"mine": 1.0}}
    trainer = BLVTrainer(make_mean_pooled(), args, **given)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
    output = trainer.predict(rows)
    predicted = output.predictions.argmax(axis=1)
    assert [entry["eval_mine"] for entry in logged] == [1.0, 1.0]
    for k, name in enumerate(["A2", "B1_1", "B1_2", "B2"]):
        assert logged[-1][f"eval_predicted_{name}"] == (predicted == k).sum()
        of_class = np.array(rows["label"]) == k
        assert logged[-1][f"eval_recall_{name}"] == pytest.approx((predicted[of_class] == k).mean())
        assert output.metrics[f"test_predicted_{name}"] == (predicted == k).sum()


def test_a_class_never_predicted_gets_one_warning(make_mean_pooled, rows, tmp_path, caplog):
    model = make_mean_pooled()
    with torch.no_grad():
        model.classifier.bias[2] += 100
    trainer = BLVTrainer(model, settings(tmp_path), train_dataset=rows, eval_dataset=rows)
    with caplog.at_level(logging.WARNING, logger="blv_trainer"):
        trainer.evaluate()
        trainer.evaluate()
    (warning,) = caplog.records
    assert (
        "never predicted in 20 rows at step 0: 'A2' (the label of 2 rows), 'B1_1' (the label of 7 rows)"
        in warning.message
    )
    assert "B1_2" not in warning.message


# ---- Saving


def test_a_saved_config_holds_counts_loss_and_decision(make_mean_pooled, rows, tmp_path):
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path, loss_kwargs={"sigma": 2}), train_dataset=rows)
    trainer.save_model()
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["class_counts"] == [2, 7, 9, 2]
    assert config["training_loss"]["name"] == "blv"
    assert config["training_loss"]["sigma"] == 2
    assert config["training_loss"]["expected_shift"] == pytest.approx(trainer.loss_fn.expected_shift().tolist())
    assert config["decision"] == "raw"
    assert config["id2label"] == {"0": "A2", "1": "B1_1", "2": "B1_2", "3": "B2"}


# ---- Misuse


TINY = {"hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1}


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        (None, {"compute_loss_func": print}, "compute_loss_func was given, but BLVTrainer computes the loss itself"),
        (None, {"class_counts": [1, 2, 3]}, "class_counts has 3 entries, the model 4 classes"),
        (None, {"class_counts": ["A2", "B1"]}, r"class_counts=\['A2', 'B1'\] cannot be used: give one count for each"),
        (lambda rows: rows.filter(lambda row: row["label"] == 2), {}, "all training labels are equal"),
        (lambda rows: rows.filter(lambda row: row["label"] > 0), {}, r"class 0 \(.A2.\) has no training example"),
        (None, {"model": nn.Linear(2, 2)}, "has no config.num_labels, so the number of classes is unknown"),
        *[
            (None, {"model": BertForSequenceClassification(BertConfig(**TINY, **head))}, f"head is for {problem}")
            for head, problem in (
                ({"num_labels": 1}, "regression"),
                ({"num_labels": 4, "problem_type": "regression"}, "regression"),
                ({"num_labels": 4, "problem_type": "multi_label_classification"}, "multi label classification"),
            )
        ],
    ],
)
def test_what_cannot_be_trained_is_refused_with_a_sentence(make_mean_pooled, rows, tmp_path, change, given, message):
    rows = change(rows) if change else rows
    with pytest.raises(ValueError, match=message):
        BLVTrainer(**{"model": make_mean_pooled(), "args": settings(tmp_path), "train_dataset": rows} | given)


def test_a_model_without_a_classification_head_is_refused(rows, tmp_path):
    model = BertForMaskedLM(BertConfig(**TINY, vocab_size=50, num_labels=4))
    trainer = BLVTrainer(model, settings(tmp_path), train_dataset=rows, eval_dataset=rows)
    with pytest.raises(ValueError, match=r"logits of shape \(4, 6, 50\) cannot be used: give shape"):
        trainer.train()
    with pytest.raises(ValueError, match=r"logits of shape \(8, 6, 50\).*as a sequence classification head does"):
        trainer.evaluate()


def test_labels_that_are_missing_or_out_of_range_are_named(make_mean_pooled, rows, tmp_path):
    given = {"train_dataset": rows.remove_columns("label"), "class_counts": [2, 7, 9, 2]}
    wrong = rows.map(lambda row: {"label": row["label"] + 1})
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path), eval_dataset=wrong, **given)
    with pytest.raises(ValueError, match="the batch has no 'labels', only input_ids, attention_mask"):
        trainer.train()
    with pytest.raises(ValueError, match=r"labels \[4\] are out of range"):
        trainer.evaluate()
