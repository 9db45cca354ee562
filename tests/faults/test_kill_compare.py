"""``compare`` killed at any moment and given again leaves the runs and tables of an undisturbed one."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")

RESULTS = ("metrics.json", "predictions.parquet")
TABLES = ("report/table.md", "report/table.csv", "report/results.json")


def results(out):
    """Paths, relative to the folder, of what has to be equal."""
    runs = [str(path.parent.relative_to(out)) for path in sorted(out.glob("runs/*/*/metrics.json"))]
    return [*TABLES, *(f"{run}/{name}" for run in runs for name in RESULTS)]


def check(trial, undisturbed):
    out = Path(trial["trial"], "out")
    assert trial["again"] == 0, trial["log"]
    assert results(out) == results(undisturbed)
    for name in results(undisturbed):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), (name, trial["log"])
    assert not [path for path in out.rglob("*") if "unfinished" in path.name or path.name.startswith("_")]
    for name in trial["at_kill"]:
        run = name.rpartition("/")[0]
        if name.endswith("metrics.json") and f"{run}/_incomplete" not in trial["at_kill"]:
            for result in RESULTS:  # a finished run is not done again
                status = (out / run / result).stat()
                assert trial["at_kill"][f"{run}/{result}"] == [status.st_mtime_ns, status.st_ino]


@pytest.mark.slow  # a single kill is in the tests of the command line
def test_killed_and_given_again_the_results_are_equal_byte_for_byte(compare_words, kill_and_repeat, tmp_path):
    undisturbed, trials = kill_and_repeat(compare_words, tmp_path, kills=20)
    assert len(results(undisturbed)) == len(TABLES) + 4 * len(RESULTS)
    for trial in trials:
        check(trial, undisturbed)
    print(f"20 kills, {sum('resuming from' in trial['log'] for trial in trials)} resumed from a checkpoint")
