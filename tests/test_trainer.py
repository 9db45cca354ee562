import inspect
import json
import logging

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch import nn
from torch.nn import functional as F
from torch.utils.data import IterableDataset
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, Trainer, TrainingArguments

from blv_trainer import BLVTrainer, BLVTrainingArguments, ImbalanceLoss, build_loss, make_compute_metrics

SEVEN = [0, 1, 3, 8, 2, 5, 6]  # rows with all four classes


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


def plain_sgd(folder, batch, accumulation, **kwargs):
    """Settings under which weights differ exactly as gradients do."""
    return settings(
        folder,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        optim="sgd",
        max_grad_norm=0.0,
        **kwargs,
    )


def largest_difference(model, other):
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


def assert_same_bits(model, other):
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


# ---- Drop-in


def test_takes_trainers_parameters_in_its_order_and_new_ones_by_keyword():
    theirs = list(inspect.signature(Trainer).parameters)
    ours = inspect.signature(BLVTrainer).parameters
    assert list(ours)[: len(theirs)] == theirs
    assert {name for name, p in ours.items() if p.kind is p.KEYWORD_ONLY} == {"loss", "class_counts"}


def test_sigma_0_equals_plain_trainer_bit_for_bit(make_model, rows, tmp_path):
    theirs = Trainer(make_model(dropout=0.1), settings(tmp_path, cls=TrainingArguments), train_dataset=rows)
    theirs.train()
    args = settings(tmp_path, loss_kwargs={"sigma": 0})
    ours = BLVTrainer(make_model(dropout=0.1), args, train_dataset=rows)
    ours.train()
    assert_same_bits(ours.model, theirs.model)
    assert ours.state.log_history[-1]["train_loss"] == pytest.approx(theirs.state.log_history[-1]["train_loss"])


def test_a_plain_training_arguments_means_blv_with_sigma_6(make_model, rows, tmp_path):
    trainer = BLVTrainer(make_model(), settings(tmp_path, cls=TrainingArguments), train_dataset=rows)
    assert trainer.loss_fn.sigma == 6
    assert trainer.loss_fn.scope == "step"


def test_every_parameter_moves(make_model, rows, tmp_path):
    trainer = BLVTrainer(make_model(), settings(tmp_path, max_steps=3), train_dataset=rows)
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    trainer.train()
    still = [name for name, value in trainer.model.named_parameters() if torch.equal(before[name], value)]
    assert still == []


def test_learns_what_can_be_learned(make_model, rows, tmp_path):
    args = settings(tmp_path, num_train_epochs=30, loss_kwargs={"sigma": 1})
    trainer = BLVTrainer(make_model(), args, train_dataset=rows, eval_dataset=rows)
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    after = trainer.evaluate()
    assert after["eval_loss"] < before / 2
    assert after["eval_recall_A2"] == 1


def test_a_loss_of_ours_serves_plain_trainer(make_model, rows, tmp_path):
    loss = build_loss("blv", [2, 7, 9, 2], sigma=0)
    args = settings(tmp_path, cls=TrainingArguments)
    through_func = Trainer(make_model(), args, train_dataset=rows, eval_dataset=rows, compute_loss_func=loss)
    through_func.train()
    ours = BLVTrainer(make_model(), settings(tmp_path, loss_kwargs={"sigma": 0}), train_dataset=rows, eval_dataset=rows)
    ours.train()
    assert_same_bits(through_func.model, ours.model)
    assert through_func.evaluate()["eval_loss"] == pytest.approx(ours.evaluate()["eval_loss"])


def test_noise_under_plain_trainer_is_off_in_evaluation(make_model, rows, tmp_path):
    args = settings(tmp_path, cls=TrainingArguments)
    loss = build_loss("blv", [2, 7, 9, 2])
    trainer = Trainer(make_model(), args, train_dataset=rows, eval_dataset=rows, compute_loss_func=loss)
    assert trainer.evaluate()["eval_loss"] == trainer.evaluate()["eval_loss"]


# ---- Gradient accumulation


