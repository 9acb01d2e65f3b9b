"""Recordings with one party on each channel."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import parties
from pipeline.options import PipelineOptions, SpeakerCount
from pipeline.parties import ChannelHook, join_diarizations, keeps_channels_apart, noting_single_channel
from pipeline.types import Diarization, Notice, Speaker, Turn
from pipeline.waveform import Waveform


def party(label: str, channel: int, *spans: tuple[float, float]) -> Diarization:
    """One voice on one channel."""
    turns = tuple(Turn(start=start, end=end, speaker=label, channel=channel) for start, end in spans)
    speaker = Speaker(label=label, speech_seconds=sum(turn.duration for turn in turns), channel=channel)
    return Diarization(turns=turns, exclusive=turns, speakers=(speaker,), notices=(Notice("said", "twice"),))


@pytest.mark.parametrize(
    ("count", "apart"),
    [
        (SpeakerCount(), True),
        (SpeakerCount(exactly=2), True),
        (SpeakerCount(exactly=3), False),
        (SpeakerCount(at_least=3), False),
        (SpeakerCount(at_most=1), False),
        (SpeakerCount(at_least=1, at_most=4), True),
    ],
)
def test_channels_are_one_party_each_unless_the_count_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, count: SpeakerCount, apart: bool
) -> None:
    monkeypatch.setattr(parties, "resolve_channels", lambda *_: "separate")
    stereo = Waveform.of(np.zeros((2, 16), dtype=np.float32))
    assert keeps_channels_apart(stereo, PipelineOptions(speakers=count)) is apart
    assert keeps_channels_apart(stereo, PipelineOptions(channels="separate", speakers=count))


def test_one_channel_is_noted_only_where_several_were_asked_for() -> None:
    mono = Waveform.of(np.zeros(16, dtype=np.float32))
    assert noting_single_channel(mono, PipelineOptions()).notices == ()
    (notice,) = noting_single_channel(mono, PipelineOptions(channels="separate")).notices
    assert notice.code == "single_channel"


def test_joined_parties_keep_their_turns_in_order_and_the_floor_to_one() -> None:
    """Whoever began first keeps the floor; what was said of both is said once."""
    joined = join_diarizations([party("CHANNEL_00", 0, (0, 4), (6, 8)), party("CHANNEL_01", 1, (3, 5))])
    assert [(turn.start, turn.end) for turn in joined.turns] == [(0, 4), (3, 5), (6, 8)]
    assert [(turn.start, turn.end) for turn in joined.exclusive] == [(0, 4), (4, 5), (6, 8)]
    assert joined.labels == ("CHANNEL_00", "CHANNEL_01")
    assert len(joined.notices) == 1


def test_progress_counts_the_channels_before_as_done() -> None:
    told: list[tuple[float, float]] = []
    hook = ChannelHook(lambda _stage, done, total: told.append((done, total)), number=1, channels=2)
    hook("asr", 5.0, 10.0)
    assert told == [(15.0, 20.0)]
