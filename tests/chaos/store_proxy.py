"""Stands between the service and its object store: passes requests on, except for those that go wrong.

Headers go through as they came, `Host` among them: what the client has signed is what the store checks.
"""

from __future__ import annotations

import hashlib
import io
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tests.chaos.plan import StoreFault
from tests.chaos.store_faults import StoreFaults

S3_TIMEOUT_SECONDS: Final = 1.0
"""For which the service's processes are told to wait for an answer."""
STALL_SECONDS: Final = 2.5
PIECE_BYTES: Final = 1 << 16
_OF_ONE_HOP: Final = frozenset({"connection", "expect", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An object that was written as a whole."""

    sha256: str
    at: float
    """When the store had said so; seconds since 1970."""
    late: bool
    """After so long that whoever had sent it did not wait any more."""


@dataclass
class StoreProxy:
    """The way to a store."""

    endpoint: str
    """`http://host:port` of the store."""
    faults: StoreFaults
    written: defaultdict[str, list[Copy]] = field(default_factory=lambda: defaultdict(list))
    url: str = ""
    closing: Event = field(default_factory=Event)

    def copies(self) -> Mapping[str, Sequence[Copy]]:
        """All that the store has taken by now, by key."""
        return {key: tuple(copies) for key, copies in list(self.written.items())}


@contextmanager
def standing_between(proxy: StoreProxy) -> Iterator[None]:
    """Serve on the loopback; the proxy's `url` is set."""
    with _Server(proxy) as server:
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            proxy.closing.set()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    # All come at once after an outage; who finds no place in line tries again a second later.
    request_queue_size = 128

    def __init__(self, proxy: StoreProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._store = HTTPConnection(urlsplit(self.server.proxy.endpoint).netloc)

    def finish(self) -> None:
        super().finish()
        self._store.close()

    def _take(self) -> None:
        self._began = time.monotonic()
        fate = self.server.proxy.faults.fate(self.command, self.path)
        try:
            self._meet(fate)
        except (OSError, HTTPException):
            # One side is gone; the other is told by the end of its connection.
            self.close_connection = True

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _take  # noqa: N815 - as http.server calls them

    def _meet(self, fate: StoreFault | None) -> None:
        if fate is not None:
            self.close_connection = True
        match fate:
            case StoreFault.DOWN:
                pass
            case StoreFault.REFUSED:
                for _ in self._body():
                    pass
                self._refuse(500 if self._toss() else 503)
            case StoreFault.UPLOAD_CUT:
                self._pass_on(share=0.5)
            case StoreFault.ANSWER_LOST:
                self._answer_of_store()
                if self._toss():
                    self._refuse(500)
            case StoreFault.STALLED:
                self.server.proxy.closing.wait(STALL_SECONDS)
                self._give(self._answer_of_store())
            case _:
                self._give(self._answer_of_store(), cut=fate is StoreFault.ANSWER_CUT)

    def _toss(self) -> bool:
        return self.server.proxy.faults.toss()

    def _refuse(self, status: int) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer_of_store(self) -> HTTPResponse:
        """Pass the whole request on, and note what it has written."""
        digest = self._pass_on()
        answer = self._store.getresponse()
        path, _, query = self.path.partition("?")
        if self.command == "PUT" and answer.status == 200 and not query:
            _, _, key = path.removeprefix("/").partition("/")
            late = time.monotonic() - self._began > S3_TIMEOUT_SECONDS
            self.server.proxy.written[unquote(key)].append(Copy(sha256=digest, at=time.time(), late=late))
        return answer

    def _pass_on(self, share: float = 1.0) -> str:
        """Send a request with so much of its body; the digest of that."""
        self._store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _OF_ONE_HOP:
                self._store.putheader(name, value)
        self._store.endheaders()
        digest = hashlib.sha256()
        for piece in self._body(share):
            digest.update(piece)
            self._store.send(piece)
        return digest.hexdigest()

    def _body(self, share: float = 1.0) -> Iterator[bytes]:
        left = int(share * int(self.headers.get("Content-Length", "0")))
        while left:
            piece = self.rfile.read(min(left, PIECE_BYTES))
            if not piece:
                raise ConnectionResetError
            left -= len(piece)
            yield piece

    def _give(self, answer: HTTPResponse, *, cut: bool = False) -> None:
        body: HTTPResponse | io.BytesIO = answer
        length = answer.getheader("Content-Length")
        if length is None:
            content = answer.read()
            body, length = io.BytesIO(content), str(len(content))
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in {*_OF_ONE_HOP, "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        left = int(length) // 2 if cut else int(length)
        while left and (piece := body.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            self.wfile.write(piece)
        if not cut:
            answer.read()  # to its end, even where it has no body: before that there is no next one

    def log_message(self, *_: object) -> None:
        pass