@pytest.mark.parametrize("loss_kwargs", [{"scope": "step"}, {"scope": "sample"}, {"scope": "element"}])
@pytest.mark.parametrize(("batch", "accumulation"), [(4, 2), (1, 8), (3, 3)])
def test_accumulation_is_exact_with_an_uneven_end(make_model, rows, tmp_path, batch, accumulation, loss_kwargs):
    # 20 rows: steps of 8, 8 and 4, or of 9, 9 and 2
    whole = BLVTrainer(
        make_model(), plain_sgd(tmp_path, batch * accumulation, 1, loss_kwargs=loss_kwargs), train_dataset=rows
    )
    parts = BLVTrainer(
        make_model(), plain_sgd(tmp_path, batch, accumulation, loss_kwargs=loss_kwargs), train_dataset=rows
    )
    whole.train()
    parts.train()
    assert largest_difference(whole.model, make_model()) > 1e-3
    assert largest_difference(whole.model, parts.model) < 2e-7


def test_accumulation_is_exact_where_the_last_micro_batch_is_short(make_model, rows, tmp_path):
    rows = rows.select(SEVEN)  # one step a pass: 7, or 4 + 3
    whole = BLVTrainer(make_model(), plain_sgd(tmp_path, 7, 1), train_dataset=rows)
    parts = BLVTrainer(make_model(), plain_sgd(tmp_path, 4, 2), train_dataset=rows)
    whole.train()
    parts.train()
    assert largest_difference(whole.model, parts.model) < 2e-7


@pytest.mark.parametrize("module", [nn.CrossEntropyLoss(), nn.CrossEntropyLoss(ignore_index=-100, reduction="mean")])
def test_accumulation_is_exact_for_a_module_that_returns_a_mean(make_model, rows, tmp_path, module):
    rows = rows.select(SEVEN)
    whole = BLVTrainer(make_model(), plain_sgd(tmp_path, 7, 1), train_dataset=rows, loss=module)
    parts = BLVTrainer(make_model(), plain_sgd(tmp_path, 4, 2), train_dataset=rows, loss=module)
    whole.train()
    parts.train()
    assert largest_difference(whole.model, parts.model) < 2e-7


def test_labels_under_another_name_are_counted_too(rows, tmp_path):
    class Custom(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.embedding = nn.Embedding(50, 8)
            self.head = nn.Linear(8, 4)

        def forward(self, input_ids, level=None):
            return {"logits": self.head(self.embedding(input_ids).mean(dim=1))}

    rows = rows.rename_column("label", "level").select(range(7))
    trained = []
    for batch, accumulation in ((7, 1), (4, 2)):
        args = plain_sgd(tmp_path, batch, accumulation, label_names=["level"], remove_unused_columns=True)
        trainer = BLVTrainer(Custom(), args, train_dataset=rows, eval_dataset=rows, class_counts=[2, 7, 9, 2])
        trainer.train()
        assert trainer.evaluate()["eval_predicted_0"] >= 0
        trained.append(trainer.model)
    assert largest_difference(*trained) < 2e-7


# ---- Resuming


@pytest.mark.parametrize("scope", ["step", "element"])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(make_model, rows, tmp_path, scope):
    def trainer(folder):
        args = settings(folder, num_train_epochs=3, save_strategy="steps", save_steps=4, loss_kwargs={"scope": scope})
        return BLVTrainer(make_model(dropout=0.1), args, train_dataset=rows)

    whole = trainer(tmp_path / "whole")
    whole.train()
    resumed = trainer(tmp_path / "resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-8"))
    assert_same_bits(whole.model, resumed.model)
    assert whole.state.log_history[-1]["step"] == resumed.state.log_history[-1]["step"] == 15


# ---- Losses


def test_loss_is_chosen_by_name_from_the_arguments_or_the_call(make_model, rows, tmp_path):
    args = settings(tmp_path, loss="focal", loss_kwargs={"gamma": 3})
    assert BLVTrainer(make_model(), args, train_dataset=rows).loss_fn.gamma == 3
    assert BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows, loss="focal").loss_fn.gamma == 2


