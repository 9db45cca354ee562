"""What the stand-in Hub stores: repositories as lists of commits, each a whole ``{path: Blob}`` snapshot."""

import hashlib
import time
from urllib.parse import unquote

# Files with these names go through LFS, as on the Hub.
LFS_PATTERNS = ("*.safetensors", "*.bin", "*.pt", "*.onnx", "*.pkl", "*.model", "*.parquet", "*tfevents*", "*.png")
GITATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LFS_PATTERNS).encode()


class HubError(Exception):
    """An answer other than 200.

    Args:
        status: the HTTP status.
        message: what the Hub says.
        code: the header ``X-Error-Code``, by which the client tells one 404 from another.
        headers: further ones.
        body: what the answer holds besides the message.
    """

    def __init__(self, status, message, code=None, headers=(), **body):
        super().__init__(message)
        self.body = {"error": message, **body}
        self.status, self.message, self.headers = status, message, dict(headers)
        if code:
            self.headers["X-Error-Code"] = code


class Blob:
    """One version of one file."""

    def __init__(self, data, *, is_lfs):
        self.data, self.is_lfs, self.size = data, is_lfs, len(data)
        self.sha256 = hashlib.sha256(data).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()
        self.pointer_size = len(pointer)
        stored = pointer if is_lfs else data
        self.oid = hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    @property
    def etag(self):
        return self.sha256 if self.is_lfs else self.oid

    def info(self, path):
        info = {"type": "file", "path": path, "size": self.size, "oid": self.oid}
        if self.is_lfs:
            info["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": self.pointer_size}
        return info


class Repository:
    """A model, dataset or Space with its commits, oldest first."""

    def __init__(self, kind, repo_id, *, is_private):
        self.kind, self.id, self.is_private = kind, repo_id, is_private
        self.commits, self.branches = [], {}
        self.commit({".gitattributes": Blob(GITATTRIBUTES, is_lfs=False)}, "initial commit")

    @property
    def owner(self):
        return self.id.split("/")[0]

    @property
    def files(self):
        """Paths at the head of main."""
        return sorted(self.at("main")["tree"])

    def read(self, path):
        """Bytes of a file at the head of main."""
        return self.at("main")["tree"][path].data

    def commit(self, tree, title, branch="main"):
        name = f"{self.kind}{self.id}{title}{len(self.commits)}{time.time_ns()}"
        sha = hashlib.sha1(name.encode()).hexdigest()
        date = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        self.commits.append({"sha": sha, "tree": tree, "title": title, "date": date})
        self.branches[branch] = sha
        return sha

    def at(self, revision):
        """The commit that a branch or sha names."""
        revision = unquote(revision or "main").removeprefix("refs/heads/")
        sha = self.branches.get(revision) or revision
        for commit in reversed(self.commits):
            if commit["sha"] == sha or (len(revision) >= 7 and commit["sha"].startswith(revision)):
                return commit
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
