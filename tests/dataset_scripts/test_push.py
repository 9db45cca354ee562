"""Pushing is private unless told otherwise in so many words."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "dataset_scripts" / "icnale_asa" / "push.py"


@pytest.fixture(scope="module")
def push():
    spec = importlib.util.spec_from_file_location("push", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path):
    """As build.py leaves it, with bytes for Parquet files."""
    folder = tmp_path / "build"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: other\n---\n")
    for name in ("report.json", "config.yaml", "split.tsv", "data/train-00000-of-00001.parquet"):
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize("right", [[], ["--i-have-the-right-to-publish"]])  # the right alone publishes nothing
def test_dataset_is_private_and_report_and_settings_stay_here(push, hub, folder, capsys, right):
    assert push.main([str(folder), "alice/x", *right]) == 0
    dataset = hub.dataset("alice/x")
    assert dataset.is_private
    assert dataset.files == [".gitattributes", "README.md", "data/train-00000-of-00001.parquet"]
    assert len(dataset.commits) == 2
    assert capsys.readouterr().out == f"{hub.url}/datasets/alice/x\n"


def test_public_without_the_right_is_refused(push, hub, folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        push.main([str(folder), "alice/x", "--public"])
    assert "ICNALE forbids redistribution" in capsys.readouterr().err
    assert hub.requests() == []


def test_public_with_the_right_is_public(push, hub, folder):
    push.main([str(folder), "alice/x", "--public", "--i-have-the-right-to-publish"])
    assert not hub.dataset("alice/x").is_private


def test_nothing_is_pushed_to_a_dataset_that_is_public_already(push, hub, folder):
    push.push(folder, "alice/x", is_public=True)
    (folder / "data/train-00000-of-00001.parquet").write_text("more")
    with pytest.raises(PermissionError, match="alice/x is public, and a private push was asked for"):
        push.main([str(folder), "alice/x"])
    assert len(hub.dataset("alice/x").commits) == 2


def test_a_split_that_is_no_more_is_removed_and_other_files_stay(push, hub, folder):
    extra = folder / "data/fold_1-00000-of-00001.parquet"
    extra.write_text("extra")
    push.push(folder, "alice/x")
    dataset = hub.dataset("alice/x")
    dataset.commit(dataset.at("main")["tree"] | {"NOTES.md": dataset.at("main")["tree"]["README.md"]}, "by hand")
    extra.unlink()
    push.push(folder, "alice/x")
    assert dataset.files == [".gitattributes", "NOTES.md", "README.md", "data/train-00000-of-00001.parquet"]


def test_a_failed_push_leaves_the_earlier_build_as_it_was(push, hub, folder):
    push.push(folder, "alice/x")
    (folder / "data/train-00000-of-00001.parquet").write_text("more")
    hub.inject("/commit/", status=503)
    with pytest.raises(ConnectionError, match="the Hub is in trouble and answers 503"):
        push.push(folder, "alice/x")
    assert hub.dataset("alice/x").read("data/train-00000-of-00001.parquet") == b"data/train-00000-of-00001.parquet"


def test_a_path_of_this_computer_is_refused(push, hub, folder):
    (folder / "README.md").write_text("---\nlicense: other\n---\nread from /home/ann/ICNALE")
    with pytest.raises(ValueError, match="README.md holds the local path '/home/ann'"):
        push.main([str(folder), "alice/x"])
    assert hub.requests() == []


def test_folder_that_build_did_not_write_is_refused(push, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        push.main([str(tmp_path), "alice/x"])
    assert "Write it with build.py first" in capsys.readouterr().err
