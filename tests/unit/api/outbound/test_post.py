"""Posting a webhook: whatever happens is said, not raised."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.outbound.client import POST_REPLY_BYTES, OutboundClient, Posted
from api.outbound.faults import Fault
from api.outbound.urls import UrlRules
from tests.unit.api.outbound.fakes import NO_AUTHORITIES, PUBLIC, FakeNames, RecordingNetwork, fake_client, reply
from tests.unit.api.outbound.servers import (
    LOOPBACK,
    Behaviour,
    Served,
    dribbling,
    make_certificate,
    sending,
    serving,
    silent_after,
)

NAME = "hooks.example"
BODY = b'{"type":"job.succeeded"}'
SOON = 0.1
"""Seconds for a post that is meant to run out of time."""


def post_to(behaviour: Behaviour, seconds: float = 5, body: bytes = BODY) -> Posted:
    with serving(behaviour) as served:
        return OutboundClient(served.rules, tls=NO_AUTHORITIES).post(served.url, body, {}, seconds=seconds)


def test_body_and_headers_arrive_as_they_are() -> None:
    with serving(sending(reply(204, b""))) as served:
        client = OutboundClient(served.rules, tls=NO_AUTHORITIES)
        posted = client.post(served.url, BODY, {"Content-Type": "application/json", "webhook-id": "evt_1"})
    head, _, body = served.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert (posted.status, posted.error, posted.accepted, body) == (204, None, True, BODY)
    assert lines[0] == "POST /recording HTTP/1.1"
    assert {"content-type: application/json", "webhook-id: evt_1", f"content-length: {len(BODY)}"} <= set(lines)


def test_empty_body_has_a_length_too() -> None:
    """Without one some servers answer 411."""
    with serving(sending(reply(204, b""))) as served:
        OutboundClient(served.rules, tls=NO_AUTHORITIES).post(served.url, b"", {})
    assert b"content-length: 0\r\n" in served.requests[0]


@pytest.mark.parametrize(
    ("status", "error", "accepted"),
    [(200, None, True), (299, None, True), (301, Fault.REDIRECT, False), (304, Fault.REDIRECT, False)]
    + [(status, None, False) for status in (400, 404, 410, 429, 500, 503)],
)
def test_only_a_2xx_is_an_acceptance(status: int, error: str | None, accepted: bool) -> None:
    network = RecordingNetwork(reply(status, b"", location="https://hooks.example/elsewhere"))
    posted = fake_client(network, FakeNames({NAME: [[PUBLIC]]})).post(f"https://{NAME}/", BODY, {})
    assert (posted.status, posted.error, posted.accepted) == (status, error, accepted)
    assert len(network.connections) == 1


def test_wish_to_be_tried_later_is_passed_on() -> None:
    network = RecordingNetwork(reply(503, b"", retry_after="Mon, 02 Feb 2026 12:00:30 GMT"))
    client = OutboundClient(
        UrlRules(),
        tls=NO_AUTHORITIES,
        resolve=FakeNames({NAME: [[PUBLIC]]}),
        connector=network,
        wall_clock=lambda: datetime(2026, 2, 2, 12, 0, 0, tzinfo=UTC),
    )
    assert client.post(f"https://{NAME}/", BODY, {}).retry_after == 30


@pytest.mark.parametrize(
    "behaviour",
    [silent_after(b""), silent_after(b"HTTP/1.1 200"), dribbling(b"HTTP/1.1 200 OK\r\nx: ", b"y")],
    ids=["silent", "half a reply", "headers without end"],
)
def test_receiver_without_an_answer_times_out(behaviour: Behaviour) -> None:
    posted = post_to(behaviour, SOON)
    assert (posted.status, posted.error, posted.accepted) == (None, Fault.TIMEOUT, False)
    assert posted.seconds >= SOON


def test_receiver_that_does_not_read_times_out() -> None:
    """The buffers of a loopback take some MB; after that nothing is sent until somebody reads."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        rules = UrlRules(ports=frozenset({port}), allow_http=True, allowed_networks=LOOPBACK)
        client = OutboundClient(rules, tls=NO_AUTHORITIES)
        assert client.post(f"http://127.0.0.1:{port}/", bytes(20_000_000), {}, seconds=0.3).error == Fault.TIMEOUT


