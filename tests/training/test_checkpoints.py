"""Which checkpoints training goes on from, and which stay."""

import os
import time

import pytest
from transformers import Trainer, TrainingArguments

from blv_trainer import BLVTrainer, BLVTrainingArguments
from blv_trainer.training import last_whole_checkpoint
from blv_trainer.training.checkpoints import checkpoints, is_whole

AN_HOUR_AGO = time.time() - 3600


def settings(folder, cls=BLVTrainingArguments, **more):
    given = {"max_steps": 6, "save_strategy": "steps", "save_steps": 2, "report_to": "none", "disable_tqdm": True}
    return cls(str(folder), use_cpu=True, **{**given, **more})


def trained(model, rows, folder, **more):
    trainer = BLVTrainer(model, settings(folder, **more), train_dataset=rows)
    trainer.train()
    return trainer


def test_the_newest_checkpoint_by_step_counts_whatever_the_clock_says(make_mean_pooled, rows, tmp_path):
    trained(make_mean_pooled(), rows, tmp_path)
    for step, path in checkpoints(tmp_path).items():
        os.utime(path, times=(AN_HOUR_AGO - 3600 * step,) * 2)
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-6"
    assert last_whole_checkpoint(tmp_path, num_processes=2) is None


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
    assert list(checkpoints(tmp_path)) == [2]
    with pytest.raises(ValueError, match=r"no checkpoint in .* was written to its end by BLVTrainer in 1 process"):
        BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).train(resume_from_checkpoint=True)


def test_plain_trainers_checkpoints_are_gone_on_from_by_their_path(make_mean_pooled, rows, tmp_path):
    Trainer(make_mean_pooled(), settings(tmp_path, TrainingArguments, max_steps=2), train_dataset=rows).train()
    with pytest.raises(ValueError, match="name one by its path, or start anew"):
        BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).train(resume_from_checkpoint=True)
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path, max_steps=3), train_dataset=rows)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert trainer.state.global_step == 3


def test_leftovers_of_an_earlier_attempt_go_before_what_this_one_saved(make_mean_pooled, rows, tmp_path):
    for step in (2, 4, 8):
        (tmp_path / f"checkpoint-{step}").mkdir()
    trainer = trained(make_mean_pooled(), rows, tmp_path, max_steps=4, save_total_limit=2)
    assert list(checkpoints(tmp_path)) == [2, 4]
    assert all(is_whole(path) for path in checkpoints(tmp_path).values())
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
    assert list(checkpoints(tmp_path)) == [2, 6]
