"""A server that speaks as much of the hub's protocol as a download needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from tests.unit.pipeline.models.fakes import digest

COMMIT = "a" * 40


def use_hub(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let the hub's client ask `address`, and say nothing of itself to anyone else."""
    constants = "huggingface_hub.constants"
    monkeypatch.setattr(f"{constants}.ENDPOINT", address)
    monkeypatch.setattr(
        f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(f"{constants}.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(f"{constants}.HF_HUB_DISABLE_TELEMETRY", True)


class FakeHub:
    """One repository with one commit; its files may be exchanged while it runs."""

    def __init__(self, repository: str, files: dict[str, bytes]) -> None:
        self.repository = repository
        self.files = files
        self.commit = COMMIT
        self.asked: list[str] = []

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve on a free port; gives the address."""
        handler = type("Handler", (_Handler,), {"hub": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[FakeHub]

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _answer(self, *, body: bool) -> None:
        hub, path = self.hub, self.path.partition("?")[0]
        hub.asked.append(f"{self.command} {path}")
        described = f"/api/models/{hub.repository}/revision/"
        resolved = f"/{hub.repository}/resolve/{hub.commit}/"
        name = path.removeprefix(resolved)
        if path in {f"{described}main", f"{described}{hub.commit}"}:
            self._send(json.dumps(self._description()).encode(), "application/json", body=body)
        elif path.startswith(resolved) and name in hub.files:
            self._send(hub.files[name], "application/octet-stream", body=body)
        else:
            self.send_error(404)

    def _description(self) -> dict[str, object]:
        siblings = [{"rfilename": name, "size": len(content)} for name, content in self.hub.files.items()]
        return {"id": self.hub.repository, "sha": self.hub.commit, "siblings": siblings, "tags": []}

    def _send(self, content: bytes, kind: str, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{digest(content)}"')
        self.send_header("X-Repo-Commit", self.hub.commit)
        self.end_headers()
        if body:
            self.wfile.write(content)
