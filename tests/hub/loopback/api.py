"""What can be asked of one repository: ``/api/{models,datasets,spaces}/OWNER/NAME/VERB/...``.

Each function takes a ``Call`` and returns what becomes the JSON of the answer.
"""

import base64
import fnmatch
import json
from dataclasses import dataclass
from urllib.parse import unquote

from .repository import LFS_PATTERNS, Blob, HubError, Repository


@dataclass
class Request:
    """One HTTP request, read."""

    method: str
    path: str
    query: dict
    body: bytes
    base: str  # address of the Hub
    user: str | None

    @property
    def json(self):
        return json.loads(self.body or b"{}")


@dataclass
class Call(Request):
    """One to a repository."""

    repo: Repository
    revision: str | None
    rest: str | None
    lfs: dict  # sha256 -> bytes, what was uploaded


def revision(call):
    return info(call.repo, call.repo.at(call.revision))


def info(repo, commit):
    """What ``HfApi.repo_info`` shows."""
    files = commit["tree"].items()
    return {
        "id": repo.id,
        "sha": commit["sha"],
        "private": repo.is_private,
        "lastModified": commit["date"],
        "tags": [],
        "siblings": [{"rfilename": path, "size": blob.size, "blobId": blob.oid} for path, blob in sorted(files)],
    }


def tree(call):
    """Files below ``rest``."""
    base = unquote(call.rest or "").strip("/")
    recursive = call.query.get("recursive", ["false"])[0].lower() in ("true", "1")
    prefix = f"{base}/" if base else ""
    files = [
        blob.info(path)
        for path, blob in sorted(call.repo.at(call.revision)["tree"].items())
        if path.startswith(prefix) and (recursive or "/" not in path.removeprefix(prefix))
    ]
    if base and not files:
        raise HubError(404, f"{base} does not exist on {call.revision}", "EntryNotFound")
    return files


def branch(call):
    call.repo.branches[unquote(call.revision)] = call.repo.at(call.json.get("startingPoint"))["sha"]
    return {}


def preupload(call):
    """Which way each file is to be uploaded, and what stands there now."""
    tree, answers = call.repo.at(call.revision)["tree"], []
    for file in call.json["files"]:
        name = file["path"].rsplit("/", 1)[-1]
        is_binary = b"\0" in base64.b64decode(file["sample"])
        is_lfs = is_binary or file["size"] > 10_000_000 or any(fnmatch.fnmatch(name, p) for p in LFS_PATTERNS)
        answer = {"path": file["path"], "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False}
        if file["path"] in tree:
            answer["oid"] = tree[file["path"]].etag
        answers.append(answer)
    return {"files": answers}


def commit(call):
    """Apply the operations of one commit, all or none."""
    repo, name = call.repo, unquote(call.revision or "main")
    head = repo.at(name)
    tree, title = dict(head["tree"]), ""
    for line in filter(str.strip, call.body.decode().splitlines()):
        operation = json.loads(line)
        if operation["key"] == "header":
            title = operation["value"]["summary"]
            parent = operation["value"].get("parentCommit")
            if parent and not head["sha"].startswith(parent):
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
        else:
            _apply(operation["key"], operation["value"], tree, call.lfs)
    sha = repo.commit(tree, title, name)
    address = "/".join([call.base, *([] if repo.kind == "model" else [f"{repo.kind}s"]), repo.id, "commit", sha])
    return {"success": True, "commitOid": sha, "commitUrl": address, "hookOutput": ""}


def _apply(key, value, tree, lfs):
    if key == "file":
        tree[value["path"]] = Blob(base64.b64decode(value["content"]), is_lfs=False)
    elif key == "lfsFile":
        tree[value["path"]] = Blob(lfs[value["oid"]], is_lfs=True)
    else:
        assert key == "deletedFile"
        del tree[value["path"]]


VERBS = {"revision": revision, "tree": tree, "branch": branch, "preupload": preupload, "commit": commit}
