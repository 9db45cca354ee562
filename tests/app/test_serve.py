"""The page on this machine: what it listens on, what it lets in, what it keeps."""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
import uuid

import pytest

from blv_trainer.app import serve as serve_module
from blv_trainer.app.assessor import Assessor, Limits
from blv_trainer.app.page import build_page, import_gradio
from blv_trainer.app.serve import launch
from blv_trainer.cli import main


@pytest.fixture(scope="module")
def assessor(classifier, whisper_checkpoint):
    return Assessor(classifier, whisper_model=whisper_checkpoint, limits=Limits(max_megabytes=0.5))


@pytest.fixture(scope="module")
def page(assessor, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        page = launch(assessor)
        yield page
        page.close(verbose=False)


def post(page, content):
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    request = urllib.request.Request(
        f"{page.local_url}gradio_api/upload",
        data=head.encode() + content + f"\r\n--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    return urllib.request.urlopen(request, timeout=20)


def test_it_listens_on_loopback_and_shares_nothing(page):
    assert page.local_url.startswith("http://127.0.0.1:")
    assert page.server_name == "127.0.0.1"
    assert page.share is False
    assert page.share_url is None


def test_nothing_is_reported_recorded_or_open_to_programs(page):
    config = json.load(urllib.request.urlopen(f"{page.local_url}config", timeout=20))
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False
    assert {dependency["api_visibility"] for dependency in config["dependencies"]} == {"private"}
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_uploads_are_limited_and_deleted(page):
    with pytest.raises((urllib.error.HTTPError, http.client.HTTPException, ConnectionError)) as refusal:
        post(page, bytes(600_000))
    assert getattr(refusal.value, "code", 413) == 413
    [path] = json.load(post(page, b"a little"))
    assert os.path.commonpath([path, os.environ["GRADIO_TEMP_DIR"]]) == os.environ["GRADIO_TEMP_DIR"]
    assert page.delete_cache == (60, 540)  # seconds


def test_files_of_this_machine_are_not_given_away(page, assessor):
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{page.local_url}gradio_api/file={__file__}", timeout=20)
    assert refusal.value.code == 403


def test_a_failure_is_told_without_its_details(assessor, monkeypatch, caplog):
    def fail(path):
        raise OSError("the weights at /home/somebody cannot be fetched")

    monkeypatch.setattr(assessor, "listen", fail)
    buttons = [function.fn for function in build_page(assessor).fns.values() if function.name == "show"]
    shown = buttons[0]("a.wav")
    assert "Something went wrong on this side" in shown
    assert "somebody" not in shown
    assert "somebody" in caplog.text


def test_listening_to_everybody_is_warned_of(assessor, monkeypatch, caplog):
    class Page:
        local_url = "http://0.0.0.0:1/"

        def launch(self, **options):
            assert options["server_name"] == "0.0.0.0"

    monkeypatch.setattr(serve_module, "build_page", lambda assessor: Page())
    launch(assessor, host="0.0.0.0")
    assert "Listening on 0.0.0.0: whoever reaches this machine can use the page" in caplog.text


def test_uploads_are_gone_when_serving_ends(classifier, whisper_checkpoint, monkeypatch):
    uploads = []

    class Page:
        def block_thread(self):
            uploads.append(os.environ["GRADIO_TEMP_DIR"])
            assert os.path.isdir(uploads[0])
            raise KeyboardInterrupt

        def close(self, **options):
            uploads.append("closed")

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setattr(serve_module, "launch", lambda assessor, **options: Page())
    assert main(["app", classifier, "--whisper_model", whisper_checkpoint]) == 130
    assert uploads[1] == "closed"
    assert not os.path.exists(uploads[0])


def test_a_missing_gradio_is_named_with_its_extra(monkeypatch, capsys, classifier):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r'the app needs Gradio: pip install "blv_trainer\[app\]"'):
        import_gradio()
    assert main(["app", classifier]) == 2
    assert 'pip install "blv_trainer[app]"' in capsys.readouterr().err


def test_misuse_is_one_sentence(capsys, classifier):
    assert main(["app"]) == 2
    assert "app needs a model: blv-trainer app MODEL" in capsys.readouterr().err
    assert main(["app", classifier, "--max_seconds", "0"]) == 2
    assert "max_seconds=0.0 lets nothing through" in capsys.readouterr().err
