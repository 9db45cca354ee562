"""What can be asked of one repository: ``/api/{models,datasets,spaces}/OWNER/NAME/VERB/...``.

Each function takes a ``Call`` and returns what becomes the JSON of the answer.
"""

import base64
import fnmatch
import hashlib
import json
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from . import cards
from .repository import LFS_PATTERNS, Blob, HubError, Repository


@dataclass
class Call:
    """One request to one repository."""

    repo: Repository
    revision: str | None
    rest: str
    query: dict
    body: bytes
    base: str  # address of the Hub
    lfs: dict  # sha256 -> bytes, what was uploaded

    @property
    def json(self):
        return json.loads(self.body or b"{}")

    def wants(self, flag):
        return self.query.get(flag, ["false"])[0].lower() in ("true", "1")


def revision(call):
    return info(call.repo, call.repo.at(call.revision))


def info(repo, commit):
    """What ``HfApi.repo_info`` shows."""
    tree = commit["tree"]
    card = cards.metadata(tree["README.md"].data.decode()) if "README.md" in tree else {}
    answer = {
        "_id": repo.id,
        "id": repo.id,
        "author": repo.owner,
        "sha": commit["sha"],
        "private": repo.is_private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "lastModified": commit["date"],
        "createdAt": repo.commits[0]["date"],
        "tags": list(card.get("tags") or []),
        "cardData": card,
        "siblings": [_sibling(path, blob) for path, blob in sorted(tree.items())],
    }
    if repo.kind == "model":
        config = json.loads(tree["config.json"].data) if "config.json" in tree else {}
        answer |= {
            "modelId": repo.id,
            "pipeline_tag": card.get("pipeline_tag"),
            "library_name": card.get("library_name") or ("transformers" if config else None),
            "config": {key: config[key] for key in ("architectures", "model_type", "auto_map") if key in config},
        }
    return answer


def _sibling(path, blob):
    sibling = {"rfilename": path, "size": blob.size, "blobId": blob.oid}
    if blob.is_lfs:
        sibling["lfs"] = blob.info(path)["lfs"] | {"sha256": blob.sha256}
    return sibling


def tree(call):
    """Files and folders below ``rest``."""
    commit, base = call.repo.at(call.revision), call.rest.strip("/")
    prefix = f"{base}/" if base else ""
    recursive = call.wants("recursive")
    files, folders = [], {}
    for path, blob in sorted(commit["tree"].items()):
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(2, len(parts))):
            folders[prefix + "/".join(parts[:depth])] = None
        if recursive or len(parts) == 1:
            files.append(blob.info(path))
    if base and not files and not folders:
        raise HubError(404, f"{base} does not exist on {call.revision}", "EntryNotFound")
    if call.wants("expand"):
        last = {"id": commit["sha"], "title": commit["title"], "date": commit["date"]}
        files = [file | {"lastCommit": last} for file in files]
    return [_folder(path) for path in folders] + files


def _folder(path):
    return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}


def paths_info(call):
    wanted = call.json if call.body[:1] == b"{" else parse_qs(call.body.decode())
    tree, found = call.repo.at(call.revision)["tree"], []
    for path in wanted.get("paths", []):
        if path in tree:
            found.append(tree[path].info(path))
        elif any(other.startswith(path.rstrip("/") + "/") for other in tree):
            found.append(_folder(path))
    return found


def refs(call):
    def listed(names, kind):
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in names.items()]

    branches, tags = listed(call.repo.branches, "heads"), listed(call.repo.tags, "tags")
    return {"branches": branches, "converts": [], "tags": tags, "pullRequests": []}


def commits(call):
    authors = [{"user": call.repo.owner}]
    return [
        {"id": commit["sha"], "title": commit["title"], "message": "", "date": commit["date"], "authors": authors}
        for commit in reversed(call.repo.commits)
    ]


def branch(call):
    call.repo.branches[unquote(call.revision)] = call.repo.at(call.json.get("startingPoint"))["sha"]
    return {}


def tag(call):
    call.repo.tags[call.json["tag"]] = call.repo.at(call.revision)["sha"]
    return {}


def settings(call):
    if "visibility" in call.json:
        call.repo.is_private = call.json["visibility"] == "private"
    else:
        call.repo.is_private = call.json.get("private", call.repo.is_private)
    return {"private": call.repo.is_private}


def auth_check(call):
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
    if name not in repo.branches:
        raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
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
    if "README.md" in tree and tree["README.md"] is not head["tree"].get("README.md"):
        cards.check(tree["README.md"].data.decode())
    sha = repo.commit(tree, title, name)
    address = "/".join([call.base, *([] if repo.kind == "model" else [f"{repo.kind}s"]), repo.id, "commit", sha])
    return {"success": True, "commitOid": sha, "commitUrl": address, "hookOutput": ""}


def _apply(key, value, tree, lfs):
    if key == "file":
        tree[value["path"]] = Blob(base64.b64decode(value["content"]), is_lfs=False)
    elif key == "lfsFile":
        if value["oid"] not in lfs:
            raise HubError(400, f"LFS object {value['oid']} was never uploaded")
        tree[value["path"]] = Blob(lfs[value["oid"]], is_lfs=True)
    elif key == "deletedFile":
        if tree.pop(value["path"], None) is None:
            raise HubError(404, f"{value['path']} does not exist", "EntryNotFound")
    elif key == "deletedFolder":
        for path in [path for path in tree if path.startswith(value["path"].rstrip("/") + "/")]:
            del tree[path]
    else:
        raise HubError(400, f"unknown operation {key}")


VERBS = {
    "revision": revision,
    "tree": tree,
    "paths-info": paths_info,
    "refs": refs,
    "commits": commits,
    "branch": branch,
    "tag": tag,
    "settings": settings,
    "auth-check": auth_check,
    "preupload": preupload,
    "commit": commit,
}
READING = ("paths-info",)  # asked by POST, changes nothing
