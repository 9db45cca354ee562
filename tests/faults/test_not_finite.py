"""A loss or a weight that is not finite ends a run, with the step, the rows and the last good checkpoint."""

import re

import pytest
import torch
from datasets import Dataset, concatenate_datasets
from torch import nn

from blv_trainer import BLVTrainer, BLVTrainingArguments, ImbalanceLoss
from blv_trainer.training.checkpoints import fault_of, last_whole_checkpoint
from blv_trainer.training.not_finite import rows_of

COUNTS = [2, 7, 9, 2]


def settings(folder, **more):
    given = {"max_steps": 6, "save_strategy": "steps", "save_steps": 2, "per_device_train_batch_size": 4, **more}
    return BLVTrainingArguments(str(folder), report_to="none", disable_tqdm=True, use_cpu=True, **given)


class PoisonedLoss(ImbalanceLoss):
    """Not finite in the fourth step."""

    value = float("nan")

    def adjust_logits(self, logits):
        return logits * self.value if self.step.index == 3 else logits


class Recorded(BLVTrainer):
    """Remembers the inputs of the step at hand."""

    def training_step(self, model, inputs, num_items_in_batch=None):
        self.last_inputs = inputs
        return super().training_step(model, inputs, num_items_in_batch)


def message_of(trainer):
    with pytest.raises(FloatingPointError) as raised:
        trainer.train()
    return str(raised.value)


def rows_in(message):
    return [int(row) for row in re.search(r"counted from 0: ([\d, ]+)", message)[1].split(",")]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("sampling", ["random", "group_by_length"])
def test_the_message_names_step_rows_and_checkpoint(
    make_mean_pooled, rows, tmp_path, value, accumulation, sampling, monkeypatch
):
    monkeypatch.setattr(PoisonedLoss, "value", value)
    args = settings(tmp_path, gradient_accumulation_steps=accumulation, train_sampling_strategy=sampling)
    trainer = Recorded(make_mean_pooled(), args, train_dataset=rows, loss=PoisonedLoss(COUNTS))
    message = message_of(trainer)
    assert message.startswith(("the loss is nan at step 4 of 6", "the loss is inf at step 4 of 6"))
    assert f"Micro-batch 1 of {accumulation} holds these rows of the training set" in message
    expected = trainer.last_inputs["input_ids"].tolist()
    assert [rows[row]["input_ids"] for row in rows_in(message)] == expected
    assert "The model's logits are finite, so it is the loss that made it" in message
    assert f"The last good checkpoint is {tmp_path / 'checkpoint-2'}." in message
    assert "Try a lower learning rate" in message
    assert trainer.state.global_step == 3


def test_rows_have_their_ids_where_the_data_set_has_any(make_mean_pooled, rows, tmp_path):
    rows = rows.add_column("id", [f"SM_{k:03d}" for k in range(len(rows))])
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows, loss=PoisonedLoss(COUNTS))
    message = message_of(trainer)
    named = re.findall(r"(\d+) \(id SM_(\d+)\)", message)
    assert len(named) == 4
    assert all(int(row) == int(number) for row, number in named)


