"""The state of the stand-in Hub and the addresses it answers."""

import hashlib
import re
import threading
from dataclasses import dataclass
from urllib.parse import unquote

from . import api
from .repository import HubError, Repository

KINDS = {None: "model", "models": "model", "datasets": "dataset", "spaces": "space"}


@dataclass
class File:
    """An answer that is a file's bytes."""

    data: bytes
    headers: dict


class Hub:
    """Repositories, uploaded LFS objects, who may do what; ``answer`` is called for each request.

    Args:
        tokens: the user of each token.
    """

    def __init__(self, tokens):
        self.tokens = tokens
        self.repositories = {}  # (kind, id) -> Repository
        self.lfs = {}  # sha256 -> bytes
        self.faults = []
        self.log = []  # each request, as "METHOD /path"
        self.lock = threading.RLock()

    def repository(self, kind, repo_id, user, *, write=False):
        """A repository as far as the user may see and, for ``write``, change it."""
        repo = self.repositories.get((kind, repo_id))
        if repo is None or (repo.is_private and user != repo.owner):
            # The Hub answers 401 to the anonymous and 404 to others. The client knows the 401 as "no such repository"
            # by a pattern that an http address never matches, hence the code in both cases.
            status, message = (401, "Invalid username or password.") if user is None else (404, "Repository not found")
            raise HubError(status, message, "RepoNotFound")
        if write and user != repo.owner:
            raise HubError(401 if user is None else 403, "You don't have the rights to write to this repo")
        return repo

    def answer(self, request):
        """What is sent as JSON, or a File."""
        for pattern, route in self._routes():
            match = re.fullmatch(pattern, request.path)
            if match:
                return route(request, *match.groups())
        raise HubError(404, f"no route {request.method} {request.path}")

    def _routes(self):
        kind = r"(?:(datasets|spaces)/)?"
        return (
            ("/api/whoami-v2", self._whoami),
            ("/api/validate-yaml", lambda request: {"errors": [], "warnings": []}),
            ("/api/repos/create", self._create),
            (rf"/{kind}([^/]+/[^/]+?)\.git/info/lfs/objects/batch", self._lfs_batch),
            ("/lfs/([0-9a-f]{64})", self._lfs_put),
            (rf"/{kind}([^/]+/[^/]+)/(?:resolve|raw)/([^/]+)/(.+)", self._resolve),
            (r"/api/(models|datasets|spaces)/([^/]+/[^/]+)(?:/([a-z-]+))?(?:/([^/]+))?(?:/(.*))?", self._api),
        )

    def _whoami(self, request):
        return {"type": "user", "name": request.user, "orgs": []}

    def _create(self, request):
        asked = request.json
        kind, owner = asked.get("type") or "model", asked.get("organization") or request.user
        repo_id = f"{owner}/{asked['name']}"
        if owner != request.user:
            raise HubError(403, f"You don't have the rights to create a {kind} under this namespace")
        url = "/".join([request.base, *([] if kind == "model" else [f"{kind}s"]), repo_id])
        if (kind, repo_id) in self.repositories:
            raise HubError(409, f"You already created this {kind} repo", url=url)
        is_private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.repositories[kind, repo_id] = Repository(kind, repo_id, is_private=is_private)
        return {"url": url, "name": repo_id, "id": repo_id}

    def _lfs_batch(self, request, kind, repo_id):
        self.repository(KINDS[kind], repo_id, request.user, write=True)
        objects = []
        for wanted in request.json["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.lfs:  # an answer without "actions" says that the object is there
                answer["actions"] = {"upload": {"href": f"{request.base}/lfs/{wanted['oid']}", "header": {}}}
            objects.append(answer)
        return {"transfer": "basic", "objects": objects}

    def _lfs_put(self, request, oid):
        assert hashlib.sha256(request.body).hexdigest() == oid
        self.lfs[oid] = request.body
        return {}

    def _resolve(self, request, kind, repo_id, revision, path):
        commit = self.repository(KINDS[kind], repo_id, request.user).at(revision)
        headers = {"X-Repo-Commit": commit["sha"]}
        blob = commit["tree"].get(unquote(path))
        if blob is None:
            raise HubError(404, "Entry not found", "EntryNotFound", headers)  # for the client to remember it
        # The Hub redirects LFS files to another host; bytes from this one must come with their sha256 as ETag.
        return File(blob.data, headers | {"Accept-Ranges": "bytes", "ETag": f'"{blob.etag}"'})

    def _api(self, request, kind, repo_id, verb, revision, rest):
        repo = self.repository(KINDS[kind], repo_id, request.user, write=request.method != "GET")
        call = api.Call(**vars(request), repo=repo, revision=revision, rest=rest, lfs=self.lfs)
        return api.VERBS[verb or "revision"](call)
