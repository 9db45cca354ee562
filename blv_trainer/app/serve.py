"""Runs the page on this machine."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from blv_trainer.app.assessor import Assessor, Limits
from blv_trainer.app.page import STYLE, build_page, import_gradio

if TYPE_CHECKING:
    from gradio import Blocks

LOOPBACK = "127.0.0.1"

_FONT = ("system-ui", "sans-serif")  # what the machine has, so that no page waits for a font
_FONT_MONO = ("ui-monospace", "monospace")
_DARKER_BUTTONS = {  # so that white words on them can be read
    "button_primary_background_fill": "*primary_700",
    "button_primary_background_fill_hover": "*primary_800",
    "button_primary_background_fill_dark": "*primary_700",
    "button_primary_background_fill_hover_dark": "*primary_800",
}

logger = logging.getLogger(__name__)


def serve(
    model: str,
    *,
    whisper_model: str = "large-v2",
    whisper_options: Mapping[str, Any] | None = None,
    host: str = LOOPBACK,
    port: int | None = None,
    limits: Limits | None = None,
    trust_remote_code: bool = False,
    open_browser: bool = False,
) -> None:
    """Serves the page until it is interrupted or told to end (SIGTERM); uploads are gone when this returns.

    For the main thread of a program: it blocks, and sets the program's handler of SIGTERM meanwhile.

    Args:
        model: Folder or Hub id of a classifier.
        whisper_model: Name or path of the weights.
        whisper_options: Of the transcriber, as for `SpeakingAssessmentPipeline`.
        host: Address to listen on; anything but a loopback address opens the page to others.
        port: Default: the first free one from 7860 on.
        limits: On what is put in.
        trust_remote_code: Run model code that comes with the checkpoint.
        open_browser: Open the page in a browser.

    Raises:
        ImportError: Gradio is not installed.
        FileNotFoundError: No such model.
        OSError: The port is taken.
    """
    import_gradio()  # says at once what is missing, before a model is loaded
    assessor = Assessor(
        model,
        whisper_model=whisper_model,
        whisper_options=whisper_options,
        limits=limits,
        trust_remote_code=trust_remote_code,
    )
    with _ended_by_sigterm(), _own_folder_of_uploads():
        page = launch(assessor, host=host, port=port, open_browser=open_browser)
        try:
            page.block_thread()
        finally:
            page.close(verbose=False)


def launch(assessor: Assessor, *, host: str = LOOPBACK, port: int | None = None, open_browser: bool = False) -> Blocks:
    """Starts the page in the background; ``close()`` on what this returns ends it. For the rest see ``serve``."""
    gradio = import_gradio()
    if not _is_loopback(host):
        logger.warning("Listening on %s: whoever reaches this machine can use the page and the machine's time.", host)
    page = build_page(assessor)
    page.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        inbrowser=open_browser,
        prevent_thread_lock=True,
        footer_links=[],
        max_file_size=round(assessor.limits.max_megabytes * 1e6),
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=gradio.themes.Default(font=_FONT, font_mono=_FONT_MONO).set(**_DARKER_BUTTONS),
        css_paths=[STYLE],
    )
    logger.info("The page is at %s (Ctrl-C ends it).", page.local_url)
    return page


@contextmanager
def _own_folder_of_uploads() -> Iterator[None]:
    before = os.environ.get("GRADIO_TEMP_DIR")
    with tempfile.TemporaryDirectory(prefix="blv_trainer_app_") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        try:
            yield
        finally:
            os.environ.pop("GRADIO_TEMP_DIR")
            if before is not None:
                os.environ["GRADIO_TEMP_DIR"] = before


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
