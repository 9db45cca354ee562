"""How far work is: lines of the log, by a clock that the test holds."""

import logging
import time
from types import SimpleNamespace

import pytest
from datasets import ClassLabel, Dataset, DatasetDict

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.experiments import progress
from blv_trainer.experiments.progress import Progress, TimeLeft, expected_work, in_words, still_at


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only where the test says so."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "blv_trainer.experiments.progress")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_duration_is_said_as_people_say_it():
    said = [in_words(seconds) for seconds in (0.4, 99, 100, 5999, 6000, 86400, 2e5)]
    assert said == ["0 s", "99 s", "2 min", "100 min", "1.7 h", "24.0 h", "2.3 days"]


def test_a_line_is_said_every_ten_seconds_and_later_every_minute(clock, lines):
    work = Progress("features", 1000, "rows")
    for _ in range(1000):
        clock.seconds += 1
        work.add()
    assert lines()[0] == "features: 10 of 1000 rows, about 16 min left"
    assert lines()[1].startswith("features: 20 of 1000 rows, about 16 min")
    assert len(lines()) == 59 + 6  # 590 s by tens, then from 600 s on by sixties


def test_what_is_done_before_ten_seconds_is_not_told(clock, lines):
    work = Progress("features", 100, "rows")
    for _ in range(100):
        clock.seconds += 0.09
        work.add()
    assert lines() == []


def test_who_waits_for_hours_is_told_once_what_is_shorter_beside_a_bar_too(clock, lines):
    state, args = SimpleNamespace(max_steps=1000, global_step=0, is_world_process_zero=True), SimpleNamespace()
    for args.disable_tqdm, expected in ((True, 3), (False, 1)):
        before = len(lines())
        told = TimeLeft("; --preset quick is shorter")
        told.on_train_begin(args, state, None)
        for _ in range(3):
            clock.seconds += 20
            told.on_step_end(args, state, None)
        new = lines()[before:]
        assert new[0] == "training: 1 of 1000 steps, about 5.5 h left; --preset quick is shorter"
        assert (len(new), sum("--preset" in line for line in new)) == (expected, 1)


def test_an_evaluation_is_told_where_no_bar_is(clock, lines):
    state, told = SimpleNamespace(is_world_process_zero=True), TimeLeft("")
    for rows in ([None] * 4, [None] * 3):  # the second one begins anew
        for _ in range(2):
            told.on_prediction_step(SimpleNamespace(disable_tqdm=True), state, None, eval_dataloader=rows)
            clock.seconds += 12
    assert lines() == ["evaluation: 2 of 4 batches, about 12 s left", "evaluation: 2 of 3 batches, about 6 s left"]
    for _ in range(2):
        told.on_prediction_step(SimpleNamespace(disable_tqdm=False), state, None, eval_dataloader=[None] * 4)
        clock.seconds += 12
    assert len(lines()) == 2


def test_what_cannot_be_counted_is_said_to_go_on(monkeypatch, lines):
    monkeypatch.setattr(progress, "_EVERY", 0.01)
    with still_at("the report"):
        time.sleep(0.1)
    count = len(lines())
    assert lines()[0] == "the report: 0 s so far"
    time.sleep(0.05)
    assert len(lines()) == count  # it is over
    with still_at("predictions", range(12_000)):
        time.sleep(0.1)
    assert lines()[-1] == "predictions: 12,000 rows, 0 s so far"


def test_a_long_training_is_foretold_from_few_of_its_rows(save_tiny_bert, tmp_path, monkeypatch):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "milk"]
    model_args = ModelArguments(save_tiny_bert(tmp_path / "encoder", words))
    rows = Dataset.from_dict({"text": ["tea milk"] * 400, "label": [0] * 399 + [1]})
    rows = rows.cast_column("label", ClassLabel(names=["low", "high"]))
    settings = {"loss": "ldam", "use_cpu": True, "report_to": "none", "num_train_epochs": 5}
    settings |= {"per_device_train_batch_size": 4, "eval_strategy": "epoch", "early_stopping_patience": 1}
    settings |= {"save_strategy": "epoch", "load_best_model_at_end": True}
    args = BLVTrainingArguments(str(tmp_path / "out"), **settings)
    clock = SimpleNamespace(seconds=0.0)

    def monotonic():  # asked before and after a step, which takes two seconds
        clock.seconds += 2
        return clock.seconds

    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=monotonic))
    dataset = DatasetDict(train=rows, validation=rows.select(range(60)))
    words = expected_work(dataset, ["low", "high"], model_args, args)  # 6 steps, 12 s, are more than ten
    seconds = 2 * 5 * 100 + 2 / 4 / 3 * 60 * 6  # 100 steps an epoch; six looks at 60 rows
    assert (words, in_words(seconds)) == ("about 18 min here, going by 6 of its steps", "18 min")
    assert not (tmp_path / "out").exists()
    assert (args.num_train_epochs, args.save_strategy, args.output_dir) == (5, "epoch", str(tmp_path / "out"))
