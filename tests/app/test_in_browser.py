"""The exported page in Chromium, as a person meets it, with the network closed."""

import io
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.slow,
]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FAKE_MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
SECOND = 1000  # ms


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *FAKE_MICROPHONE])
        yield browser
        browser.close()


class Visit:
    """The open page, and whatever it did that it should not have done."""

    def __init__(self, browser, address, **context):
        self.errors, self.dialogs, self.strangers = [], [], []
        self.context = browser.new_context(permissions=["microphone"], **context)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.route(lambda url: not url.startswith((address, "blob:", "data:")), self._stranger)
        self.page.goto(address)
        self.page.get_by_role("button", name="Assess the recording").wait_for(timeout=60 * SECOND)

    def _dialog(self, dialog):
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _stranger(self, route):
        self.strangers.append(route.request.url)
        route.abort()

    def part(self, name):
        """The level with its bars, or one of the texts beside it."""
        return self.page.locator(f"#{name}" if name == "level" else f"#{name} textarea")

    def read(self, text):
        self.page.get_by_role("tab", name="Paste a text").click()
        self.page.locator("#text textarea").fill(text)
        self.page.get_by_role("button", name="Assess the text").click()

    def upload(self, name, content):
        self.page.get_by_role("tab", name="Speak or upload").click()
        self.page.get_by_label("Upload file").first.click()
        self.page.locator("#recording input[type=file]").set_input_files(
            {"name": name, "mimeType": "audio/wav", "buffer": content}
        )
        self.page.locator("#recording audio, #recording .waveform-container").first.wait_for(
            state="attached", timeout=30 * SECOND
        )
        self.page.get_by_role("button", name="Assess the recording").click()

    def close(self):
        self.context.close()


SPEECH = Path(__file__).parents[3] / "shared" / "data" / "l2_speech"


@pytest.fixture
def visit(browser, running_space):
    visit = Visit(browser, running_space, viewport={"width": 1280, "height": 900})
    yield visit
    visit.close()
    assert visit.dialogs == []
    assert visit.strangers == []
    assert visit.errors == []


sync_api.expect.set_options(timeout=60 * SECOND)  # a busy machine is no fault of the page


def expect(locator):
    return sync_api.expect(locator)


def test_a_pasted_text_gets_a_level_with_bars(visit, levels, tmp_path):
    visit.read("I think part time jobs are good because I think jobs are good.")
    expect(visit.part("note")).to_have_value(re.compile(r"Expected score \d\.\d\d on a scale from 1 \(A2\)"))
    for name in levels:  # the hostile one is shown as text, too
        expect(visit.part("level")).to_contain_text(name)
    shares = re.findall(r"(\d+)%", visit.part("level").inner_text())
    assert sum(map(int, shares)) == pytest.approx(100, abs=2)
    assert visit.page.locator(".gradio-container img[src=x]").count() == 0
    expect(visit.page.locator("#cannot-know")).to_contain_text("What this model cannot know")
    visit.page.screenshot(path=tmp_path / "text.png", full_page=True)


def test_an_uploaded_recording_gets_a_transcript_and_a_level(visit, make_wav, said, tmp_path):
    visit.upload("answer.wav", make_wav(12))
    expect(visit.part("note")).to_have_value(re.compile(f"12 s, 9 s of it speech, Whisper heard:\\n{said}"))
    visit.page.screenshot(path=tmp_path / "recording.png", full_page=True)


def test_a_microphone_can_be_used(visit):
    visit.page.get_by_role("button", name="Record", exact=True).click()
    visit.page.wait_for_timeout(1.5 * SECOND)
    with visit.page.expect_response(re.compile("/upload"), timeout=60 * SECOND):
        visit.page.get_by_role("button", name="Stop", exact=True).first.click()
    visit.page.wait_for_timeout(SECOND)  # until the page has taken it over
    visit.page.get_by_role("button", name="Assess the recording").click()
    expect(visit.part("note")).to_have_value(re.compile("of speech was heard"))


def test_a_narrow_phone_shows_all_of_it(browser, running_space, tmp_path):
    visit = Visit(browser, running_space, viewport={"width": 360, "height": 740})
    visit.read("I think part time jobs are good because I think jobs are good.")
    expect(visit.part("note")).to_have_value(re.compile("Expected score"))
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    visit.page.screenshot(path=tmp_path / "phone.png", full_page=True)
    visit.close()
    assert width <= 360
    assert visit.errors == []


@pytest.mark.shared
@pytest.mark.skipif(
    not (SPEECH.is_dir() and os.path.isfile(os.environ.get("BLV_WHISPER_WEIGHTS", ""))),
    reason="needs ../shared/data/l2_speech, and BLV_WHISPER_WEIGHTS with the path of whisper-base.pt",
)
def test_a_real_learner_is_heard_by_real_weights(browser, running_with_real_whisper, tmp_path):
    sentences, answer = [soundfile.read(path)[0] for path in sorted(SPEECH.glob("0157_*.wav"))], io.BytesIO()
    soundfile.write(answer, np.concatenate(sentences), 16_000, format="WAV")
    visit = Visit(browser, running_with_real_whisper, viewport={"width": 1280, "height": 900})
    visit.upload("answer.wav", answer.getvalue())
    expect(visit.part("note")).to_have_value(re.compile(r"Whisper heard:\n(\S+ ){20,}"))
    visit.page.screenshot(path=tmp_path / "real.png", full_page=True)
    visit.close()
    assert (visit.errors, visit.strangers, visit.dialogs) == ([], [], [])
