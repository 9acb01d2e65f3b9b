"""Recordings with one party on each channel: when channels are kept apart, and how they come together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.audio import resolve_channels
from pipeline.hooks import Hook
from pipeline.options import PipelineOptions
from pipeline.turns import first_come
from pipeline.types import Diarization, Notice
from pipeline.waveform import Waveform


def keeps_channels_apart(audio: Waveform, options: PipelineOptions) -> bool:
    """Whether each channel is a party: not where there is one channel, nor where another number of voices is known."""
    if audio.channels == 1 or resolve_channels(audio, options.channels) == "mix":
        return False
    count = options.speakers
    known = count.lower <= audio.channels <= (count.upper or audio.channels)
    return known or options.channels == "separate"


def noting_single_channel(audio: Waveform, options: PipelineOptions) -> Waveform:
    """Say so where channels were to be kept separate and there is only one."""
    if audio.channels > 1 or options.channels != "separate":
        return audio
    message = "channels were to be kept separate, but the recording has one; its voices were told apart instead"
    return replace(audio, notices=(*audio.notices, Notice("single_channel", message)))


def join_diarizations(parties: Sequence[Diarization]) -> Diarization:
    """Put the parties of one recording side by side, in order of time."""
    return Diarization(
        turns=tuple(
            sorted((turn for party in parties for turn in party.turns), key=lambda turn: (turn.start, turn.end))
        ),
        exclusive=first_come(turn for party in parties for turn in party.exclusive),
        speakers=tuple(speaker for party in parties for speaker in party.speakers),
        notices=tuple(dict.fromkeys(notice for party in parties for notice in party.notices)),
    )


@dataclass(frozen=True)
class ChannelHook:
    """Progress over all channels, of which one after the other is heard."""

    hook: Hook
    number: int
    channels: int

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Count the channels before as done; those after are taken to be as long."""
        self.hook(stage, self.number * total + done, self.channels * total)
