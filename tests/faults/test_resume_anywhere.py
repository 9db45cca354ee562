"""A run that goes on from any checkpoint, in whatever order rows come, ends as one that nobody stopped."""

import pytest
import torch

from blv_trainer import BLVTrainer, BLVTrainingArguments

STEPS = 8  # two epochs of four steps


def trained(make_model, rows, folder, resume=None, **more):
    plain = {"num_train_epochs": 2, "per_device_train_batch_size": 5, "learning_rate": 1e-2, "use_cpu": True}
    plain |= {"save_strategy": "steps", "save_steps": 1, "eval_strategy": "epoch"}
    plain |= {"loss_kwargs": {"scope": "element", "sigma_schedule": "cosine"}}
    args = BLVTrainingArguments(str(folder), report_to="none", disable_tqdm=True, **plain | more)
    trainer = BLVTrainer(make_model(dropout=0.1), args, train_dataset=rows, eval_dataset=rows)
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def scores(trainer):
    return [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]


WHEN = {
    "after steps": {},
    "evaluated between": {"eval_strategy": "steps", "eval_steps": 3},
    "not evaluated": {"eval_strategy": "no"},
    "after epochs": {"save_strategy": "epoch"},
    "accumulated": {"save_steps": 2, "gradient_accumulation_steps": 2, "per_device_train_batch_size": 2},
}


@pytest.mark.parametrize(
    ("sampling", "when", "steps"),
    [
        ("group_by_length", "after steps", (4, 6)),  # between epochs and within one
        ("random", "accumulated", (4,)),
        *[
            pytest.param(sampling, when, None, marks=pytest.mark.slow)
            for sampling in ("random", "group_by_length")
            for when in WHEN
        ],
    ],
)
def test_a_run_ends_alike_from_every_checkpoint(make_mean_pooled, rows, tmp_path, sampling, when, steps):
    rows = rows.add_column("length", [k * 7 % 5 for k in range(len(rows))])  # so that there is something to group by

    def run(folder, resume=None):
        return trained(make_mean_pooled, rows, folder, resume, train_sampling_strategy=sampling, **WHEN[when])

    whole = run(tmp_path / "whole")
    found = {int(path.name.removeprefix("checkpoint-")): path for path in (tmp_path / "whole").glob("checkpoint-*")}
    assert len(found) >= 2
    for step in steps or found:
        resumed = run(tmp_path / f"from_{step}", str(found[step]))
        for (name, weight), expected in zip(resumed.model.named_parameters(), whole.model.parameters(), strict=True):
            assert torch.equal(weight, expected), (step, name)
        assert scores(resumed) == scores(whole), step


def test_true_stands_for_the_last_whole_checkpoint(make_mean_pooled, rows, tmp_path):
    whole = trained(make_mean_pooled, rows, tmp_path)
    (tmp_path / f"checkpoint-{STEPS}" / "checkpoint_whole.json").unlink()
    resumed = trained(make_mean_pooled, rows, tmp_path, True)
    assert resumed.state.global_step == STEPS
    for weight, expected in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(weight, expected)
