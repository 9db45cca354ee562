"""Which checkpoints training goes on from, and which stay."""

import math
import os
import shutil
import time

import pytest
import torch
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

from blv_trainer import BLVTrainer, BLVTrainingArguments
from blv_trainer.training import last_whole_checkpoint
from blv_trainer.training.checkpoints import _drop_older, is_whole

AN_HOUR_AGO = time.time() - 3600


def settings(folder, cls=BLVTrainingArguments, **more):
    given = {"max_steps": 6, "save_strategy": "steps", "save_steps": 2, "report_to": "none", "disable_tqdm": True}
    return cls(str(folder), use_cpu=True, **{**given, **more})


def steps_saved(folder):
    return sorted(int(path.name.removeprefix("checkpoint-")) for path in folder.glob("checkpoint-*"))


def trained(model, rows, folder, **more):
    trainer = BLVTrainer(model, settings(folder, **more), train_dataset=rows)
    trainer.train()
    return trainer


def test_the_newest_checkpoint_by_step_counts_whatever_the_clock_says(make_mean_pooled, rows, tmp_path):
    trained(make_mean_pooled(), rows, tmp_path)
    for step in steps_saved(tmp_path):
        os.utime(tmp_path / f"checkpoint-{step}", times=(AN_HOUR_AGO - 3600 * step,) * 2)
    shutil.copytree(tmp_path / "checkpoint-6", tmp_path / "checkpoint-7-mine")  # by hand: neither used nor dropped
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-6"
    assert last_whole_checkpoint(tmp_path, num_processes=2) is None
    _drop_older(tmp_path / "checkpoint-6", 1, best=None)
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-6", "checkpoint-7-mine"}


def test_a_checkpoint_not_written_to_its_end_is_passed_over(make_mean_pooled, rows, tmp_path, monkeypatch, caplog):
    class Stopped(BLVTrainer):
        def _save_rng_state(self, output_dir):
            if self.state.global_step == 6:
                raise KeyboardInterrupt
            super()._save_rng_state(output_dir)

    trainer = Stopped(make_mean_pooled(), settings(tmp_path), train_dataset=rows)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert (tmp_path / "checkpoint-6" / "model.safetensors").is_file()
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-4"
    assert "checkpoint-6 is passed over: 1 process(es) did not write it to its end" in caplog.text


def test_a_checkpoint_without_optimizer_is_none_to_go_on_from(make_mean_pooled, rows, tmp_path):
    trained(make_mean_pooled(), rows, tmp_path, save_only_model=True, max_steps=2)
    assert steps_saved(tmp_path) == [2]
    with pytest.raises(ValueError, match=r"^No valid checkpoint found in output directory .* 1 process.* save_only"):
        BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).train(resume_from_checkpoint=True)


def test_plain_trainers_checkpoints_are_gone_on_from_by_their_path(make_mean_pooled, rows, tmp_path):
    Trainer(make_mean_pooled(), settings(tmp_path, TrainingArguments, max_steps=2), train_dataset=rows).train()
    with pytest.raises(ValueError, match="Name one by its path, or start anew"):
        BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).train(resume_from_checkpoint=True)
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path, max_steps=3), train_dataset=rows)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert trainer.state.global_step == 3


def test_leftovers_of_an_earlier_attempt_go_before_what_this_one_saved(make_mean_pooled, rows, tmp_path):
    for step in (2, 4, 8):
        (tmp_path / f"checkpoint-{step}").mkdir()
    trainer = trained(make_mean_pooled(), rows, tmp_path, max_steps=4, save_total_limit=2)
    assert steps_saved(tmp_path) == [2, 4]
    assert all(is_whole(path) for path in tmp_path.glob("checkpoint-*"))
    assert trainer.args.save_total_limit == 2


