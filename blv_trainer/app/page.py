"""A page to try a model: speak, upload a recording or paste a text (extra ``app``). Gradio draws it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blv_trainer.asr import REASONS, Audio, duration_of
from blv_trainer.levels import score_scale
from blv_trainer.pipelines import SpeakingAssessmentPipeline
from blv_trainer.prediction import label_names, load_classifier, max_tokens

if TYPE_CHECKING:
    from gradio import Blocks

# Of a page for recordings and texts, and of one for texts alone.
TITLES = ("What level of English is this?", "What level is this text?")
INTRODUCTIONS = (
    "Talk about a topic for a minute, upload a recording, or paste what somebody said. Whisper writes the speech down, "
    "and a model that has read many learners' answers estimates the level from the words.",
    "Paste a text: a model that has read many others, with the levels that people gave them, estimates its level.",
)
_CANNOT_KNOW = [Path(__file__).with_name(name) for name in ("cannot_know.md", "cannot_know_of_texts.md")]
_EXAMPLES = {  # invented, for this page
    "A few simple words": "I think part-time job is good. Because student need money. I work in cafe. It is fun. But "
    "sometimes very tired and sleepy in class. So I think little time job is OK.",
    "Longer sentences, some mistakes": "In my opinion, having a part-time job is important for college students "
    "because they can learn how the society works. For example, when I worked at a bookstore, I had to talk with many "
    "kind of customers, and it made me more confident. Of course study is first, but if we manage our time, both is "
    "possible.",
    "Fluent": "I would argue that the benefits of working while studying are often overstated. Granted, a few hours a "
    "week behind a counter will teach you punctuality and patience, but most of what employers look for later on is "
    "picked up in seminars and libraries, and those are precisely the hours that a job eats into.",
}
_ADVICE = {
    "silence": "Is the microphone on, and the right one chosen?",
    "too_short": "Please talk for about a minute.",
    "other_language": "Please talk in that language; if you did, a quieter place or a closer microphone may help.",
    "unreadable": "Please record it here, or save it as wav, flac, ogg or mp3.",
}
_KEPT_S, _LOOKED_S = 540, 60  # uploads are deleted when older, looked for so often: gone after ten minutes
_WAITING_PEOPLE = 20  # beyond them the page asks to come back later

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """The most that one request may hold; a ValueError for a limit that lets nothing through.

    Args:
        max_characters: of a text.
        max_seconds: of a recording.
        max_megabytes: of an uploaded file.
    """

    max_characters: int = 10_000
    max_seconds: float = 180.0
    max_megabytes: float = 20.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name}={value} lets nothing through: give a number above 0.")


def serve(
    model: str, *, host: str = "127.0.0.1", port: int | None = None, open_browser: bool = False, **options: Any
) -> None:
    """Serve the page, in a program's main thread, until SIGINT or SIGTERM; uploads are gone when this returns.

    Args:
        model: folder or Hub id of a classifier.
        host: address to listen on; anything but a loopback address opens the page to others.
        port: default: the first free one from 7860 on.
        open_browser: open the page in a browser.
        options: as for ``build_page``.

    Raises:
        ImportError, FileNotFoundError, OSError: no Gradio, no such model, a port that is taken.
    """
    gradio = import_gradio()  # says at once what is missing, before a model is loaded
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="blv_trainer_app_") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        page = build_page(model, **options)
        if host not in ("127.0.0.1", "::1", "localhost"):
            logger.warning("Listening on %s: whoever reaches this machine can use the page and its time.", host)
        limits = options.get("limits") or Limits()
        page.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            max_file_size=round(limits.max_megabytes * 1e6),
            prevent_thread_lock=True,
            quiet=True,
            footer_links=[],
            share=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            theme=gradio.themes.Default(  # fonts that the machine has, and buttons on which white words can be read
                primary_hue="blue", font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")
            ).set(button_primary_background_fill="*primary_600", button_primary_background_fill_hover="*primary_700"),
        )
        logger.info("The page is at %s (Ctrl-C ends it).", page.local_url)
        try:
            page.block_thread()
        finally:
            page.close(verbose=False)
            signal.signal(signal.SIGTERM, before)


def build_page(
    model: str,
    *,
    title: str | None = None,
    text_only: bool = False,
    whisper_model: str = "large-v2",
    language: str | None = None,
    limits: Limits | None = None,
    trust_remote_code: bool = False,
) -> Blocks:
    """The page: speak, upload or paste on one side, the estimate on the other.

    Nothing that is put in is logged, flagged or kept beyond ten minutes. The classifier is loaded at once, Whisper with
    the first recording; where its weights are not on this machine yet, the page opens on texts.

    Args:
        model: folder or Hub id of a classifier.
        title: of the page.
        text_only: a page for texts such as essays, which says nothing of speech.
        whisper_model: name or path of the weights.
        language: code of what is spoken, taken as known; None: heard by Whisper, and refused where it is not English.
        limits: on what is put in.
        trust_remote_code: run model code that comes with the checkpoint.

    Returns:
        A page that ``launch`` shows; ``serve`` does so with limits on uploads.

    Raises:
        ImportError, FileNotFoundError, ValueError: no Gradio, no such model, an unknown Whisper model.
    """
    gr = import_gradio()
    limits = limits or Limits()
    classifier, tokenizer = load_classifier(model, trust_remote_code=trust_remote_code)
    whisper: dict[str, Any] = {"whisper_model": whisper_model, "whisper_options": {"language": language}}
    whisper |= {"backend": None} if text_only else {}
    assess = SpeakingAssessmentPipeline(model=classifier, tokenizer=tokenizer, device=classifier.device, **whisper)
    name = os.path.basename(os.path.abspath(model)) if os.path.isdir(model) else model
    heard_by = "" if text_only else f" Transcripts: Whisper `{os.path.basename(whisper_model)}`."
    words = max(max_tokens(classifier, tokenizer) * 3 // 4 // 10 * 10, 10)  # four tokens for three words of English
    title, opened = title or TITLES[text_only], "speech" if _has_weights(whisper_model) and not text_only else "text"
    buttons: list[tuple[Any, Any, Any]] = []
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=(_LOOKED_S, _KEPT_S)) as page:
        gr.Markdown(f"# {title}\n{INTRODUCTIONS[text_only]}\n\nModel: `{name}`.{heard_by}")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300), gr.Tabs(selected=opened):
                if not text_only:
                    with gr.Tab("Speak or upload", id="speech"):
                        label = f"Recording, up to {limits.max_seconds:g} s"
                        looks: dict[str, Any] = {"editable": False, "buttons": [], "elem_id": "recording"}
                        recording = gr.Audio(label=label, sources=["microphone", "upload"], type="filepath", **looks)
                        buttons.append((gr.Button("Assess the recording", variant="primary"), recording, _listen))
                with gr.Tab("Paste a text", id="text"):
                    label = f"{'Text' if text_only else 'What was said'}, up to {limits.max_characters:,} characters"
                    text = gr.Textbox(label=label, lines=9, max_lines=20, elem_id="text")
                    buttons.append((gr.Button("Assess the text", variant="primary"), text, _read))
                    if not text_only:
                        labels: dict[str, Any] = {"label": "Examples, invented", "example_labels": list(_EXAMPLES)}
                        gr.Examples(list(_EXAMPLES.values()), text, **labels, api_visibility="private")
            with gr.Column(min_width=300):
                # Components show what comes from people and models as plain text, so that nothing must be escaped.
                lowest, *_, highest = label_names(classifier)
                level = gr.Label(label=f"Level, from {lowest} to {highest}", elem_id="level")
                note = gr.Textbox("The estimate appears here.", label="In words", elem_id="note", max_lines=30)
        limitations = _CANNOT_KNOW[text_only].read_text(encoding="utf-8").format(words=words)
        gr.Markdown(limitations, elem_id="cannot-know")
        for button, given, answer in buttons:
            button.click(
                partial(_shown, partial(answer, assess, limits)),
                given,
                [level, note],
                concurrency_limit=1,  # one model, one at a time
                concurrency_id="assess",
                api_visibility="private",
            )
    return page.queue(max_size=_WAITING_PEOPLE)


def _has_weights(whisper_model: str) -> bool:
    """Whether a Whisper model is on this machine: a file, or where openai-whisper keeps what it fetched."""
    kept = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "whisper", f"{whisper_model}.pt").expanduser()
    return os.path.exists(whisper_model) or kept.is_file()


def import_gradio() -> Any:
    """Gradio, its telemetry and its history of runs switched off."""
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False"}
    try:
        import gradio
    except ImportError as error:
        raise ImportError('the app needs Gradio: pip install "blv_trainer[app]"') from error
    return gradio


def _shown(answer: Callable[[Any], dict[str, Any] | str], given: Any) -> tuple[dict[str, float] | None, str]:
    """Scores and what is to be said of them; a failure is logged here and told without its details."""
    try:
        result = answer(given)
    except (OSError, RuntimeError):
        logger.exception("a request to the page failed")
        result = "Something went wrong on this side; whoever runs this page finds it in the log."
    if isinstance(result, str):
        return None, f"No estimate this time. {result}"
    scores = result["scores"]
    if refusal := result["refusal"]:
        said = [f"No estimate this time. {refusal['message']} {_ADVICE.get(refusal['reason'], '')}"]
    else:
        said = [
            f"Expected score {result['expected_score']:.2f} on a scale {score_scale(list(scores))}: the average level, "
            "weighted by the probabilities."
        ]
        if result["warnings"]:  # a refusal has said it already
            said.append(f"Take this estimate with care: {'; '.join(REASONS[reason] for reason in result['warnings'])}.")
    if result["transcript"] and "duration_s" in result:
        said.append(
            f"In the recording of {result['duration_s']:.0f} s, {result['speech_s']:.0f} s of it speech, Whisper "
            f"heard:\n{result['transcript']}"
        )
    return scores, "\n\n".join(said)


def _read(assess: SpeakingAssessmentPipeline, limits: Limits, text: str | None) -> dict[str, Any] | str:
    """The pipeline's result of a text, or why there is none."""
    text = (text or "").strip()
    if not text:
        return "There is no text yet: paste one, or choose an example."
    if len(text) > limits.max_characters:
        return f"The text has {len(text):,} characters; at most {limits.max_characters:,} are read. Shorten it."
    return assess.assess_text(text)


def _listen(assess: SpeakingAssessmentPipeline, limits: Limits, path: str | None) -> dict[str, Any] | str:
    """The pipeline's result of a recording, or why there is none."""
    if not path:
        return "There is no recording yet: speak, or upload one."
    if os.path.getsize(path) > limits.max_megabytes * 1e6:
        return f"The file is larger than {limits.max_megabytes:g} MB. Cut or compress it."
    too_long = f"The recording is longer than {limits.max_seconds:g} s. Cut it, or answer more briefly."
    if duration_of(path) > limits.max_seconds:  # by its header, before all of it is read
        return too_long
    sound = assess.preprocess(path)
    if isinstance(sound, Audio) and sound.duration > limits.max_seconds:
        return too_long
    result = assess(sound)
    if result["refusal"]:  # may name the file, but not where it lies on this machine
        result["refusal"]["message"] = result["refusal"]["message"].replace(path, os.path.basename(path))
    return result
