"""The state of the stand-in Hub and the addresses it answers."""

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from urllib.parse import unquote

from . import api, cards
from .repository import HubError, Repository

KINDS = {None: "model", "models": "model", "datasets": "dataset", "spaces": "space"}
PROFILE = {
    "type": "user",
    "isPro": False,
    "orgs": [],
    "auth": {"type": "access_token", "accessToken": {"displayName": "test", "role": "write"}},
}


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
        self.log = []  # (method, path, status) of each request
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
            ("/api/validate-yaml", lambda request: cards.check(request.json["content"])),
            ("/api/repos/create", self._create),
            (rf"/{kind}([^/]+/[^/]+?)\.git/info/lfs/objects/batch", self._lfs_batch),
            ("/lfs/([0-9a-f]{64})", self._lfs_put),
            ("/lfs-verify", self._lfs_verify),
            (rf"/{kind}([^/]+/[^/]+)/(?:resolve|raw)/([^/]+)/(.+)", self._resolve),
            (r"/api/(models|datasets|spaces)/([^/]+/[^/]+)(?:/([a-z-]+))?(?:/([^/]+))?(?:/(.*))?", self._api),
            ("/api/(models|datasets|spaces)/?", self._list),
        )

    def _whoami(self, request):
        if request.user is None:
            raise HubError(401, "Invalid username or password.")
        return PROFILE | {"id": request.user, "name": request.user, "fullname": request.user}

    def _create(self, request):
        if request.user is None:
            raise HubError(401, "Invalid username or password.")
        asked = request.json
        kind, owner = asked.get("type") or "model", asked.get("organization") or request.user
        repo_id = f"{owner}/{asked['name']}"
        if owner != request.user:
            raise HubError(403, f"You don't have the rights to create a {kind} under this namespace")
        url = "/".join([request.base, *([] if kind == "model" else [f"{kind}s"]), repo_id])
        if (kind, repo_id) in self.repositories:
            # The client reads the address out of this answer.
            raise HubError(409, "exists", payload={"error": "You already created this repo", "url": url})
        is_private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.repositories[kind, repo_id] = Repository(kind, repo_id, is_private=is_private)
        return {"url": url, "name": repo_id, "id": repo_id}

    def _lfs_batch(self, request, kind, repo_id):
        self.repository(KINDS[kind], repo_id, request.user, write=True)
        objects = []
        for wanted in request.json["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.lfs:  # an answer without "actions" says that the object is there
                upload = {"href": f"{request.base}/lfs/{wanted['oid']}", "header": {}}
                answer["actions"] = {"upload": upload, "verify": {"href": f"{request.base}/lfs-verify", "header": {}}}
            objects.append(answer)
        return {"transfer": "basic", "objects": objects}

    def _lfs_put(self, request, oid):
        if hashlib.sha256(request.body).hexdigest() != oid:
            raise HubError(400, "sha256 mismatch")
        self.lfs[oid] = request.body
        return {}

    def _lfs_verify(self, request):
        if len(self.lfs.get(request.json["oid"], b"")) != request.json["size"]:
            raise HubError(400, "not uploaded")
        return {}

    def _resolve(self, request, kind, repo_id, revision, path):
        commit = self.repository(KINDS[kind], repo_id, request.user).at(revision)
        headers = {"X-Repo-Commit": commit["sha"]}
        blob = commit["tree"].get(unquote(path))
        if blob is None:
            error = HubError(404, "Entry not found", "EntryNotFound")
            error.headers = headers  # lets the client remember that there is no such file
            raise error
        # The Hub redirects LFS files to another host; bytes from this one must come with their sha256 as ETag.
        return File(blob.data, headers | {"Accept-Ranges": "bytes", "ETag": f'"{blob.etag}"'})

    def _api(self, request, kind, repo_id, verb, revision, rest):
        verb = verb or "revision"
        if verb not in api.VERBS:
            raise HubError(404, f"no route {request.method} {request.path}")
        write = request.method != "GET" and verb not in api.READING
        repo = self.repository(KINDS[kind], repo_id, request.user, write=write)
        rest = unquote(rest or "")
        return api.VERBS[verb](api.Call(repo, revision, rest, request.query, request.body, request.base, self.lfs))

    def _list(self, request, kind):
        author = request.query.get("author", [None])[0]
        return [
            api.info(repo, repo.at(None))
            for repo in self.repositories.values()
            if repo.kind == KINDS[kind]
            and author in (None, repo.owner)
            and (not repo.is_private or request.user == repo.owner)
        ]