def test_the_last_and_the_best_checkpoint_stay(make_mean_pooled, rows, tmp_path):
    best = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 2, "metric_for_best_model": "step"}
    trainer = BLVTrainer(
        make_mean_pooled(),
        settings(tmp_path, **best, greater_is_better=False, save_total_limit=2),
        train_dataset=rows,
        eval_dataset=rows,
        compute_metrics=lambda prediction: {"step": trainer.state.global_step},
    )
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / "checkpoint-2")
    assert steps_saved(tmp_path) == [2, 6]


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize(("learning_rate", "last_step"), [(0.0, 8), (1e-3, 12)])  # as long as the loss falls it goes on
def test_training_ends_where_no_checkpoint_was_better_for_a_while(
    make_mean_pooled, rows, tmp_path, resumed, learning_rate, last_step
):
    best = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 2, "metric_for_best_model": "how"}
    best |= {"greater_is_better": True, "early_stopping_patience": 2, "learning_rate": learning_rate}
    scores = {2: 0.1, 4: 0.3, 6: 0.2, 8: 0.3, 10: 0.1, 12: 0.1}

    def make():
        trainer = BLVTrainer(
            make_mean_pooled(),
            settings(tmp_path, **best, max_steps=12, lr_scheduler_type="constant"),
            train_dataset=rows,
            eval_dataset=rows,
            compute_metrics=lambda prediction: {"how": scores[trainer.state.global_step]},
        )
        return trainer

    trainer = make()
    trainer.train()
    if resumed:  # the evaluation before counts
        trainer = make()
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-6"))
    assert trainer.state.global_step == last_step
    assert trainer.state.best_global_step == 4


# ---- Nothing is left to train


@pytest.mark.parametrize("more", [{"max_steps": 7}, {"max_steps": -1, "num_train_epochs": 1.5}, {"max_steps": 5}])
def test_a_finished_run_trains_no_further_step(make_mean_pooled, rows, tmp_path, more):
    more = {"per_device_train_batch_size": 4, "save_strategy": "steps", "save_steps": 1, **more}  # five steps an epoch
    first = trained(make_mean_pooled(), rows, tmp_path, **more)
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path, **more), train_dataset=rows)
    output = trainer.train(resume_from_checkpoint=True)
    assert output.global_step == trainer.state.global_step == first.state.max_steps
    assert math.isnan(output.training_loss)
    assert "train_loss" not in output.metrics
    for name, weight in first.model.state_dict().items():
        assert torch.equal(weight, trainer.model.state_dict()[name])
    assert trainer.evaluate(rows)["eval_loss"] == first.evaluate(rows)["eval_loss"]


def test_a_finished_run_gives_its_best_model_and_more_steps_where_they_are_asked_for(make_mean_pooled, rows, tmp_path):
    best = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 2, "greater_is_better": False}

    def run(max_steps, **how):
        given = {"train_dataset": rows, "eval_dataset": rows}
        args = settings(tmp_path, **best, metric_for_best_model="step", max_steps=max_steps)
        trainer = BLVTrainer(
            make_mean_pooled(), args, **given, compute_metrics=lambda _: {"step": trainer.state.global_step}
        )
        trainer.train(**how)
        return trainer

    of_step_2 = run(4).model.state_dict()
    again = run(4, resume_from_checkpoint=True)
    assert again.state.global_step == 4
    assert all(torch.equal(weight, again.model.state_dict()[name]) for name, weight in of_step_2.items())
    assert run(6, resume_from_checkpoint=True).state.global_step == 6


def test_a_run_that_stopped_early_trains_no_further_step_unless_it_gets_more_patience(make_mean_pooled, rows, tmp_path):
    best = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 2, "metric_for_best_model": "same"}
    given = {"train_dataset": rows, "eval_dataset": rows, "compute_metrics": lambda _: {"same": 1.0}}
    again = {"resume_from_checkpoint": True}
    for how, patience, steps in (({}, 1, 4), (again, 1, 4), (again, 3, 6)):
        stopper = EarlyStoppingCallback(early_stopping_patience=patience)
        trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path, **best), **given, callbacks=[stopper])
        trainer.train(**how)
        assert trainer.state.global_step == steps


# ---- Drop-in


def test_the_list_of_callbacks_is_trainers(make_mean_pooled, rows, tmp_path):
    ours = BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).callback_handler.callbacks
    theirs = Trainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).callback_handler.callbacks
    assert [type(callback) for callback in ours] == [type(callback) for callback in theirs]


def test_an_empty_folder_has_no_checkpoint_in_trainers_words(make_mean_pooled, rows, tmp_path):
    with pytest.raises(ValueError, match="^No valid checkpoint found in output directory"):
        BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).train(resume_from_checkpoint=True)
