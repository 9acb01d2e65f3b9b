"""Fetching a recording: from servers on the loopback that behave in every way they can."""

from __future__ import annotations

import gzip
import hashlib
import io
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from api.outbound.client import MAX_REDIRECTS, OutboundClient
from api.outbound.errors import (
    SourceForbidden,
    SourceNotAudio,
    SourceTimeout,
    SourceTlsError,
    SourceTooSlow,
    SourceUnavailable,
    UrlNotAllowed,
)
from api.outbound.receiving import Fetched, FetchLimits
from api.outbound.urls import UrlRules
from pipeline.errors import HansardError, SourceNotFound, SourceTooLarge
from tests.unit.api.outbound.fakes import (
    NO_AUTHORITIES,
    OTHER_PUBLIC,
    PUBLIC,
    WAV,
    FakeNames,
    RecordingNetwork,
    fake_client,
    reply,
)
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

NAME = "recordings.example"
PATIENT = FetchLimits(connect_seconds=5, reply_seconds=5, read_seconds=5, total_seconds=5, speed_window=5)
"""No limit is reached by a server that means well."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\n"


def fetch_from(behaviour: Behaviour, limits: FetchLimits = PATIENT, into: io.BytesIO | None = None) -> Fetched:
    with serving(behaviour) as served:
        client = OutboundClient(served.rules, tls=NO_AUTHORITIES)
        return client.fetch(served.url, io.BytesIO() if into is None else into, limits=limits)


def test_recording_is_copied_and_its_digest_taken() -> None:
    into = io.BytesIO()
    fetched = fetch_from(sending(reply(content_type="audio/wav; codecs=1")), into=into)
    assert into.getvalue() == WAV
    assert fetched == Fetched(bytes=len(WAV), sha256=hashlib.sha256(WAV).hexdigest(), content_type="audio/wav")


def test_recording_without_a_length_is_read_to_its_end() -> None:
    assert fetch_from(sending(HEAD + b"\r\n" + WAV)).bytes == len(WAV)
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(WAV), WAV)
    assert fetch_from(sending(chunked)).bytes == len(WAV)


def test_empty_file_is_fetched_and_left_to_the_decoder() -> None:
    assert fetch_from(sending(reply(body=b""))).bytes == 0


def test_request_names_the_host_and_declines_compression() -> None:
    with serving(sending(reply())) as served:
        OutboundClient(served.rules, tls=NO_AUTHORITIES).fetch(served.url + "?a=b#c", io.BytesIO(), limits=PATIENT)
    lines = served.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /recording?a=b HTTP/1.1"
    assert {f"host: 127.0.0.1:{served.port}", "accept-encoding: identity", "user-agent: Hansard"} <= set(lines)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, SourceNotFound), (410, SourceNotFound)]
    + [(status, SourceForbidden) for status in (400, 401, 402, 403, 405, 407, 451)]
    + [(status, SourceUnavailable) for status in (202, 204, 206, 300, 304, 408, 425, 429, 500, 502, 503, 504)],
)
def test_status_decides_the_error(status: int, error: type[HansardError]) -> None:
    network = RecordingNetwork(reply(status, b""))
    with pytest.raises(error, match=str(status)):
        fake_client(network, FakeNames({NAME: [[PUBLIC]]})).fetch(f"https://{NAME}/", io.BytesIO())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(status: int) -> None:
    network = RecordingNetwork(reply(status, b"", location="https://cdn.example:8443/b.wav#t=1"), reply())
    names = FakeNames({NAME: [[PUBLIC]], "cdn.example": [[OTHER_PUBLIC]]})
    assert fake_client(network, names).fetch(f"https://{NAME}/a", io.BytesIO()).bytes == len(WAV)
    assert network.connections == [(PUBLIC, 443), (OTHER_PUBLIC, 8443)]


def test_three_redirects_are_followed_and_a_loop_is_not() -> None:
    def loop(stream: socket.socket, served: Served) -> None:
        stream.sendall(reply(302, b"", location="/recording") if len(served.requests) <= turns else reply())

    turns = MAX_REDIRECTS
    assert fetch_from(loop).bytes == len(WAV)
    turns = 1000
    with serving(loop) as served, pytest.raises(UrlNotAllowed, match="more than 3 times"):
        OutboundClient(served.rules, tls=NO_AUTHORITIES).fetch(served.url, io.BytesIO(), limits=PATIENT)
    assert len(served.requests) == 1 + MAX_REDIRECTS


@pytest.mark.parametrize(
    "location", ["http://recordings.example/", "ftp://x/", "//u:p@recordings.example/", "https://["]
)
def test_redirect_that_breaks_a_rule_is_not_followed(location: str) -> None:
    network = RecordingNetwork(reply(302, b"", location=location))
    with pytest.raises(UrlNotAllowed):
        fake_client(network, FakeNames({NAME: [[PUBLIC]]})).fetch(f"https://{NAME}/", io.BytesIO())
    assert len(network.connections) == 1


def test_redirect_to_nowhere_is_an_answer_without_a_file() -> None:
    with pytest.raises(SourceUnavailable, match="302"):
        fetch_from(sending(reply(302, b"")))


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "TEXT/HTML", "application/xhtml+xml"])
def test_page_is_known_by_its_type(kind: str) -> None:
    into = io.BytesIO()
    with pytest.raises(SourceNotAudio):
        fetch_from(sending(reply(content_type=kind)), into=into)
    assert into.getvalue() == b""


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html><p>Sign in", b'{"error": "expired"}', b"#EXTM3U\n/etc/passwd\n" * 99]
)
def test_page_that_is_called_a_recording_is_known_by_its_beginning(body: bytes) -> None:
    with pytest.raises(SourceNotAudio):
        fetch_from(sending(reply(body=body, content_type="audio/wav")))


def test_beginning_is_judged_however_finely_it_is_cut() -> None:
    page = b"<html>" + bytes(1000)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in page) + b"0\r\n\r\n"
    into = io.BytesIO()
    with pytest.raises(SourceNotAudio):
        fetch_from(sending(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunks), into=into)
    assert len(into.getvalue()) == 512


def test_recording_that_says_it_is_too_large_is_refused_unread() -> None:
    into = io.BytesIO()
    with pytest.raises(SourceTooLarge, match=r"5,000,000,000 bytes"):
        fetch_from(silent_after(HEAD + b"content-length: 5000000001\r\n\r\n"), into=into)
    assert into.getvalue() == b""


@pytest.mark.parametrize("length", [b"", b"transfer-encoding: chunked\r\n"])
def test_recording_that_does_not_say_so_is_cut_off_at_the_limit(length: bytes) -> None:
    piece = b"400\r\n" + b"\xff" * 1024 + b"\r\n" if length else b"\xff" * 1024
    into = io.BytesIO()
    with pytest.raises(SourceTooLarge):
        fetch_from(dribbling(HEAD + length + b"\r\n", piece, pause=0), replace(PATIENT, max_bytes=10_000), into)
    assert len(into.getvalue()) <= 10_000


def test_recording_of_just_the_limit_is_taken() -> None:
    assert fetch_from(sending(reply()), replace(PATIENT, max_bytes=len(WAV))).bytes == len(WAV)
    with pytest.raises(SourceTooLarge):
        fetch_from(sending(reply()), replace(PATIENT, max_bytes=len(WAV) - 1))


def test_recording_shorter_than_it_says_was_cut_off() -> None:
    with pytest.raises(SourceUnavailable, match="bad-reply"):
        fetch_from(sending(HEAD + b"content-length: 5000\r\n\r\n" + WAV))


def test_recording_longer_than_it_says_ends_where_it_said() -> None:
    assert fetch_from(sending(HEAD + b"content-length: 100\r\n\r\n" + WAV)).bytes == 100


def test_compressed_reply_is_refused_unread() -> None:
    """10 MB of zeros are 10 kB of gzip."""
    into = io.BytesIO()
    with pytest.raises(SourceNotAudio, match="Content-Encoding"):
        fetch_from(sending(reply(body=gzip.compress(bytes(10_000_000)), content_encoding="gzip")), into=into)
    assert into.getvalue() == b""


def test_archive_is_copied_as_it_is() -> None:
    """Nothing is unpacked on the way, so that the bytes counted are the bytes written."""
    bomb, into = gzip.compress(bytes(10_000_000)), io.BytesIO()
    assert fetch_from(sending(reply(body=bomb)), replace(PATIENT, max_bytes=len(bomb)), into).bytes == len(bomb)
    assert into.getvalue() == bomb


def test_server_that_never_answers_times_out() -> None:
    with pytest.raises(SourceTimeout):
        fetch_from(silent_after(b""), replace(PATIENT, reply_seconds=0.05))


def test_server_that_sends_its_headers_for_ever_times_out() -> None:
    """Each byte comes well within the time-out of a read; the reply as a whole does not."""
    with pytest.raises(SourceTimeout):
        fetch_from(dribbling(HEAD, b"x"), replace(PATIENT, reply_seconds=0.1))


def test_server_that_falls_silent_times_out() -> None:
    with pytest.raises(SourceTimeout):
        fetch_from(silent_after(HEAD + b"\r\n" + WAV), replace(PATIENT, read_seconds=0.05))


def test_server_that_dribbles_is_too_slow() -> None:
    limits = replace(PATIENT, least_speed=100_000, speed_window=0.05, total_seconds=60)
    with pytest.raises(SourceTooSlow):
        fetch_from(dribbling(HEAD + b"\r\n" + WAV, b"\xff", pieces=200), limits)


def test_server_that_refuses_the_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rules = UrlRules(ports=None, allow_http=True, allowed_networks=LOOPBACK)
    with pytest.raises(SourceUnavailable, match="refused"):
        OutboundClient(rules, tls=NO_AUTHORITIES).fetch(f"http://127.0.0.1:{port}/", io.BytesIO(), limits=PATIENT)


@pytest.mark.parametrize(
    "data", [b"", b"220 mail.example ESMTP\r\n", HEAD + b"x" * 200_000, b"HTTP/1.1 200 OK\r\nbad\r\n\r\n"]
)
def test_server_that_does_not_speak_http_is_unavailable(data: bytes) -> None:
    with pytest.raises(SourceUnavailable):
        fetch_from(sending(data))


def test_name_without_an_address_is_unavailable() -> None:
    with pytest.raises(SourceUnavailable, match="dns"):
        fake_client(RecordingNetwork(), FakeNames({})).fetch(f"https://{NAME}/", io.BytesIO())


def test_certificate_is_checked_against_the_name_not_the_address(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, NAME)
    with serving(sending(reply()), certificate.server()) as served:
        rules = UrlRules(ports=frozenset({served.port}), allowed_networks=LOOPBACK)
        names = FakeNames({NAME: [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
        client = OutboundClient(rules, tls=certificate.trusting(), resolve=names)
        fetched = client.fetch(f"https://{NAME}:{served.port}/", io.BytesIO(), limits=PATIENT)
        with pytest.raises(SourceTlsError):
            client.fetch(f"https://other.example:{served.port}/", io.BytesIO(), limits=PATIENT)
    assert fetched.bytes == len(WAV)
    assert served.names == [NAME, "other.example"]
    assert f"host: {NAME}:{served.port}\r\n".encode() in served.requests[0]
    assert len(served.requests) == 1


def test_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with serving(sending(reply()), make_certificate(tmp_path, NAME).server()) as served:
        rules = UrlRules(ports=frozenset({served.port}), allowed_networks=LOOPBACK)
        client = OutboundClient(rules, resolve=FakeNames({NAME: [["127.0.0.1"]]}))
        with pytest.raises(SourceTlsError):
            client.fetch(f"https://{NAME}:{served.port}/", io.BytesIO(), limits=PATIENT)
    assert served.requests == []


def test_server_that_breaks_off_the_agreement_on_tls_may_be_tried_again() -> None:
    with serving(sending(b"")) as served:
        client = OutboundClient(served.rules, tls=ssl.create_default_context())
        with pytest.raises(SourceUnavailable):
            client.fetch(f"https://127.0.0.1:{served.port}/", io.BytesIO(), limits=PATIENT)


def test_server_without_tls_is_refused() -> None:
    with serving(sending(reply())) as served:
        client = OutboundClient(served.rules, tls=ssl.create_default_context())
        with pytest.raises(SourceTlsError):
            client.fetch(f"https://127.0.0.1:{served.port}/", io.BytesIO(), limits=PATIENT)
