"""What the page is given, what it answers and refuses, what it listens on, lets in and keeps."""

import os
import sys

import httpx
import numpy as np
import pytest
import soundfile
from transformers import pipeline

from blv_trainer.app import Limits, build_page
from blv_trainer.asr import REASONS
from blv_trainer.cli import main
from blv_trainer.pipelines import SpeakingAssessmentPipeline

TEXT = "I think part time jobs are good."


@pytest.fixture(scope="module")
def page(classifier, whisper_checkpoint):
    limits = Limits(max_characters=100, max_seconds=15, max_megabytes=0.5)
    return build_page(classifier, whisper_model=whisper_checkpoint, limits=limits)


@pytest.fixture(scope="module")
def buttons(page):
    """What the two buttons do: assess a recording, assess a text. They give scores and a note."""
    listen, read = (function.fn for function in page.fns.values() if function.concurrency_id == "assess")
    return listen, read


def test_a_text_gets_the_probabilities_of_the_text_pipeline(buttons, classifier, levels):
    scores, note = buttons[1](f"  {TEXT}\n")
    answers = pipeline("text-classification", classifier)(TEXT, top_k=None)
    assert list(scores) == levels
    assert scores == pytest.approx({answer["label"]: answer["score"] for answer in answers}, abs=1e-5)
    mean = sum(k * share for k, share in enumerate(scores.values(), start=1))
    assert f"Expected score {mean:.2f} on a scale from 1 (A2) to 4 (B2)" in note
    assert "heard" not in note


def test_a_recording_gets_its_transcript_and_a_level(buttons, make_wav, said, tmp_path):
    path = tmp_path / "answer.wav"
    path.write_bytes(make_wav(12, sampling_rate=8_000))
    scores, note = buttons[0](str(path))
    assert scores == pytest.approx(buttons[1](said)[0])
    assert note.endswith(f"In the recording of 12 s, 9 s of it speech, Whisper heard:\n{said}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n ", "There is no text yet"),
        (None, "There is no text yet"),
        ("a" * 101, "The text has 101 characters; at most 100 are read"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused(buttons, text, message):
    scores, note = buttons[1](text)
    assert scores is None
    assert f"No estimate this time. {message}" in note


def test_a_recording_that_cannot_be_heard_is_refused(buttons, make_wav, tmp_path):
    path, listen = tmp_path / "answer.wav", buttons[0]
    assert "There is no recording yet" in listen(None)[1]
    path.write_bytes(b"no sound at all")
    scores, note = listen(str(path))
    assert scores is None
    assert "answer.wav is not a sound" in note
    assert "save it as wav, flac, ogg or mp3" in note
    assert str(tmp_path) not in note
    path.write_bytes(make_wav(6, loudness=0))
    assert "No speech was heard in the recording. Is the microphone on" in listen(str(path))[1]
    path.write_bytes(make_wav(15.5))
    assert "The recording is longer than 15 s" in listen(str(path))[1]
    path.write_bytes(make_wav(40))
    assert "The file is larger than 0.5 MB" in listen(str(path))[1]


def test_length_is_that_of_the_sound_not_of_the_file(buttons, tmp_path):
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(16_000 * 16, "int16"), 16_000)
    assert path.stat().st_size < 20_000  # silence takes little
    assert "longer than 15 s" in buttons[0](str(path))[1]
    soundfile.write(path.with_suffix(".ogg"), np.random.default_rng(0).standard_normal(80_000) / 10, 8_000)
    joined = tmp_path / "joined.ogg"  # whose header knows of the first ten seconds
    joined.write_bytes(2 * path.with_suffix(".ogg").read_bytes())
    assert "longer than 15 s" in buttons[0](str(joined))[1]


def test_warnings_are_told_in_words(buttons, monkeypatch):
    result = {"transcript": TEXT, "scores": {"A2": 0.6, "B1": 0.4}, "expected_score": 1.4, "refusal": None}
    monkeypatch.setattr(
        SpeakingAssessmentPipeline, "assess_text", lambda self, text: {**result, "warnings": ["repetition"]}
    )
    assert f"Take this estimate with care: {REASONS['repetition']}." in buttons[1](TEXT)[1]


def test_a_failure_is_told_without_its_details(buttons, monkeypatch, caplog):
    def fail(self, text):
        raise OSError("the weights at /home/somebody cannot be fetched")

    monkeypatch.setattr(SpeakingAssessmentPipeline, "assess_text", fail)
    _, note = buttons[1](TEXT)
    assert "Something went wrong on this side" in note
    assert "somebody" not in note
    assert "somebody" in caplog.text


