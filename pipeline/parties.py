"""Recordings with one party on each channel: when channels are kept apart, and how they come together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.audio import resolve_channels
from pipeline.hooks import Hook
from pipeline.options import PipelineOptions
from pipeline.turns import first_come
from pipeline.types import Diarization, Notice, Recognition
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


def join_recognitions(parties: Sequence[Recognition]) -> Recognition:
    """Put what was said on each channel side by side, in order of time; the language is that of most words."""
    spoken = max(parties, key=lambda party: len(party.words))
    return Recognition(
        segments=tuple(sorted((s for party in parties for s in party.segments), key=lambda s: (s.start, s.end))),
        dropped=tuple(sorted((d for party in parties for d in party.dropped), key=lambda d: (d.start, d.end))),
        language=spoken.language,
        language_confidence=spoken.language_confidence,
        notices=tuple(dict.fromkeys(notice for party in parties for notice in party.notices)),
    )


def on_channel(recognition: Recognition, number: int) -> Recognition:
    """Say of everything on which channel it was heard."""
    segments = [
        replace(segment, channel=number, words=tuple(replace(word, channel=number) for word in segment.words))
        for segment in recognition.segments
    ]
    dropped = [replace(span, channel=number) for span in recognition.dropped]
    return replace(recognition, segments=tuple(segments), dropped=tuple(dropped))


@dataclass(frozen=True)
class ChannelHook:
    """Progress over all channels, of which one after the other is heard."""

    hook: Hook
    number: int
    channels: int

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Count the channels before as done; those after are taken to be as long."""
        self.hook(stage, self.number * total + done, self.channels * total)
