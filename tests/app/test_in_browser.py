"""The exported page in Chromium, as a person meets it, with the network closed."""

import re
import shutil

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FAKE_MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">${alert(3)} {{value}} part time jobs'
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

    @property
    def result(self):
        return self.page.locator("#result")

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
    expect(visit.result).to_contain_text("Most likely level", timeout=30 * SECOND)
    expect(visit.result.locator(".bars li")).to_have_count(len(levels))
    assert visit.result.locator(".bars .name").all_inner_texts() == levels
    assert visit.result.locator(".chosen .name").inner_text() == visit.result.locator(".level strong").inner_text()
    shares = [int(share.removesuffix(" %")) for share in visit.result.locator(".share").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=2)
    assert 0 <= float(visit.result.locator(".expected").inner_text()) <= len(levels) - 1
    expect(visit.page.locator("#cannot-know")).to_contain_text("What this model cannot know")
    visit.page.screenshot(path=tmp_path / "text.png", full_page=True)


def test_hostile_text_and_labels_are_shown_as_text(visit):
    visit.read(HOSTILE)
    expect(visit.result.locator("blockquote")).to_have_text(HOSTILE, timeout=30 * SECOND)
    assert visit.page.locator(".gradio-container img[src=x]").count() == 0
    assert visit.page.locator("#result script").count() == 0


def test_a_text_that_is_too_long_is_refused_in_a_sentence(visit):
    visit.read("word " * 200)
    expect(visit.result).to_contain_text(
        "No estimate this time. The text has 999 characters; at most 500 are read.", timeout=30 * SECOND
    )


def test_an_example_fills_the_box(visit):
    visit.page.get_by_role("tab", name="Paste a text").click()
    visit.page.get_by_text("A few simple words").click()
    expect(visit.page.locator("#text textarea")).to_have_value(re.compile("part-time job is good"))


def test_an_uploaded_recording_gets_a_transcript_and_a_level(visit, make_wav, said, tmp_path):
    visit.upload("answer.wav", make_wav(12))
    expect(visit.result).to_contain_text("What Whisper miniature.pt heard", timeout=60 * SECOND)
    expect(visit.result.locator("blockquote")).to_have_text(said)
    expect(visit.result).to_contain_text("Most likely level")
    expect(visit.result).to_contain_text("12 s, 9 s of it speech.")
    visit.page.screenshot(path=tmp_path / "recording.png", full_page=True)


def test_silence_is_refused_kindly(visit, make_wav):
    visit.upload("silence.wav", make_wav(6, loudness=0))
    expect(visit.result).to_contain_text(
        "No speech was heard in the recording. Is the microphone on", timeout=60 * SECOND
    )


def test_a_recording_that_is_too_long_is_refused(visit, make_wav):
    visit.upload("long.wav", make_wav(25))
    expect(visit.result).to_contain_text("The recording is longer than 20 s", timeout=60 * SECOND)


@pytest.mark.slow  # records in real time, which a busy machine cannot keep up with
def test_a_microphone_can_be_used(visit):
    visit.page.get_by_role("button", name="Record", exact=True).click()
    visit.page.wait_for_timeout(1.5 * SECOND)
    with visit.page.expect_response(re.compile("/upload"), timeout=60 * SECOND):
        visit.page.get_by_role("button", name="Stop", exact=True).first.click()
    visit.page.wait_for_timeout(SECOND)  # until the page has taken it over
    visit.page.get_by_role("button", name="Assess the recording").click()
    expect(visit.result).to_contain_text("of speech was heard", timeout=60 * SECOND)


def test_a_narrow_phone_shows_all_of_it(browser, running_space, tmp_path):
    visit = Visit(browser, running_space, viewport={"width": 360, "height": 740})
    visit.read("I think part time jobs are good because I think jobs are good.")
    expect(visit.result).to_contain_text("Most likely level", timeout=30 * SECOND)
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    visit.page.screenshot(path=tmp_path / "phone.png", full_page=True)
    visit.close()
    assert width <= 360
    assert visit.errors == []
