"""A model's folder to the Hub: checked first, then in one commit."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import run_as_future as in_background

from blv_trainer.hub.before_push import check_card, check_files, check_model, check_pipeline
from blv_trainer.hub.card.writing import amend_card, write_card
from blv_trainer.hub.commit import push_files
from blv_trainer.hub.published_files import CARD_FILE, is_of_earlier_model, select_files

if TYPE_CHECKING:
    from concurrent.futures import Future

    from huggingface_hub import CommitInfo

logger = logging.getLogger(__name__)


def publish(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    token: str | None = None,
    revision: str | None = None,
    commit_message: str = "Upload a text classifier",
    include: Sequence[str] = (),
    card: Mapping[str, Any] | None = None,
    run_as_future: bool = False,
) -> CommitInfo | Future[CommitInfo]:
    """Publish a saved classifier so that ``pipeline("text-classification", model=repo_id)`` loads it.

    What goes along: weights (safetensors), configuration, tokenizer, the model's code, the card with its pictures, and
    the JSON files with metrics and training arguments. What stays behind is logged: checkpoints, pickles, logs, and
    predictions, whose rows may belong to a corpus that must not be shown. A card is written where there is none. On
    the Hub, the same commit removes files of an earlier version of the model; others stay.

    Nothing is sent before all checks have passed: the card is valid, no file holds a pickle, a token or a path of this
    computer, and the pipeline gives levels from exactly the files that are sent.

    Args:
        folder: where model and tokenizer were saved.
        repo_id: "owner/name"; without owner under the name of the token's user.
        private: make a new repository private, and refuse to push to a public one. A private one stays private.
        token: instead of the one of the environment (HF_TOKEN) or of ``hf auth login``.
        revision: branch to push to.
        commit_message: the commit's title.
        include: patterns of further files of the folder, such as ``predictions.parquet``.
        card: options of ``write_card``, such as ``{"license": "mit"}``; of ``amend_card`` where there is a README.md.
        run_as_future: return once the checks have passed, and send in the background.

    Returns:
        What the Hub says of the commit, whose ``repo_url`` is the address; a Future of it with ``run_as_future``.

    Raises:
        FileNotFoundError, ValueError: no such folder; a check failed.
        PermissionError, ConnectionError, OSError: and the others of ``push_files``.
    """
    folder = Path(folder)
    files = prepare_files(folder, repo_id, token=token, include=include, card=card)
    push = partial(
        push_files,
        repo_id,
        {file: folder / file for file in files},
        private=private,
        token=token,
        revision=revision,
        commit_message=commit_message,
        is_outdated=is_of_earlier_model,
    )
    return in_background(push) if run_as_future else push()


def prepare_files(
    folder: Path,
    repo_id: str,
    *,
    token: str | None = None,
    include: Sequence[str] = (),
    card: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write or amend the card, check everything, and log what stays behind; needs no network.

    Returns:
        The paths to publish, below the folder.

    Raises:
        FileNotFoundError, ValueError: as ``publish``.
    """
    check_model(folder)
    path = folder / CARD_FILE
    # PEFT leaves a form to fill in beside each adapter; nobody has, while it says this.
    is_form = path.is_file() and "[More Information Needed]" in path.read_text(encoding="utf-8")
    if is_form or not path.is_file():
        write_card(folder, repo_id=repo_id, **(card or {}))
    else:
        check_card(folder)
        amend_card(folder, repo_id, **(card or {}))
    selection = select_files(folder, include=include)
    check_files(folder, selection.files, token=token)
    check_pipeline(folder, selection.files)
    if selection.left_out:
        lines = [f"  {entry}: {reason}" for entry, reason in selection.left_out.items()]
        logger.info("Left out (include takes a file along all the same):\n%s", "\n".join(lines))
    return selection.files
