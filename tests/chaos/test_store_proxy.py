"""The faulty way to the object store: what goes wrong is what was drawn, and whatever arrived whole is written down."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.chaos import store_proxy
from tests.chaos.plan import StoreFault
from tests.chaos.store_faults import LASTING_REQUESTS, StoreFaults
from tests.chaos.store_proxy import StoreProxy, standing_between

PATH, KEY, CONTENT = "/bucket/a%20key", "a key", b"what is stored"


class Drawn(StoreFaults):
    """One fault for all."""

    def __init__(self, fault: StoreFault | None = None, *, heads: bool = True) -> None:
        super().__init__(seed=1, share=0.0)
        self.fault = fault
        self.heads = heads

    def fate(self, method: str, path: str) -> StoreFault | None:
        return self.fault

    def toss(self) -> bool:
        return self.heads


class Store(ThreadingHTTPServer):
    """Keeps what arrives whole."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StoreHandler)
        self.kept: dict[str, bytes] = {}
        self.hosts: list[str | None] = []


class StoreHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) == length:
            self.server.kept[self.path] = body
            self.server.hosts.append(self.headers["Host"])
            self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.server.kept[self.path])

    def _answer(self, body: bytes) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(store: Store) -> Iterator[StoreProxy]:
    made = StoreProxy(f"http://127.0.0.1:{store.server_port}", Drawn())
    with standing_between(made):
        yield made


def asked(proxy: StoreProxy, method: str = "PUT", body: bytes | None = CONTENT) -> tuple[int, bytes]:
    """Status and body of an answer."""
    connection = HTTPConnection(urlsplit(proxy.url).netloc, timeout=5.0)
    try:
        connection.request(method, PATH, body)
        answer: HTTPResponse = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_requests_go_through_as_they_came(proxy: StoreProxy, store: Store) -> None:
    connection = HTTPConnection(urlsplit(proxy.url).netloc, timeout=5.0)
    for content in (b"", CONTENT):
        connection.request("PUT", PATH, content)
        assert connection.getresponse().read() == b""
        connection.request("GET", PATH)
        assert connection.getresponse().read() == content
    connection.close()
    assert set(store.hosts) == {urlsplit(proxy.url).netloc}


def test_what_was_written_is_noted_with_its_digest(proxy: StoreProxy) -> None:
    asked(proxy)
    (copy,) = proxy.written[KEY]
    assert copy.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(("heads", "status"), [(True, 500), (False, 503)])
def test_a_refused_request_does_not_arrive(proxy: StoreProxy, store: Store, heads: bool, status: int) -> None:
    proxy.faults = Drawn(StoreFault.REFUSED, heads=heads)
    assert asked(proxy) == (status, b"")
    assert not store.kept
    assert not proxy.written


def test_where_the_answer_gets_lost_the_request_is_done(proxy: StoreProxy, store: Store) -> None:
    proxy.faults = Drawn(StoreFault.ANSWER_LOST)
    assert asked(proxy) == (500, b"")
    assert proxy.written.pop(KEY)
    proxy.faults = Drawn(StoreFault.ANSWER_LOST, heads=False)
    with pytest.raises((HTTPException, OSError)):
        asked(proxy)
    assert proxy.written[KEY]
    assert store.kept == {PATH: CONTENT}


def test_a_cut_answer_is_shorter_than_it_says(proxy: StoreProxy) -> None:
    asked(proxy)
    proxy.faults = Drawn(StoreFault.ANSWER_CUT)
    with pytest.raises(IncompleteRead) as cut:
        asked(proxy, "GET", None)
    assert cut.value.partial == CONTENT[: len(CONTENT) // 2]


def test_of_a_cut_upload_the_store_keeps_nothing(proxy: StoreProxy, store: Store) -> None:
    proxy.faults = Drawn(StoreFault.UPLOAD_CUT)
    with pytest.raises((HTTPException, OSError)):
        asked(proxy)
    assert not store.kept
    assert not proxy.written


def test_a_stalled_request_is_done_late(
    proxy: StoreProxy, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(store_proxy, "STALL_SECONDS", 0.1)
    proxy.faults = Drawn(StoreFault.STALLED)
    assert asked(proxy) == (200, b"")
    assert store.kept == {PATH: CONTENT}


def test_nobody_is_answered_during_an_outage(proxy: StoreProxy, store: Store) -> None:
    proxy.faults = StoreFaults(seed=1, share=0.0)
    proxy.faults.go_down(60.0)
    with pytest.raises((HTTPException, OSError)):
        asked(proxy)
    assert proxy.faults.inflicted == {StoreFault.DOWN: 1}
    assert not store.kept


def test_faults_are_seeded_and_some_outlast_the_tries_of_a_client() -> None:
    first, second = (StoreFaults(seed=1, share=0.1) for _ in range(2))
    drawn = [
        [faults.fate("PUT", f"/{number // LASTING_REQUESTS}") for number in range(900)] for faults in (first, second)
    ]
    assert drawn[0] == drawn[1]
    tries = zip(*(iter(drawn[0]),) * LASTING_REQUESTS, strict=True)
    assert any(len(set(three)) == 1 and three[0] is not None for three in tries)
    assert first.inflicted.keys() == {
        StoreFault.REFUSED, StoreFault.ANSWER_LOST, StoreFault.STALLED, StoreFault.UPLOAD_CUT,
    }  # fmt: skip
