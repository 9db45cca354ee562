"""An output folder that cannot be written to: a sentence and exit code 1 before anything is computed."""

import os

import pytest


@pytest.fixture
def read_only(tmp_path, mount):
    """A folder with one file that cannot be changed, not even by root."""
    folder = tmp_path / "disk"
    (folder / "out").mkdir(parents=True)
    (folder / "out" / "old.txt").write_text("old")
    return mount(folder, ["--bind", str(folder)], ["-o", "remount,ro,bind", str(folder)])


@pytest.mark.parametrize("where", ["out", "new"])
@pytest.mark.parametrize("verb", ["train", "compare", "prepare", "transcribe"])
def test_a_verb_ends_with_a_sentence(verb, where, request, read_only, run_verb, capsys):
    out = read_only / where
    assert run_verb(request.getfixturevalue(f"{verb}_words"), out) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(f"blv-trainer {verb}: {out}")
    assert last.endswith("Read-only file system. Choose another --output_dir, or have it made writable.")
    assert [path.name for path in read_only.rglob("*")] == ["out", "old.txt"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_someone_else_is_a_sentence_too(train_words, run_verb, tmp_path, capsys):
    (tmp_path / "out").mkdir(mode=0o555)
    assert run_verb(train_words, tmp_path / "out") == 1
    assert "Permission denied. Choose another --output_dir" in capsys.readouterr().err