class PoisonedRow(nn.Module):
    """A classifier whose logits are nan for rows that begin with token 3."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 4)

    def forward(self, input_ids, attention_mask):
        logits = self.embed(input_ids).mean(dim=1)
        return {"logits": torch.where(input_ids[:, :1] == 3, torch.nan, logits)}


def test_the_rows_whose_logits_are_not_finite_are_told_from_the_others(rows, tmp_path):
    trainer = Recorded(PoisonedRow(), settings(tmp_path), train_dataset=rows, class_counts=COUNTS)
    message = message_of(trainer)
    named = re.search(r"; the logits of ([\d, ]+) are not finite", message)[1]
    bad = [rows[int(row)]["input_ids"][0] for row in named.split(",")]
    assert set(bad) == {3}
    assert len(bad) == (trainer.last_inputs["input_ids"][:, 0] == 3).sum()


def test_without_a_checkpoint_the_message_says_so(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path, save_strategy="no")
    trainer = BLVTrainer(make_mean_pooled(), args, train_dataset=rows, loss=PoisonedLoss(COUNTS))
    assert "There is no good checkpoint to go on from" in message_of(trainer)


def test_of_a_stream_what_is_known_is_said(make_mean_pooled, rows, tmp_path):
    stream = rows.to_iterable_dataset()
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=stream, loss=PoisonedLoss(COUNTS))
    assert "Micro-batch 1 of 1 holds 4 rows of a training set whose rows have no numbers" in message_of(trainer)


def test_rows_are_found_behind_padding_on_either_side_and_twins_are_both_named():
    ids = [[5, 6, 7], [8], [5, 6, 7], [9, 9]]
    rows = Dataset.from_dict({"input_ids": ids, "attention_mask": [[1] * len(row) for row in ids]})
    batch = {
        "input_ids": torch.tensor([[0, 0, 8], [5, 6, 7], [9, 9, 0], [4, 4, 4]]),
        "attention_mask": torch.tensor([[0, 0, 1], [1, 1, 1], [1, 1, 0], [1, 1, 1]]),
    }
    assert rows_of(rows, batch) == [[1], [0, 2], [3], []]


def test_rows_of_features_are_found_too():
    features = torch.randn(5, 3)
    rows = [{"features": row, "labels": torch.tensor(0)} for row in features]
    assert rows_of(rows, {"features": features[[4, 1]], "labels": torch.zeros(2)}) == [[4], [1]]


# ---- Gradients that are not finite though the loss is


class PoisonedGradient(ImbalanceLoss):
    """The gradient of the step at hand is infinite in the step ``when``."""

    when = 3

    def adjust_logits(self, logits):
        if self.step.index == self.when:
            logits.register_hook(lambda gradient: gradient * float("inf"))
        return logits


@pytest.mark.parametrize(("when", "good"), [(3, "checkpoint-2"), (5, "checkpoint-4")])
def test_weights_that_are_not_finite_are_never_saved(make_mean_pooled, rows, tmp_path, when, good, monkeypatch):
    monkeypatch.setattr(PoisonedGradient, "when", when)
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows, loss=PoisonedGradient(COUNTS))
    message = message_of(trainer)
    assert f"weights are not finite after step {when + 1}, so training stops: the loss was finite" in message
    assert f"The last good checkpoint is {tmp_path / good}." in message
    assert last_whole_checkpoint(tmp_path) == tmp_path / good


def test_a_run_that_saves_nothing_does_not_end_with_such_weights(make_mean_pooled, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(PoisonedGradient, "when", 5)
    args = settings(tmp_path, save_strategy="no")
    trainer = BLVTrainer(make_mean_pooled(), args, train_dataset=rows, loss=PoisonedGradient(COUNTS))
    assert "weights are not finite after step 6" in message_of(trainer)


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


@pytest.mark.parametrize("loss", ["blv", "cross_entropy", nn.CrossEntropyLoss])
@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_step_without_a_labelled_row_changes_no_weight(make_mean_pooled, rows, tmp_path, loss, accumulation):
    model = make_mean_pooled()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    args = sgd(tmp_path, gradient_accumulation_steps=accumulation)
    after = trained_weights(model, args, without_labels(rows), loss)
    for name in before:
        assert torch.equal(after[name], before[name])


@pytest.mark.parametrize("loss", ["cross_entropy", nn.CrossEntropyLoss])
def test_a_micro_batch_without_a_labelled_row_adds_nothing_to_its_step(make_mean_pooled, rows, tmp_path, loss):
    labelled = rows.select(range(4))
    both = concatenate_datasets([without_labels(rows.select(range(4, 8))), labelled])
    after = trained_weights(make_mean_pooled(), sgd(tmp_path, gradient_accumulation_steps=2), both, loss)
    expected = trained_weights(make_mean_pooled(), sgd(tmp_path), labelled, loss)
    for name in expected:
        torch.testing.assert_close(after[name], expected[name], rtol=0, atol=1e-7)


# ---- Checkpoints that are not whole


@pytest.fixture
def trained(make_mean_pooled, rows, tmp_path):
    BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).train()
    return tmp_path


@pytest.mark.parametrize(
    "name", ["trainer_state.json", "model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "config.json"]
)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_checkpoint_with_a_torn_file_is_passed_over(trained, name, share, caplog):
    path = trained / "checkpoint-6" / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert last_whole_checkpoint(trained) == trained / "checkpoint-4"
    assert f"checkpoint-6 is passed over: {name} is damaged" in caplog.text


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("trainer_state.json", "trainer_state.json is missing, so it was not written to its end"),
        ("model.safetensors", "it holds no weights"),
        ("optimizer.pt", "it holds no state of the optimizer"),
        ("rng_state.pth", "it holds no state of the random numbers"),
    ],
)
def test_a_checkpoint_without_a_file_is_passed_over(trained, name, fault):
    assert fault_of(trained / "checkpoint-6") is None
    (trained / "checkpoint-6" / name).unlink()
    assert fault_of(trained / "checkpoint-6") == fault


def test_a_checkpoint_of_fewer_processes_is_passed_over(trained):
    checkpoint = trained / "checkpoint-6"
    (checkpoint / "rng_state.pth").rename(checkpoint / "rng_state_0.pth")
    assert fault_of(checkpoint, num_processes=2) == "rng_state_1.pth is missing"


def test_padded_batches_name_their_rows(make_mean_pooled, tmp_path):
    tokens = [[k % 46 + 4] * (k % 5 + 1) for k in range(20)]
    rows = Dataset.from_dict(
        {"input_ids": tokens, "attention_mask": [[1] * len(row) for row in tokens], "label": [0, 1, 2, 3] * 5}
    )

    def pad(batch):
        longest = max(len(row["input_ids"]) for row in batch)
        padded = {
            name: torch.tensor([row[name] + [0] * (longest - len(row[name])) for row in batch])
            for name in ("input_ids", "attention_mask")
        }
        return {**padded, "labels": torch.tensor([row["label"] for row in batch])}

    trainer = Recorded(
        make_mean_pooled(), settings(tmp_path), train_dataset=rows, data_collator=pad, loss=PoisonedLoss([5] * 4)
    )
    numbers = rows_in(message_of(trainer))
    lengths = trainer.last_inputs["attention_mask"].sum(dim=1).tolist()
    assert [len(rows[row]["input_ids"]) for row in numbers] == lengths
    assert [rows[row]["input_ids"][0] for row in numbers] == trainer.last_inputs["input_ids"][:, 0].tolist()
