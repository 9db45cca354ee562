"""The page itself, in Gradio."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blv_trainer.app import rendering, texts
from blv_trainer.app.assessor import Assessor, refused

if TYPE_CHECKING:
    from gradio import Blocks

STYLE = Path(__file__).with_name("page.css")

_KEPT_S, _LOOKED_S = 540, 60  # uploads are deleted when older, looked for so often: gone after ten minutes
_WAITING_PEOPLE = 20  # beyond them the page asks to come back later

logger = logging.getLogger(__name__)


def import_gradio() -> Any:
    """Gradio, its telemetry and its history of runs switched off.

    Raises:
        ImportError: It is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise ImportError('the app needs Gradio: pip install "blv_trainer[app]"') from error
    return gradio


def build_page(assessor: Assessor) -> Blocks:
    """The page: speak, upload or paste on one side, the estimate on the other.

    Nothing that is put in is logged, flagged or kept beyond ten minutes. ``serve`` runs it with its style.

    Args:
        assessor: The model behind it.

    Raises:
        ImportError: Gradio is not installed.
    """
    gr = import_gradio()
    listen, read = _shown(assessor.listen, assessor), _shown(assessor.read, assessor)
    together = {
        "concurrency_limit": 1,
        "concurrency_id": "assess",
        "api_visibility": "private",
    }  # one model, one at a time
    with gr.Blocks(
        title=texts.TITLE, analytics_enabled=False, delete_cache=(_LOOKED_S, _KEPT_S), fill_width=False
    ) as page:
        gr.HTML(rendering.render_introduction(assessor.model_name, assessor.whisper_name, assessor.levels))
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300), gr.Tabs():
                with gr.Tab("Speak or upload"):
                    recording = gr.Audio(
                        label=f"Recording, up to {assessor.limits.max_seconds:g} s",
                        sources=["microphone", "upload"],
                        type="filepath",
                        editable=False,
                        buttons=[],
                        elem_id="recording",
                    )
                    assess_recording = gr.Button("Assess the recording", variant="primary")
                with gr.Tab("Paste a text"):
                    text = gr.Textbox(
                        label=f"What was said, up to {assessor.limits.max_characters:,} characters",
                        lines=9,
                        max_lines=20,
                        elem_id="text",
                    )
                    assess_text = gr.Button("Assess the text", variant="primary")
                    gr.Examples(
                        [[example] for example in texts.EXAMPLES.values()],
                        inputs=[text],
                        example_labels=list(texts.EXAMPLES),
                        label="Examples, invented",
                        cache_examples=False,
                        api_visibility="private",
                    )
            with gr.Column(min_width=300):
                result = gr.HTML(rendering.render_waiting(), elem_id="result")
        gr.HTML(rendering.render_cannot_know(assessor.max_tokens), elem_id="cannot-know")
        assess_recording.click(listen, recording, result, **together)
        assess_text.click(read, text, result, **together)
    return page.queue(max_size=_WAITING_PEOPLE)


def _shown(assess: Callable[[str | None], dict[str, Any]], assessor: Assessor) -> Callable[[str | None], str]:
    """What a button does: assess, and show the result; a failure is logged here and told without its details."""

    def show(given: str | None) -> str:
        try:
            result = assess(given)
        except (OSError, RuntimeError):
            logger.exception("a request to the page failed")
            result = refused("failed", "Something went wrong on this side; whoever runs this page finds it in the log.")
        return rendering.render_result(result, whisper_name=assessor.whisper_name)

    return show
