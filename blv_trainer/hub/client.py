"""The Hub's client, whose errors are sentences that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,  # of httpx or its successor, whichever the client uses
    RevisionNotFoundError,
)

_LOG_IN = (
    "log in with `hf auth login`, or set the environment variable HF_TOKEN; a token with write access is made at "
    "https://huggingface.co/settings/tokens"
)
_QUOTA = re.compile(r"quota|storage|limit (?:is )?reached|payment|upgrade your plan", re.IGNORECASE)


@contextmanager
def hub_client(repo_id: str, token: str | None) -> Iterator[HfApi]:
    """The client with a token, the one given or that of the environment or of the login.

    What it raises becomes PermissionError, FileNotFoundError, ConnectionError or OSError.
    """
    token = (token or get_token() or "").strip()
    if not token:
        raise PermissionError(f"the Hub asks who pushes, and no token was found: {_LOG_IN}. Nothing was pushed.")
    try:
        yield HfApi(token=token)
    except (HTTPError, RuntimeError) as raised:
        # The client wraps what stops an upload.
        error = raised.__cause__ if isinstance(raised, RuntimeError) else raised
        if isinstance(error, HfHubHTTPError):
            kind, sentence = _explain(error, repo_id)
        elif isinstance(error, HTTPError):
            kind, sentence = ConnectionError, f"the connection to the Hub broke ({type(error).__name__}): try again."
        else:
            raise
        left = "Nothing was pushed."
        if kind is ConnectionError:  # the answer may be what was lost
            left = "A push is there as a whole or not at all, and repeating it does no harm."
        raise kind(f"{sentence} {left}") from raised


def _explain(error: HfHubHTTPError, repo_id: str) -> tuple[type[OSError], str]:
    """Kind and sentence of what the Hub refuses."""
    status, said = error.response.status_code, (error.server_message or "no reason").rstrip(".")
    if isinstance(error, RevisionNotFoundError):
        return FileNotFoundError, f"{repo_id} has no such revision: make the branch first, or leave revision out."
    if status == 401:
        return PermissionError, f"the Hub does not know the token (not shown here): {_LOG_IN}."
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
