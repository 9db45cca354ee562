"""``prepare`` killed at any moment and given again leaves what an undisturbed one leaves."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")


def content(out):
    files = {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    return {**files, "config.yaml": files["config.yaml"].replace(os.fsencode(out), b"{out}")}


@pytest.mark.slow
def test_killed_and_given_again_the_files_are_equal_byte_for_byte(prepare_words, kill_and_repeat, tmp_path):
    undisturbed, trials = kill_and_repeat(prepare_words, tmp_path, kills=6)
    expected = content(undisturbed)
    assert len(expected) == 7  # card, report, split, settings and three splits
    for trial in trials:
        if expected.keys() <= trial["at_kill"].keys() and "_incomplete" not in trial["at_kill"]:  # it was finished
            assert trial["again"] == 2, trial["log"]
            assert "is not empty: choose another --output_dir" in trial["log"]
        else:
            assert trial["again"] == 0, trial["log"]
        assert content(Path(trial["trial"], "out")) == expected
