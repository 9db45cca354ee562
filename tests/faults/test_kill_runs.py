"""``train`` and ``compare`` killed at any moment and given again leave what undisturbed ones leave."""

import os
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")]

OF_TRAIN = ("metrics.json", "predictions.parquet", "config.json", "model.safetensors")
OF_COMPARE = ("metrics.json", "predictions.parquet")  # of each run
TABLES = ("report/table.md", "report/table.csv", "report/results.json")


def finished_runs(at_kill):
    """Folders of the runs that were finished at the kill; "" is the output folder itself."""
    written = [name for name in at_kill if name.endswith("metrics.json") and ".unfinished/" not in name]
    folders = [name.removesuffix("metrics.json") for name in written]
    return [folder for folder in folders if f"{folder}_incomplete" not in at_kill]


def check(trial, undisturbed, *, runs, of_run, tables=()):
    out = Path(trial["trial"], "out")
    for name in [*tables, *(f"{run}{name}" for run in runs for name in of_run)]:
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), (name, trial["log"])
    assert not [path for path in out.rglob("*") if "unfinished" in path.name or path.name.startswith("_")]
    for run in finished_runs(trial["at_kill"]):  # they are not done again
        for name in of_run:
            status = (out / f"{run}{name}").stat()
            assert trial["at_kill"][f"{run}{name}"] == [status.st_mtime_ns, status.st_ino]


def test_train_killed_and_given_again_leaves_equal_bytes(train_words, kill_and_repeat, tmp_path):
    undisturbed, trials = kill_and_repeat(train_words, tmp_path, kills=6)
    for trial in trials:
        check(trial, undisturbed, runs=[""], of_run=OF_TRAIN)
        was_finished = finished_runs(trial["at_kill"]) == [""]
        assert trial["again"] == (2 if was_finished else 0), trial["log"]
        assert ("already holds a run (metrics.json)" in trial["log"]) == was_finished
        if "resuming from" in trial["log"]:
            step = trial["log"].split("resuming from checkpoint-")[1].split()[0]
            whole = [name.split("/")[0] for name in trial["at_kill"] if name.endswith("/checkpoint_whole.json")]
            assert int(step) == max(int(name.removeprefix("checkpoint-")) for name in whole)


def test_compare_killed_and_given_again_leaves_equal_bytes(compare_words, kill_and_repeat, tmp_path):
    undisturbed, trials = kill_and_repeat(compare_words, tmp_path, kills=6)
    runs = [f"{path.parent.relative_to(undisturbed)}/" for path in undisturbed.glob("runs/*/*/metrics.json")]
    assert len(runs) == 4
    for trial in trials:
        assert trial["again"] == 0, trial["log"]
        check(trial, undisturbed, runs=runs, of_run=OF_COMPARE, tables=TABLES)
