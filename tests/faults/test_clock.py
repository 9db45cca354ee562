"""A clock that was set back decides nothing: what is newest is told by number, what is stale by content."""

import os
import time
from types import SimpleNamespace

import pytest

from blv_trainer import BLVTrainer, BLVTrainingArguments
from blv_trainer.asr.store import TranscriptStore
from blv_trainer.training.checkpoints import checkpoints, last_whole_checkpoint

AN_HOUR_AGO = time.time() - 3600


def settings(folder, **more):
    return BLVTrainingArguments(
        str(folder), max_steps=6, save_strategy="steps", save_steps=2, save_total_limit=1, disable_tqdm=True,
        report_to="none", use_cpu=True, **more,
    )  # fmt: skip


@pytest.fixture
def clock_goes_back(monkeypatch):
    """Gives what is written an hour less with each checkpoint."""
    save = BLVTrainer.save_model

    def save_and_set_back(self, output_dir=None, _internal_call=False):
        save(self, output_dir, _internal_call)
        for step, path in checkpoints(self.args.output_dir).items():
            os.utime(path, times=(AN_HOUR_AGO - 3600 * step,) * 2)

    monkeypatch.setattr(BLVTrainer, "save_model", save_and_set_back)


def test_the_checkpoint_that_stays_is_the_last_by_step(make_mean_pooled, rows, tmp_path, clock_goes_back):
    BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows).train()
    assert [path.name for path in checkpoints(tmp_path).values()] == ["checkpoint-6"]


def test_the_best_checkpoint_stays_too(make_mean_pooled, rows, tmp_path, clock_goes_back):
    best = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 2, "metric_for_best_model": "step"}
    trainer = BLVTrainer(
        make_mean_pooled(),
        settings(tmp_path, **best, greater_is_better=False),
        train_dataset=rows,
        eval_dataset=rows,
        compute_metrics=lambda prediction: {"step": trainer.state.global_step},
    )
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / "checkpoint-2")
    assert (tmp_path / "checkpoint-2").is_dir()


def test_training_goes_on_from_the_last_step_not_the_youngest_folder(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path)
    args.save_total_limit = None
    BLVTrainer(make_mean_pooled(), args, train_dataset=rows).train()
    for step, path in checkpoints(tmp_path).items():
        os.utime(path, times=(AN_HOUR_AGO - 3600 * step,) * 2)
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-6"


def test_the_later_transcript_of_a_recording_counts(tmp_path, monkeypatch):
    row = {"id": "a", "options_hash": "1f", "audio_fingerprint": "c0"}
    for text, now in (("old", 2_000_000_000.0), ("new", 1_000_000_000.0)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        monkeypatch.setattr(time, "time_ns", lambda now=now: int(now * 1e9))
        store = TranscriptStore(tmp_path)
        store.append({**row, "text": text})
        store.close()
    assert TranscriptStore(tmp_path).rows("1f")["a"]["text"] == "new"


def test_a_part_that_was_named_by_the_time_comes_before_a_new_one(tmp_path):
    row = {"id": "a", "options_hash": "1f", "audio_fingerprint": "c0"}
    store = TranscriptStore(tmp_path)
    store.append({**row, "text": "old"})
    store.close()
    (part,) = (tmp_path / "parts").iterdir()
    part.rename(part.with_name(f"{time.time_ns()}-0-1.jsonl"))
    store.append({**row, "text": "new"})
    assert store.rows("1f")["a"]["text"] == "new"


def test_a_corpus_file_that_became_older_is_read_again(corpus):
    from blv_trainer.corpora.icnale.config import IcnaleConfig

    ids = []
    text = sorted(corpus.rglob("*.txt"))[0]
    for times in (time.time(), AN_HOUR_AGO):
        os.utime(text, times=(times, times))
        ids.append(IcnaleConfig(name="default", data_dir=str(corpus)).create_config_id({}))
    assert ids[0] != ids[1]


def test_leftovers_of_an_earlier_attempt_go_before_what_this_one_saved(tmp_path):
    from blv_trainer.training.checkpoints import saved_whole

    for step in (2, 4, 6):
        (tmp_path / f"checkpoint-{step}").mkdir()
    state = SimpleNamespace(global_step=4, best_model_checkpoint=None)
    args = SimpleNamespace(save_total_limit=2, should_save=True)
    trainer = SimpleNamespace(args=args, state=state, accelerator=SimpleNamespace(wait_for_everyone=lambda: None))
    with saved_whole(trainer, tmp_path):
        assert args.save_total_limit is None  # Trainer is to drop nothing by itself
        (tmp_path / "checkpoint-4").mkdir()
    assert sorted(checkpoints(tmp_path)) == [2, 4]
    assert args.save_total_limit == 2
