"""Pushing is private unless told otherwise in so many words."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "dataset_scripts" / "icnale_asa" / "push.py"


@pytest.fixture
def push():
    spec = importlib.util.spec_from_file_location("push", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def hub(push, monkeypatch):
    """Stands in for the Hub's client: notes calls; ``existing`` is the visibility of a repository that is there."""
    state = SimpleNamespace(calls=[], existing=None)

    class Api:
        def create_repo(self, repo_id, *, repo_type, private, exist_ok):
            state.calls.append(("create", repo_id, repo_type, private))
            state.existing = private if state.existing is None else state.existing
            return f"https://hub/datasets/{repo_id}"

        def repo_info(self, repo_id, *, repo_type):
            return SimpleNamespace(private=state.existing)

        def upload_folder(self, **kwargs):
            state.calls.append(("upload", kwargs["repo_id"], kwargs["repo_type"], tuple(kwargs["allow_patterns"])))

    monkeypatch.setattr(push, "HfApi", Api)
    return state


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("README.md", "report.json", "data/train-00000-of-00001.parquet"):
        (tmp_path / name).write_text("")
    return tmp_path


UPLOAD = ("upload", "me/x", "dataset", ("README.md", "data/*.parquet"))


def test_dataset_is_private_and_the_report_stays_here(push, hub, folder, capsys):
    assert push.main([str(folder), "me/x"]) == 0
    assert hub.calls == [("create", "me/x", "dataset", True), UPLOAD]
    assert capsys.readouterr().out == "https://hub/datasets/me/x\n"


def test_right_alone_publishes_nothing(push, hub, folder):
    push.main([str(folder), "me/x", "--i-have-the-right-to-publish"])
    assert hub.calls[0] == ("create", "me/x", "dataset", True)


def test_public_without_the_right_is_refused(push, hub, folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        push.main([str(folder), "me/x", "--public"])
    assert "ICNALE forbids redistribution" in capsys.readouterr().err
    assert hub.calls == []


def test_public_with_the_right_is_public(push, hub, folder):
    push.main([str(folder), "me/x", "--public", "--i-have-the-right-to-publish"])
    assert hub.calls == [("create", "me/x", "dataset", False), UPLOAD]


def test_nothing_is_pushed_to_a_dataset_that_is_public_already(push, hub, folder):
    hub.existing = False
    with pytest.raises(PermissionError, match="me/x is public: nothing was pushed"):
        push.main([str(folder), "me/x"])
    assert [call[0] for call in hub.calls] == ["create"]


def test_folder_that_build_did_not_write_is_refused(push, hub, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        push.main([str(tmp_path), "me/x"])
    assert "Write it with build.py first" in capsys.readouterr().err