def test_the_page_says_what_the_model_cannot_know_and_what_becomes_of_recordings(page):
    said = said_on(page)
    for part in ("labels of whole speakers", "the words that Whisper wrote", "unlike its training data"):
        assert part in said
    assert "Do not use it for grades" in said
    assert "about the first 90 words" in said
    assert "Recordings are deleted from this server after ten minutes at most" in said
    assert page.delete_cache == (60, 540)  # seconds


def said_on(page):
    return " ".join(" ".join(str(block.value) for block in page.blocks.values() if hasattr(block, "value")).split())


def opened_on(page):
    return next(block.selected for block in page.blocks.values() if block.get_block_name() == "tabs")


def test_a_page_for_texts_says_nothing_of_speech_and_needs_no_whisper(classifier):
    page = build_page(classifier, title="Which level has my essay?", text_only=True, whisper_model="unheard of")
    said = said_on(page)
    assert "# Which level has my essay?" in said
    assert page.title == "Which level has my essay?"
    spoken = ("Whisper", "speech", "speak", "Speak", "recording", "Recording", "said", "English", "heard")
    assert [word for word in spoken if word in said] == []
    (read,) = (function.fn for function in page.fns.values() if function.concurrency_id == "assess")
    assert next(iter(read(TEXT)[0])) == "A2"


def test_the_page_opens_on_texts_where_the_weights_of_whisper_are_not_there(classifier, page, tmp_path, monkeypatch):
    assert opened_on(page) == "speech"  # a checkpoint
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert opened_on(build_page(classifier, whisper_model="tiny")) == "text"
    (tmp_path / "whisper").mkdir()
    (tmp_path / "whisper" / "tiny.pt").write_bytes(b"weights")
    assert opened_on(build_page(classifier, whisper_model="tiny")) == "speech"


# ---- Served on this machine


@pytest.fixture
def served(classifier, whisper_checkpoint, monkeypatch):
    """Serves the page by the command line while a check of the running page is done."""

    def serve(check, *words):
        from gradio import Blocks

        def block_thread(page):
            check(page)
            raise KeyboardInterrupt

        monkeypatch.setattr(Blocks, "block_thread", block_thread)
        assert main(["app", classifier, "--whisper_model", whisper_checkpoint, *words]) == 130

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    return serve


def test_it_listens_on_loopback_and_shares_and_reports_nothing(served):
    def check(page):
        assert page.local_url.startswith("http://127.0.0.1:")
        assert page.server_name == "127.0.0.1"
        assert page.share is False
        config = httpx.get(f"{page.local_url}config", timeout=20).json()
        assert config["analytics_enabled"] is False
        assert config["run_history"] is False
        assert {dependency["api_visibility"] for dependency in config["dependencies"]} == {"private"}
        assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
        given = httpx.get(f"{page.local_url}gradio_api/file={__file__}", timeout=20)
        assert given.status_code == 403  # files of this machine are not given away

    served(check)


def test_uploads_are_limited_and_gone_when_serving_ends(served):
    uploaded = []

    def check(page):
        def post(content):
            return httpx.post(f"{page.local_url}gradio_api/upload", files={"files": ("a.wav", content)}, timeout=20)

        assert post(bytes(600_000)).status_code == 413
        uploaded.extend(post(b"a little").json())
        assert os.path.isfile(uploaded[0])

    served(check, "--max_megabytes", "0.5")
    assert not os.path.exists(uploaded[0])


def test_listening_to_everybody_is_warned_of(served, capsys):
    served(lambda page: None, "--host", "0.0.0.0")
    assert "Listening on 0.0.0.0: whoever reaches this machine can use the page" in capsys.readouterr().err


def test_a_missing_gradio_is_named_with_its_extra(monkeypatch, capsys, classifier):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r'the app needs Gradio: pip install "blv_trainer\[app\]"'):
        build_page(classifier)
    assert main(["app", classifier]) == 2
    assert 'pip install "blv_trainer[app]"' in capsys.readouterr().err


def test_misuse_is_one_sentence(capsys, classifier):
    assert main(["app"]) == 2
    assert "app needs a model: blv-trainer app MODEL" in capsys.readouterr().err
    assert main(["app", classifier, "--max_seconds", "0"]) == 2
    assert "--max_seconds 0.0 lets nothing through" in capsys.readouterr().err