def test_a_module_of_the_users_gets_the_number_of_items_if_it_asks(make_model, rows, tmp_path):
    class Mine(nn.Module):
        seen = None

        def forward(self, logits, labels, num_items_in_batch=None):
            Mine.seen = int(num_items_in_batch)
            return F.cross_entropy(logits, labels, reduction="sum") / num_items_in_batch

    args = settings(tmp_path, gradient_accumulation_steps=2, max_steps=1)
    BLVTrainer(make_model(), args, train_dataset=rows, loss=Mine()).train()
    assert Mine.seen == 8


def test_label_smoothing_is_that_of_plain_trainer(make_model, rows, tmp_path):
    smoothed = {"label_smoothing_factor": 0.2}
    theirs = Trainer(make_model(), settings(tmp_path, cls=TrainingArguments, **smoothed), train_dataset=rows)
    theirs.train()
    ours = BLVTrainer(make_model(), settings(tmp_path, loss="cross_entropy", **smoothed), train_dataset=rows)
    ours.train()
    assert ours.loss_fn.label_smoothing == 0.2
    # Adam divides by tiny second moments, which turns the last bits of a gradient into more
    assert largest_difference(ours.model, theirs.model) < 1e-4
    unsmoothed = BLVTrainer(make_model(), settings(tmp_path, loss="cross_entropy"), train_dataset=rows)
    unsmoothed.train()
    assert largest_difference(ours.model, unsmoothed.model) > 1e-3


def test_label_smoothing_reaches_a_loss_of_ours_given_as_a_module_and_no_other(make_model, rows, tmp_path):
    args = settings(tmp_path, label_smoothing_factor=0.2)
    loss = build_loss("focal", [2, 7, 9, 2])
    assert BLVTrainer(make_model(), args, train_dataset=rows, loss=loss).loss_fn.label_smoothing == 0.2
    with pytest.raises(ValueError, match=r"label_smoothing_factor=0.2 cannot reach CrossEntropyLoss"):
        BLVTrainer(make_model(), args, train_dataset=rows, loss=nn.CrossEntropyLoss())


def test_sigma_schedule_follows_the_run(make_model, rows, tmp_path):
    args = settings(tmp_path, loss_kwargs={"sigma_schedule": "linear", "sigma": 4})
    trainer = BLVTrainer(make_model(), args, train_dataset=rows)
    trainer.train()
    assert trainer.loss_fn.current_sigma == pytest.approx(4 * (1 - 9 / 10))  # the last of ten steps


# ---- Class counts


def test_class_counts_are_those_of_the_training_set(make_model, rows, tmp_path):
    trainer = BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows)
    assert trainer.class_counts == [2, 7, 9, 2]
    assert trainer.loss_fn.class_counts.tolist() == [2, 7, 9, 2]


class Stream(IterableDataset):
    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        yield from self.rows.rename_column("label", "labels")


def test_an_iterable_dataset_needs_class_counts(make_model, rows, tmp_path):
    args = settings(tmp_path, max_steps=2)
    with pytest.raises(ValueError, match=r"IterableDataset, which cannot be counted beforehand: give class_counts=\["):
        BLVTrainer(make_model(), args, train_dataset=Stream(rows))
    trainer = BLVTrainer(make_model(), args, train_dataset=Stream(rows), class_counts=[2, 7, 9, 2])
    trainer.train()
    assert trainer.state.global_step == 2


def test_prediction_needs_neither_training_set_nor_loss(make_model, rows, tmp_path):
    trainer = BLVTrainer(make_model(), settings(tmp_path))
    assert trainer.loss_fn is None
    assert trainer.predict(rows).predictions.shape == (20, 4)
    assert trainer.predict(rows.remove_columns("label")).label_ids is None


# ---- Evaluation


