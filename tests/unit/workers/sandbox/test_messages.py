"""What the decoder's process says is checked word by word."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import errors
from workers.sandbox.messages import REFUSALS, Finished, Progress, Refused, Unintelligible, read_message

MEDIA: dict[str, Any] = {
    "uri": "a",
    "format": "wav",
    "codec": "pcm_s16le",
    "sample_rate": 8_000,
    "channels": 2,
    "audio_streams": 1,
    "has_video": False,
    "seconds": None,
    "promised": False,
    "bytes": 100,
}


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_a_whole_message_is_read() -> None:
    notice = {"code": "gaps", "message": "0.1 s are missing"}
    message = read_message(line(event="decoded", media=MEDIA, notices=[notice]))
    assert isinstance(message, Finished)
    assert message.media.model_dump() == MEDIA
    assert read_message(line(event="progress", done=1.5, total=2)) == Progress(event="progress", done=1.5, total=2.0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        line(event="unheard-of"),
        line(event="ready", more=1),
        line(event="progress", done=-1.0, total=1.0),
        b'{"event": "progress", "done": NaN, "total": 1.0}',
        b'{"event": "progress", "done": 1e999, "total": 1.0}',
        line(event="progress", done="1", total=1.0),
        line(event="refused", slug="corrupt-media"),
        line(event="refused", slug="corrupt media", message="a"),
        line(event="refused", slug="corrupt-media", message="a" * 1_001),
        line(event="decoded", media={}, notices=[]),
        line(event="decoded", media=MEDIA | {"more": 1}, notices=[]),
        line(event="decoded", media=MEDIA | {"codec": "a" * 201}, notices=[]),
        line(event="decoded", media=MEDIA | {"bytes": 2**64}, notices=[]),
        line(event="decoded", media=MEDIA, notices=[{"code": "<script>", "message": "a"}]),
        line(event="decoded", media=MEDIA, notices=[{"code": "gaps", "message": "a"}] * 21),
    ],
)
def test_anything_else_is_refused_without_being_repeated(data: bytes) -> None:
    with pytest.raises(Unintelligible, match=r"^not a message: \d+ mistakes in \d+ bytes$"):
        read_message(data)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(Unintelligible, match="not a message"):
        read_message(data)


@pytest.mark.parametrize("slug", sorted(REFUSALS))
def test_every_audio_error_comes_back_as_itself(slug: str) -> None:
    message = read_message(line(event="refused", slug=slug, message="why"))
    assert isinstance(message, Refused)
    assert (type(message.error()).slug, str(message.error())) == (slug, "why")


def test_only_errors_of_recordings_can_be_claimed() -> None:
    assert len(REFUSALS) > 10
    assert all(issubclass(kind, errors.AudioError) for kind in REFUSALS.values())
    message = read_message(line(event="refused", slug="model-corrupt", message="why"))
    assert isinstance(message, Refused)
    with pytest.raises(Unintelligible, match="no recording is refused"):
        message.error()
