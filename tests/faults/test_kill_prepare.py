"""``prepare`` killed at any moment and given again leaves what an undisturbed one leaves."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")


def content(out):
    files = {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    return {**files, "config.yaml": files["config.yaml"].replace(os.fsencode(out), b"{out}")}


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_and_given_again_the_files_are_equal_byte_for_byte(kills, prepare_words, kill_and_repeat, tmp_path):
    undisturbed, trials = kill_and_repeat(prepare_words, tmp_path, kills=kills)
    expected = content(undisturbed)
    assert len(expected) == 7  # card, report, split, settings and three splits
    for trial in trials:
        if expected.keys() <= trial["at_kill"].keys() and "_incomplete" not in trial["at_kill"]:  # it was finished
            assert trial["again"] == 2, trial["log"]
            assert "is not empty: choose another --output_dir" in trial["log"]
        else:
            assert trial["again"] == 0, trial["log"]
        assert content(Path(trial["trial"], "out")) == expected


def test_a_folder_of_someone_else_is_left_alone(prepare_words, run_verb, tmp_path, capsys):
    (tmp_path / "README.md").write_text("mine")
    assert run_verb(prepare_words, tmp_path) == 2
    assert "is not empty: choose another --output_dir or add --overwrite_output_dir" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