@pytest.mark.parametrize("loss", ["blv", "focal", "cross_entropy"])
def test_eval_loss_is_the_plain_cross_entropy_for_every_loss(make_model, rows, tmp_path, loss):
    args = settings(tmp_path, label_smoothing_factor=0.3, per_device_eval_batch_size=6)
    trainer = BLVTrainer(make_model(), args, train_dataset=rows, eval_dataset=rows, loss=loss)
    output = trainer.predict(rows)
    expected = F.cross_entropy(torch.tensor(output.predictions), torch.tensor(output.label_ids)).item()
    assert trainer.evaluate()["eval_loss"] == pytest.approx(expected, rel=1e-6)
    assert output.metrics["test_loss"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("with_metrics", [False, True])
def test_each_evaluation_logs_recalls_and_the_histogram(make_model, rows, tmp_path, with_metrics):
    compute_metrics = (lambda evaluation: {"mine": 1.0}) if with_metrics else None
    args = settings(tmp_path, per_device_eval_batch_size=6, eval_strategy="epoch")
    trainer = BLVTrainer(make_model(), args, train_dataset=rows, eval_dataset=rows, compute_metrics=compute_metrics)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
    output = trainer.predict(rows)
    predicted = output.predictions.argmax(axis=1)
    assert len(logged) == 2
    assert ("eval_mine" in logged[-1]) == with_metrics
    for k, name in enumerate(["A2", "B1_1", "B1_2", "B2"]):
        assert logged[-1][f"eval_predicted_{name}"] == (predicted == k).sum()
        of_class = np.array(rows["label"]) == k
        assert logged[-1][f"eval_recall_{name}"] == pytest.approx((predicted[of_class] == k).mean())
        assert output.metrics[f"test_predicted_{name}"] == (predicted == k).sum()


def test_a_class_never_predicted_gets_one_warning(make_model, rows, tmp_path, caplog):
    model = make_model()
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


def test_a_model_that_returns_tuples_is_evaluated(rows, tmp_path):
    class Tuples(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(50, 4)

        def forward(self, input_ids, labels=None):
            logits = self.embedding(input_ids).mean(dim=1)
            return (logits,)

    trainer = BLVTrainer(
        Tuples(),
        settings(tmp_path),
        train_dataset=rows,
        eval_dataset=rows,
        class_counts=[2, 7, 9, 2],
        compute_metrics=make_compute_metrics(["A2", "B1_1", "B1_2", "B2"]),
    )
    trainer.train()
    output = trainer.predict(rows)
    assert output.predictions.shape == (20, 4)
    assert 0 <= output.metrics["test_accuracy"] <= 1


# ---- Saving


def test_a_saved_config_holds_counts_loss_and_decision(make_model, rows, tmp_path):
    trainer = BLVTrainer(make_model(), settings(tmp_path, loss_kwargs={"sigma": 2}), train_dataset=rows)
    trainer.save_model()
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["class_counts"] == [2, 7, 9, 2]
    assert config["training_loss"]["name"] == "blv"
    assert config["training_loss"]["sigma"] == 2
    assert config["training_loss"]["expected_shift"] == pytest.approx(trainer.loss_fn.expected_shift().tolist())
    assert config["decision"] == "raw"
    assert config["id2label"] == {"0": "A2", "1": "B1_1", "2": "B1_2", "3": "B2"}


def test_a_saved_config_names_a_module_of_the_users(make_model, rows, tmp_path):
    BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows, loss=nn.CrossEntropyLoss()).save_model()
    assert json.loads((tmp_path / "config.json").read_text())["training_loss"] == {"name": "CrossEntropyLoss"}


# ---- Misuse


def test_compute_loss_func_is_refused(make_model, rows, tmp_path):
    with pytest.raises(ValueError, match="compute_loss_func was given, but BLVTrainer computes the loss itself"):
        BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows, compute_loss_func=print)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"num_labels": 1}, "head is for regression"),
        ({"num_labels": 4, "problem_type": "regression"}, "head is for regression"),
        ({"num_labels": 4, "problem_type": "multi_label_classification"}, "head is for multi label classification"),
    ],
)
def test_heads_for_other_problems_are_refused(rows, tmp_path, head, message):
    model = BertForSequenceClassification(BertConfig(hidden_size=8, num_attention_heads=1, num_hidden_layers=1, **head))
    with pytest.raises(ValueError, match=message):
        BLVTrainer(model, settings(tmp_path), train_dataset=rows)


