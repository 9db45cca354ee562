"""One commit to one repository of the Hub, all of it or nothing; what goes wrong is a sentence that says what to do."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HTTPError, RevisionNotFoundError  # HTTPError: the client's own

logger = logging.getLogger(__name__)

_LOG_IN = (
    "log in with `hf auth login`, or set the environment variable HF_TOKEN; a token with write access is made at "
    "https://huggingface.co/settings/tokens"
)
_QUOTA = re.compile(r"quota|storage|limit (?:is )?reached|payment|upgrade your plan", re.IGNORECASE)


def push_files(
    repo_id: str,
    files: Mapping[str, str | Path | bytes],
    *,
    commit_message: str,
    repo_type: str = "model",
    private: bool = False,
    token: str | None = None,
    revision: str | None = None,
    is_outdated: Callable[[str], bool] | None = None,
    space_sdk: str | None = None,
) -> CommitInfo:
    """Commit files to a repository, which is made if need be, in one commit on top of what stood there before.

    A commit of somebody else in between makes this one fail. A push that fails leaves the files on the Hub as they
    were; at worst there is a new repository, empty, which the next push fills. Pushing the same files again changes
    nothing.

    Args:
        repo_id: "owner/name"; without owner under the name of the token's user.
        files: content by path in the repository.
        commit_message: the commit's title.
        repo_type: "model", "dataset" or "space".
        private: make a new repository private, and refuse to push to a public one. A private one stays private.
        token: instead of the one of the environment or of the login.
        revision: branch to commit to.
        is_outdated: says of each other file there whether the commit removes it.
        space_sdk: of a Space.

    Returns:
        What the Hub says of the commit; its ``repo_url`` is the address.

    Raises:
        PermissionError: no token, or one that may not write there; a public repository for a private push.
        ValueError, FileNotFoundError: an impossible name or a card that the Hub refuses; no such revision.
        ConnectionError: the Hub cannot be reached or fails.
        OSError: whatever else it refuses, such as a commit on a stale parent or over the quota.
    """
    with hub_client(repo_id, token) as api:
        before = open_repository(
            api, repo_id, repo_type=repo_type, private=private, revision=revision, space_sdk=space_sdk
        )
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(path, content) for path, content in files.items()
        ]
        if is_outdated is not None:
            others = [file.rfilename for file in before.siblings if file.rfilename not in files]
            operations += [CommitOperationDelete(path) for path in others if is_outdated(path)]
        return api.create_commit(
            before.id,
            operations,
            commit_message=commit_message,
            repo_type=repo_type,
            revision=revision,
            parent_commit=before.sha,
        )


@contextmanager
def hub_client(repo_id: str, token: str | None) -> Iterator[HfApi]:
    """The client with the token given or that of the login, whose errors are sentences that say what to do."""
    token = (token or get_token() or "").strip()
    if not token:
        raise PermissionError(f"the Hub asks who pushes, and no token was found: {_LOG_IN}. Nothing was pushed.")
    if not re.fullmatch(r"[\x21-\x7e]+", token):  # the client would show it
        raise ValueError("the token (not shown) has a space, a line break or a letter outside ASCII: copy it anew.")
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


def open_repository(
    api: HfApi,
    repo_id: str,
    *,
    repo_type: str = "model",
    private: bool = False,
    revision: str | None = None,
    space_sdk: str | None = None,
) -> Any:
    """Make a repository unless it is there; what the Hub knows of it, its full name (``id``) and files among it."""
    repo_id = api.create_repo(repo_id, repo_type=repo_type, private=private, exist_ok=True, space_sdk=space_sdk).repo_id
    found = api.repo_info(repo_id, repo_type=repo_type, revision=revision)
    if private and not found.private:
        raise PermissionError(
            f"{repo_id} is public, and a private push was asked for: make it private in its settings, or choose "
            "another name. Nothing was pushed."
        )
    if found.private and not private:
        logger.info("%s is private and stays so.", repo_id)
    return found


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
