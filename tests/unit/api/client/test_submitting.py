from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import get_type_hints

import httpx
import pytest

from api.client import ApiError, SourceChanged, SubmitOptions, Unreachable
from api.options import SubmissionOptions
from pipeline.errors import SourceNotFound
from tests.unit.api.client.service import Clock, Service, problem, submitted

ACCEPTED = httpx.Response(202, json=submitted())


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    path.write_bytes(bytes(range(256)) * 1000)
    return path


def options_in(request: httpx.Request) -> dict[str, object]:
    _, _, rest = request.content.partition(b'name="options"')
    found: dict[str, object] = json.loads(rest.split(b"\r\n\r\n", 1)[1].split(b"\r\n--", 1)[0])
    return found


def keys_of(service: Service) -> list[str | None]:
    return [request.headers.get("idempotency-key") for request in service.requests]


def test_a_file_goes_with_its_options_and_its_length(talk: Path) -> None:
    service = Service(ACCEPTED)
    with service.client() as client:
        assert client.submit_file(talk, {"language": "en"}) == submitted()
    (request,) = service.requests
    assert options_in(request) == {"name": "talk.wav", "language": "en"}
    assert talk.read_bytes() in request.content
    assert int(request.headers["content-length"]) == len(request.content)


def test_a_file_is_read_piece_by_piece_and_told_so(talk: Path) -> None:
    told: list[tuple[int, int]] = []
    with Service(ACCEPTED).client() as client:
        client.submit_file(talk, on_progress=lambda done, total: told.append((done, total)))
    assert told[0] == (65536, 256_000)
    assert told[-1] == (256_000, 256_000)


def test_tries_of_one_submission_have_one_key_and_the_whole_file(talk: Path) -> None:
    clock = Clock()
    service = Service(
        httpx.ReadError("reset"),
        problem("temporarily-unavailable", 503, retry_after="5"),
        problem("request-in-progress", 409, retry_after="5"),
        ACCEPTED,
    )
    with service.client(clock) as client:
        client.submit_file(talk)
    assert len(set(keys_of(service))) == 1
    assert all(talk.read_bytes() in request.content for request in service.requests)
    assert clock.slept == [0.25, 5.0, 5.0]


def test_submissions_have_keys_of_their_own_unless_one_is_given(talk: Path) -> None:
    service = Service(ACCEPTED)
    with service.client() as client:
        client.submit_file(talk)
        client.submit_url("https://example.com/talk.wav")
        client.submit_url("https://example.com/talk.wav", idempotency_key="mine")
    first, second, third = keys_of(service)
    assert first is not None
    assert first != second
    assert third == "mine"
    assert json.loads(service.requests[1].content) == {"url": "https://example.com/talk.wav"}


def test_patience_has_an_end(talk: Path) -> None:
    clock, service = Clock(), Service(problem("queue-quota-exceeded", 429, retry_after="30"))
    with service.client(clock) as client, pytest.raises(ApiError) as raised:
        client.submit_file(talk)
    assert raised.value.slug == "queue-quota-exceeded"
    assert clock.slept == [30.0, 30.0]


def test_sending_a_large_file_wears_nobodys_patience_out(talk: Path) -> None:
    """The first try takes ten minutes, and the service is busy at its end."""
    clock = Clock()

    def busy(_: httpx.Request) -> httpx.Response:
        clock.now += 600.0
        return problem("temporarily-unavailable", 503, retry_after="5")

    service = Service(busy, ACCEPTED)
    with service.client(clock) as client:
        assert client.submit_file(talk) == submitted()
    assert clock.slept == [5.0]


@pytest.mark.parametrize("name", [b'a\nb"c;.wav', b"\xff\xfe.wav", "Gespräch ☎.wav".encode(), b"-rf", b"x" * 250])
def test_a_name_may_hold_any_character(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"RIFF")
    service = Service(ACCEPTED)
    with service.client() as client:
        client.submit_file(path)
    assert options_in(service.requests[0]) == {"name": name.decode("utf-8", errors="replace")}


def test_what_cannot_be_read_is_not_sent(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    service = Service(ACCEPTED)
    with service.client() as client:
        for path in (tmp_path / "absent.wav", tmp_path, fifo, Path("nul\0.wav")):
            with pytest.raises(SourceNotFound):
                client.submit_file(path)
    assert service.requests == []


@pytest.mark.parametrize("size", [100_000, 0, 256_001])
def test_a_file_that_changes_on_the_way_is_not_sent_by_halves(size: int, talk: Path) -> None:
    service = Service(ACCEPTED)
    with service.client() as client, pytest.raises(SourceChanged):
        client.submit_file(talk, on_progress=lambda _, __: os.truncate(talk, size))
    assert service.requests == []


def test_an_error_of_the_disk_is_not_taken_for_one_of_the_network(talk: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    service = Service(ACCEPTED)
    with service.client() as client, pytest.raises(OSError, match="Input/output"):
        client.submit_file(talk, on_progress=fail)


def test_a_call_that_would_act_twice_is_not_repeated() -> None:
    service = Service(httpx.ReadTimeout("late"))
    with service.client() as client, pytest.raises(Unreachable, match="does not answer") as raised:
        client.keys.create("mine", ["read"])
    assert raised.value.sent
    assert len(service.requests) == 1


def test_options_are_those_of_the_service() -> None:
    assert set(get_type_hints(SubmitOptions)) == set(SubmissionOptions.model_fields)
