"""A stand-in for the Hugging Face Hub on loopback, for offline tests of the real ``huggingface_hub`` client.

Speaks what huggingface_hub 1.x and 2.x, transformers, datasets and evaluate ask for. Everything is in memory.

    with LoopbackHub() as hub:
        hub.inject("POST .*/commit/", status=503)
        subprocess.run(..., env=hub.environment(home=tmp_path, token="hf_alice"))
        hub.model("alice/x").files
"""

import json
import os
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .api import Request
from .repository import HubError
from .routes import File, Hub


@dataclass
class Fault:
    """What goes wrong with the next requests that match."""

    match: str  # regular expression over "METHOD /path"
    status: int = 0  # of the answer; 0 cuts the connection
    message: str = "injected fault"  # what the Hub says
    times: int = 1  # how many requests it hits
    after: bool = False  # whether the request is carried out first, so that only the answer is lost
    action: object = None  # called instead of an answer, before the request goes on


class LoopbackHub:
    """The server, started by ``with``."""

    def __init__(self):
        self.hub = Hub({"hf_alice": "alice", "hf_bob": "bob"})
        handler = type("BoundHandler", (Handler,), {"hub": self.hub})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()

    def inject(self, match, **options):
        """Let a ``Fault`` happen."""
        self.hub.faults.append(Fault(match, **options))

    def model(self, repo_id):
        return self.hub.repositories["model", repo_id]

    def dataset(self, repo_id):
        return self.hub.repositories["dataset", repo_id]

    def space(self, repo_id):
        return self.hub.repositories["space", repo_id]

    def requests(self, match=""):
        """Requests so far, as "METHOD /path"."""
        return [asked for asked in self.hub.log if re.search(match, asked)]

    def environment(self, home, token=None):
        """Variables for a process whose Hub is this one and whose cache is in ``home``."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "TRANSFORMERS_"))}
        ours = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # evaluate's, which asks a host other than the Hub
        }
        return inherited | ours | ({"HF_TOKEN": token} if token else {})


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args):
        pass

    def _serve(self):
        url, body = urlsplit(self.path), self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = f"{self.command} {url.path}"
        self.hub.log.append(asked)
        fault = self._fault(asked)
        try:
            if fault and not fault.after:
                self._fail(fault)
            with self.hub.lock:
                base = f"http://{self.headers['Host']}"
                user = self._user()
                answer = self.hub.answer(Request(self.command, url.path, parse_qs(url.query), body, base, user))
            if fault and fault.after:
                self._fail(fault)
        except HubError as error:
            headers = {"Content-Type": "application/json", "X-Error-Message": error.message, **error.headers}
            self._send(json.dumps(error.body).encode(), headers, error.status)
        except ConnectionAbortedError:
            self.close_connection = True
        else:
            if not isinstance(answer, File):
                answer = File(json.dumps(answer).encode(), {"Content-Type": "application/json"})
            self._send(answer.data, answer.headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _user(self):
        authorization = self.headers.get("Authorization", "")
        if not authorization.startswith("Bearer "):
            return None
        token = authorization.removeprefix("Bearer ")
        if token not in self.hub.tokens:
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.hub.tokens[token]

    def _fault(self, asked):
        for fault in self.hub.faults:
            if fault.times > 0 and re.search(fault.match, asked):
                fault.times -= 1
                return fault
        return None

    def _fail(self, fault):
        if fault.action:
            fault.action()
        elif fault.status:
            raise HubError(fault.status, fault.message)
        else:
            raise ConnectionAbortedError

    def _send(self, data, headers, status=200):
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if wanted and status == 200:
            size = len(data)
            start = int(wanted[1]) if wanted[1] else max(0, size - int(wanted[2]))
            end = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
            data, status = data[start : end + 1], 206
            headers = {**headers, "Content-Range": f"bytes {start}-{end}/{size}"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
