from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.tokens import channel_field, speaker_tokens, uri_token
from tests.unit.pipeline.strategies import labels


def test_white_space_becomes_an_underscore() -> None:
    assert uri_token(" board\tmeeting \n5") == "board_meeting_5"


def test_a_name_cannot_begin_a_comment() -> None:
    assert uri_token("; ; call") == "call"
    assert uri_token("_call;1") == "_call;1"


def test_a_recording_without_a_name_is_called_audio() -> None:
    assert uri_token("  ") == "audio"


def test_names_that_would_read_the_same_are_numbered() -> None:
    assert speaker_tokens(["Ann B", "Ann_B", None]) == {"Ann B": "Ann_B", "Ann_B": "Ann_B_2", None: "UNKNOWN"}


@given(st.lists(st.none() | labels))
def test_different_speakers_never_share_a_field(names: list[str | None]) -> None:
    fields = speaker_tokens(names)
    assert len(set(fields.values())) == len(set(names))
    assert all(field.split() == [field] for field in fields.values())


def test_channels_count_from_one() -> None:
    assert [channel_field(channel) for channel in (None, 0, 1)] == [1, 1, 2]