@pytest.mark.parametrize(
    "behaviour",
    [
        silent_after(b"HTTP/1.1 200 OK\r\n\r\nthanks"),
        dribbling(b"HTTP/1.1 200 OK\r\n\r\n", b"y"),
        sending(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\ncut"),
    ],
    ids=["silent body", "body without end", "body cut off"],
)
def test_status_stands_whatever_becomes_of_the_body(behaviour: Behaviour) -> None:
    posted = post_to(behaviour, 0.5)
    assert (posted.status, posted.error, posted.accepted) == (200, None, True)


def test_reply_without_end_is_read_to_64_kb() -> None:
    sent = 0

    def behave(stream: socket.socket, served: Served) -> None:
        nonlocal sent
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        stream.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not served.stopped.is_set():
            sent += stream.send(bytes(65_536))

    with serving(behave) as served:
        posted = OutboundClient(served.rules, tls=NO_AUTHORITIES).post(served.url, BODY, {})
    assert posted.accepted
    assert POST_REPLY_BYTES <= sent < 50_000_000  # the buffers of both sides, and no more


@pytest.mark.parametrize("data", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"])
def test_receiver_that_does_not_speak_http_is_named_so(data: bytes) -> None:
    assert post_to(sending(data)).error == Fault.BAD_REPLY


def test_receiver_that_cuts_the_connection_is_named_so() -> None:
    def reset(stream: socket.socket, served: Served) -> None:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    assert post_to(reset).error == Fault.CLOSED


def test_receiver_that_is_not_there_is_named_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rules = UrlRules(ports=None, allow_http=True, allowed_networks=LOOPBACK)
    assert OutboundClient(rules, tls=NO_AUTHORITIES).post(f"http://127.0.0.1:{port}/", BODY, {}).error == Fault.REFUSED
    names = FakeNames({NAME: [[PUBLIC]]})
    assert fake_client(RecordingNetwork(dead=[PUBLIC]), names).post(f"https://{NAME}/", BODY, {}).error == "unreachable"
    assert fake_client(RecordingNetwork(), FakeNames({})).post(f"https://{NAME}/", BODY, {}).error == Fault.DNS


def test_receiver_whose_certificate_is_invalid_is_sent_nothing(tmp_path: Path) -> None:
    with serving(sending(reply()), make_certificate(tmp_path, NAME).server()) as served:
        rules = UrlRules(ports=frozenset({served.port}), allowed_networks=LOOPBACK)
        client = OutboundClient(rules, tls=NO_AUTHORITIES, resolve=FakeNames({NAME: [["127.0.0.1"]]}))
        assert client.post(f"https://{NAME}:{served.port}/", BODY, {}).error == Fault.TLS
    assert served.requests == []


def test_tls_that_is_never_agreed_on_times_out() -> None:
    """The deadline holds before the first byte of HTTP too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        rules = UrlRules(ports=frozenset({port}), allowed_networks=LOOPBACK)
        client = OutboundClient(rules, tls=NO_AUTHORITIES, resolve=FakeNames({NAME: [["127.0.0.1"]]}))
        assert client.post(f"https://{NAME}:{port}/", BODY, {}, seconds=SOON).error == Fault.TIMEOUT


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://hooks.example/", "https://u:p@hooks.example/", "https://[::1]/"]
)
def test_url_that_is_not_allowed_is_said_not_raised(url: str) -> None:
    network = RecordingNetwork()
    posted = fake_client(network, FakeNames({NAME: [[PUBLIC]]})).post(url, BODY, {})
    assert (posted.status, posted.error) == (None, "url-not-allowed")
    assert network.connections == []
