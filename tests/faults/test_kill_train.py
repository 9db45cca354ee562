"""``train`` killed at any moment and given again leaves what an undisturbed run leaves."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")

RESULTS = ("metrics.json", "predictions.parquet", "config.json", "model.safetensors")


def whole_checkpoints(at_kill):
    """Steps whose checkpoint had its last file at the kill; that file may still have been torn."""
    return [int(name.split("/")[0].split("-")[1]) for name in at_kill if name.endswith("trainer_state.json")]


def check(trial, undisturbed):
    out = Path(trial["trial"], "out")
    if "metrics.json" in trial["at_kill"] and "_incomplete" not in trial["at_kill"]:
        assert trial["again"] == 2, trial["log"]
        assert "already holds a run (metrics.json)" in trial["log"]
        for name in RESULTS:  # it was finished: nothing is done again
            status = (out / name).stat()
            assert trial["at_kill"][name] == [status.st_mtime_ns, status.st_ino]
    else:
        assert trial["again"] == 0, trial["log"]
    for name in RESULTS:
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), (name, trial["log"])
    assert not [path for path in out.rglob("*") if "unfinished" in path.name or path.name.startswith("_")]


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_and_given_again_the_results_are_equal_byte_for_byte(kills, train_words, kill_and_repeat, tmp_path):
    undisturbed, trials = kill_and_repeat(train_words, tmp_path, kills=kills)
    for trial in trials:
        check(trial, undisturbed)
        if "resuming from" in trial["log"]:
            step = int(trial["log"].split("resuming from checkpoint-")[1].split()[0])
            assert step >= max(whole_checkpoints(trial["at_kill"])) - 2  # the last may have been torn
    print(f"{kills} kills, {sum('resuming from' in trial['log'] for trial in trials)} resumed from a checkpoint")
