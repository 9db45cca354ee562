"""One commit to one repository of the Hub: all of it or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi

from blv_trainer.hub.client import hub_client

logger = logging.getLogger(__name__)


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
