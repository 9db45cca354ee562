"""A loss or a weight that is not finite ends a run, with the step, the last good checkpoint and the cure."""

import pytest
import torch
from datasets import concatenate_datasets
from torch import nn

from blv_trainer import BLVTrainer, BLVTrainingArguments, ImbalanceLoss
from blv_trainer.training import last_whole_checkpoint

COUNTS = [2, 7, 9, 2]


def settings(folder, **more):
    given = {"max_steps": 6, "save_strategy": "steps", "save_steps": 2, "per_device_train_batch_size": 4, **more}
    return BLVTrainingArguments(str(folder), report_to="none", disable_tqdm=True, use_cpu=True, **given)


class PoisonedLoss(ImbalanceLoss):
    """Not finite in the fourth step."""

    value = float("nan")

    def adjust_logits(self, logits):
        return logits * self.value if self.step.index == 3 else logits


class PoisonedGradient(ImbalanceLoss):
    """The gradient of the step at hand is infinite in the step ``when``."""

    when = 3

    def adjust_logits(self, logits):
        if self.step.index == self.when:
            logits.register_hook(lambda gradient: gradient * float("inf"))
        return logits


def message_of(trainer):
    with pytest.raises(FloatingPointError) as raised:
        trainer.train()
    return str(raised.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_message_names_step_checkpoint_and_cure(make_mean_pooled, rows, tmp_path, value, monkeypatch):
    monkeypatch.setattr(PoisonedLoss, "value", value)
    args = settings(tmp_path, gradient_accumulation_steps=2)
    trainer = BLVTrainer(make_mean_pooled(), args, train_dataset=rows, loss=PoisonedLoss(COUNTS))
    message = message_of(trainer)
    assert message.startswith(("the loss is nan at step 4 of 6", "the loss is inf at step 4 of 6"))
    assert f"The last good checkpoint is {tmp_path / 'checkpoint-2'}." in message
    assert "Try a lower learning rate" in message
    assert trainer.state.global_step == 3


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (PoisonedLoss, "the loss is nan at step 4 of 6, so training stops. There is no good checkpoint to go on from"),
        (PoisonedGradient, "weights are not finite after step 6, so training stops: the loss was finite, its gradient"),
    ],
)
def test_a_run_that_saves_nothing_stops_too(make_mean_pooled, rows, tmp_path, loss, message, monkeypatch):
    monkeypatch.setattr(PoisonedGradient, "when", 5)  # the last step, which no loss follows
    args = settings(tmp_path, save_strategy="no")
    trainer = BLVTrainer(make_mean_pooled(), args, train_dataset=rows, loss=loss(COUNTS))
    assert message in message_of(trainer)


@pytest.mark.parametrize(("when", "good"), [(3, "checkpoint-2"), (5, "checkpoint-4")])
def test_weights_that_are_not_finite_are_never_saved(make_mean_pooled, rows, tmp_path, when, good, monkeypatch):
    monkeypatch.setattr(PoisonedGradient, "when", when)
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows, loss=PoisonedGradient(COUNTS))
    message = message_of(trainer)
    assert f"weights are not finite after step {when + 1}, so training stops: the loss was finite" in message
    assert f"The last good checkpoint is {tmp_path / good}." in message
    assert last_whole_checkpoint(tmp_path) == tmp_path / good


# ---- Steps without a labelled row


def sgd(folder, **more):
    plain = {"optim": "sgd", "learning_rate": 0.1, "lr_scheduler_type": "constant", "max_grad_norm": 0, "max_steps": 1}
    return settings(folder, save_strategy="no", **plain, **more)


def trained_weights(model, args, rows, loss):
    """Weights after training on rows in their order."""
    given = {"loss": loss} if isinstance(loss, str) else {"loss": loss()}
    trainer = BLVTrainer(model, args, train_dataset=rows, class_counts=COUNTS, **given)
    trainer._get_train_sampler = lambda *args, **kwargs: torch.utils.data.SequentialSampler(rows)
    trainer.train()
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def without_labels(rows):
    return rows.remove_columns("label").add_column("label", [-100] * len(rows))


@pytest.mark.parametrize("loss", ["blv", nn.CrossEntropyLoss])
def test_a_step_without_a_labelled_row_changes_no_weight(make_mean_pooled, rows, tmp_path, loss):
    args = sgd(tmp_path, gradient_accumulation_steps=2)
    after = trained_weights(make_mean_pooled(), args, without_labels(rows), loss)
    for name, weight in make_mean_pooled().named_parameters():
        assert torch.equal(after[name], weight)


@pytest.mark.parametrize("loss", ["cross_entropy", nn.CrossEntropyLoss])
def test_a_micro_batch_without_a_labelled_row_adds_nothing_to_its_step(make_mean_pooled, rows, tmp_path, loss):
    labelled = rows.select(range(4))
    both = concatenate_datasets([without_labels(rows.select(range(4, 8))), labelled])
    after = trained_weights(make_mean_pooled(), sgd(tmp_path, gradient_accumulation_steps=2), both, loss)
    expected = trained_weights(make_mean_pooled(), sgd(tmp_path), labelled, loss)
    for name in expected:
        torch.testing.assert_close(after[name], expected[name], rtol=0, atol=1e-7)