def test_a_model_without_a_classification_head_is_refused(rows, tmp_path):
    config = BertConfig(vocab_size=50, hidden_size=8, num_attention_heads=1, num_hidden_layers=1, num_labels=4)
    trainer = BLVTrainer(BertForMaskedLM(config), settings(tmp_path), train_dataset=rows, eval_dataset=rows)
    with pytest.raises(ValueError, match=r"logits of shape \(4, 6, 50\) do not fit 4 class counts"):
        trainer.train()
    with pytest.raises(ValueError, match=r"logits of shape \(8, 6, 50\).*use a sequence classification head"):
        trainer.evaluate()


def test_labels_out_of_range_are_named_before_training(make_model, rows, tmp_path):
    wrong = rows.map(lambda row: {"label": row["label"] + 1})
    with pytest.raises(ValueError, match=r"labels \[4\] of the training set are out of range: the model has 4 classes"):
        BLVTrainer(make_model(), settings(tmp_path), train_dataset=wrong)


def test_labels_out_of_range_are_named_in_evaluation(make_model, rows, tmp_path):
    wrong = rows.map(lambda row: {"label": row["label"] + 1})
    trainer = BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows, eval_dataset=wrong)
    with pytest.raises(ValueError, match=r"labels \[4\] are out of range"):
        trainer.evaluate()


def test_equal_labels_and_empty_classes_are_named(make_model, rows, tmp_path):
    equal = rows.filter(lambda row: row["label"] == 2)
    with pytest.raises(ValueError, match="all training labels are equal"):
        BLVTrainer(make_model(), settings(tmp_path), train_dataset=equal)
    without_class_0 = rows.filter(lambda row: row["label"] != 0)
    with pytest.raises(ValueError, match="class 0 \\(.A2.\\) has no training example"):
        BLVTrainer(make_model(), settings(tmp_path), train_dataset=without_class_0)


def test_class_counts_must_fit_the_model(make_model, rows, tmp_path):
    with pytest.raises(ValueError, match="class_counts has 3 entries, the model 4 classes"):
        BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows, class_counts=[1, 2, 3])
    with pytest.raises(ValueError, match=r"class_counts=\['A2', 'B1'\] cannot be used: give one count for each"):
        BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows, class_counts=["A2", "B1"])


def test_training_without_labels_is_named(make_model, rows, tmp_path):
    args = settings(tmp_path)
    trainer = BLVTrainer(make_model(), args, train_dataset=rows.remove_columns("label"), class_counts=[2, 7, 9, 2])
    with pytest.raises(ValueError, match="the batch has no 'labels', only input_ids, attention_mask"):
        trainer.train()


def test_training_without_counts_is_named(rows, tmp_path):
    with pytest.raises(ValueError, match="has no config.num_labels, so the number of classes is unknown"):
        BLVTrainer(nn.Linear(2, 2), settings(tmp_path), train_dataset=rows)


def test_nan_logits_stop_training_with_the_step(make_model, rows, tmp_path):
    class Poisoned(ImbalanceLoss):
        def adjust_logits(self, logits):
            return logits / 0 if self.step.index == 2 else logits

    trainer = BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows, loss=Poisoned([2, 7, 9, 2]))
    with pytest.raises(FloatingPointError, match="the loss is nan at step 3 of 10, so training stops"):
        trainer.train()
    assert trainer.state.global_step == 2


def test_regression_labels_are_named(make_model, rows, tmp_path):
    floats = Dataset.from_dict({**rows[:], "label": [0.5] * 20})
    with pytest.raises(ValueError, match="column 'label' holds 0.5 where a class index is needed"):
        BLVTrainer(make_model(), settings(tmp_path), train_dataset=floats)
