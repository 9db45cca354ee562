"""Errors of the Hub, each as a sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,  # of httpx or its successor, whichever the client uses
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

_LOG_IN = (
    "log in with `hf auth login`, or set the environment variable HF_TOKEN; a token with write access is made at "
    "https://huggingface.co/settings/tokens"
)
_QUOTA = re.compile(r"quota|storage|limit (?:is )?reached|payment|upgrade your plan", re.IGNORECASE)


def usable_token(token: str | None = None) -> str:
    """The token given, or the one of the environment or of the login."""
    token = (token or get_token() or "").strip()
    if not token:
        raise PermissionError(f"the Hub asks who pushes, and no token was found: {_LOG_IN}. Nothing was pushed.")
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ValueError(
            "the token (not shown here) has a space, a line break or a letter outside ASCII in it: copy it anew, "
            "without what stands around it."
        )
    return token


@contextmanager
def hub_sentences(repo_id: str) -> Iterator[list[str]]:
    """Turn what the client raises into PermissionError, FileNotFoundError, ConnectionError, ValueError or OSError.

    Yields a list for the names of repositories that were made meanwhile.
    """
    made: list[str] = []
    try:
        yield made
    except (HTTPError, OfflineModeIsEnabled, RuntimeError, ValueError) as error:
        explained = _explain(error, repo_id)
        if explained is None:
            raise
        kind, sentence = explained
        left = "Nothing was pushed."
        if kind is ConnectionError:  # the answer may be what was lost
            left = "A push is there as a whole or not at all, and repeating it does no harm."
        elif made:
            left = f"Nothing was pushed; {made[0]} was made and is empty: the next push fills it."
        raise kind(f"{sentence} {left}") from error


def _explain(error: BaseException, repo_id: str) -> tuple[type[Exception], str] | None:
    """Kind and sentence of an error; None for one that is not the Hub's."""
    if isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__  # the client wraps what stops an upload
    if isinstance(error, OfflineModeIsEnabled):
        return ConnectionError, "HF_HUB_OFFLINE is set, which forbids to reach the Hub: unset it."
    if isinstance(error, HfHubHTTPError):
        return _explain_status(error, repo_id)
    if isinstance(error, HTTPError):
        return ConnectionError, f"the connection to the Hub broke ({type(error).__name__}): try again."
    if isinstance(error, ValueError) and "Invalid metadata in README.md" in str(error):
        said = _one_line(error).removeprefix("Invalid metadata in README.md. ")
        return ValueError, f"the Hub refuses the card ({said}): mend the block at the top of README.md."
    return None


def _explain_status(error: HfHubHTTPError, repo_id: str) -> tuple[type[Exception], str]:
    status, said = error.response.status_code, _one_line(error.server_message or "no reason")
    if isinstance(error, RevisionNotFoundError):
        return FileNotFoundError, f"{repo_id} has no such revision: make the branch first, or leave revision out."
    if status == 401:
        return PermissionError, f"the Hub does not know the token (not shown here): {_LOG_IN}."
    if isinstance(error, RepositoryNotFoundError):
        return FileNotFoundError, f"{repo_id} is not on the Hub, or the token may not see it: check name and token."
    if status in (402, 413, 507) or _QUOTA.search(said):
        return OSError, f"the Hub has no room for this push: '{said}'. Free some in the account, or ask for more."
    if status == 403:
        return PermissionError, (
            f"the token may not write to {repo_id} ('{said}'): push under a name of your own, or use a token with "
            "write access."
        )
    if status == 412:
        return OSError, f"{repo_id} was changed by somebody else meanwhile: look at the change, then push again."
    if status == 429:
        return OSError, f"the Hub asks for patience ('{said}'): try again later."
    if status >= 500:
        return ConnectionError, f"the Hub is in trouble and answers {status}: try again later."
    return OSError, f"the Hub refuses with {status}: '{said}'."


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")
