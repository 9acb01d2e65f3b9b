"""Do the channels of a recording hold different people, or the same sound?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.level import levels
from pipeline.options import ChannelPolicy
from pipeline.types import FloatArray
from pipeline.waveform import Waveform

FRAME = 0.4
"""Seconds. Long enough to even out single sounds (with 0.2 s a stereo image that is panned by frequency looks like two
parties), short enough for a "yes"."""
SILENT = -80.0
"""dBFS. The loudest part of a channel that nobody is connected to; a recording that peaks at -50 dBFS has -64."""
SPEECH_SHARE = 2.0
"""Seconds of its loudest frames (at most 10 % of the recording) by which the level of a channel is told, so that a
party who says little is heard and a click is not."""
SPEECH_RANGE = 6.0
"""dB between a channel's loudest and quietest tenth that speech exceeds: noise and hum reach 1, one sentence without
pauses and speech in noise at 9 dB have 10, calls 43 and more."""
ACTIVE_RANGE = 25.0
"""dB below a channel's level down to which a frame counts as active."""
LEVEL_GAP = 35.0
"""dB. A channel quieter than the other by more holds its echo and no party (a real call: 48 while one party was silent;
the quietest caller allowed for: 20)."""
PARTY_SHARE = 0.05
"""A party that speaks in less than this share of the active frames (and less than 1 s) does not tell channels apart."""
SEPARATION = 16.0
"""dB; see `resolve_channels`."""
ENVELOPE_CORRELATION = 0.5
"""See `resolve_channels`."""
ECHO_CORRELATION = 0.8
"""See `resolve_channels`."""
ECHO_FRAME, ECHO_SECONDS = 0.05, 0.6
"""Resolution and reach of the search for a delayed copy, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelComparison:
    """What was measured on two channels; the figures behind `resolve_channels`."""

    both_speak: bool
    """Both channels have the level and the dynamics of speech."""
    separation: float
    """dB between the level differences of the frames that lean most to one and to the other channel."""
    envelope_correlation: float
    """Of the two levels over time, -1..1."""
    echo_correlation: float
    """The same at the best delay within 0.6 s: near 1 where one channel is a copy of the other."""

    @property
    def different_parties(self) -> bool:
        """True where the channels hold two different parties."""
        apart = self.separation >= SEPARATION or self.envelope_correlation < ENVELOPE_CORRELATION
        return self.both_speak and apart and self.echo_correlation < ECHO_CORRELATION


def resolve_channels(waveform: Waveform, policy: ChannelPolicy) -> Literal["mix", "separate"]:
    """Decide whether to take channels together or each for itself. "mix" and "separate" are obeyed.

    "auto" separates exactly where there are two channels, both carry speech, and they hold different parties: the level
    difference between the channels swings by 16 dB or more as the floor changes hands, or the levels hardly go together
    (two people at once); and neither channel is only a delayed copy of the other.

    Measured, swing in dB where it should be separate: two calls 134 and 145, the same with crosstalk of -20, -15, -10
    dB in both directions 40, 30, 20 (as a 200 ms echo through a telephone band 52, 43, 33), with one side 20 dB
    quieter in noise 37, with noise 15 dB below the speech 27; two people who talk at once 70. Where it should be
    mixed: dual mono 0, voices panned so that their level differs by 3 dB between the sides 6, by 6 dB 12 (with delays
    and reverberation 13), low and high frequencies on different sides 15, music 8. Voices whose level differs by more
    than 8 dB between the sides are as far apart as in a call with crosstalk, and treated alike.

    Correlation of the levels, where the swing does not decide: two who talk at once 0.25, one sound on both sides
    0.72 and more. At the best delay: one party and its echo 0.96 to 1.00, two parties with the worst crosstalk at
    most 0.55.
    """
    if policy != "auto":
        return policy
    if waveform.channels != 2 or waveform.duration < 3 * FRAME:  # noqa: PLR2004
        return "mix"
    return "separate" if compare_channels(waveform).different_parties else "mix"


def channel_is_silent(waveform: Waveform) -> bool:
    """Tell whether a one-channel waveform holds nothing: all of it, less any offset, is below -80 dBFS."""
    return not waveform.length or bool(loudness(levels(waveform, FRAME)[0], FRAME) < SILENT)


def loudness(level: FloatArray, frame: float) -> float:
    """Level that a channel exceeds for two seconds, or a tenth of a shorter recording, in dBFS.

    Args:
        level: level of each frame in dBFS, (frames,).
        frame: length of a frame in seconds.
    """
    count = max(1, int(min(SPEECH_SHARE / frame, 0.1 * len(level))))
    return float(np.partition(level, -count)[-count])


def compare_channels(waveform: Waveform) -> ChannelComparison:
    """Measure the two channels of a recording."""
    level = levels(waveform, FRAME)  # (2, frames), dBFS
    loud = np.array([loudness(row, FRAME) for row in level])
    floor = np.percentile(level, 10, axis=1)
    speech = (loud > SILENT) & (loud - floor >= SPEECH_RANGE)
    return ChannelComparison(
        both_speak=bool(speech.all() and abs(loud[0] - loud[1]) <= LEVEL_GAP),
        separation=_separation(level, np.maximum(loud - ACTIVE_RANGE, (loud + floor) / 2)),
        envelope_correlation=_correlation(*np.maximum(level, (loud - ACTIVE_RANGE)[:, None])),
        echo_correlation=_echo(levels(waveform, ECHO_FRAME)),
    )


def _separation(level: FloatArray, active_above: NDArray[np.float64]) -> float:
    """Swing of the level difference over frames in which either channel is active, in dB."""
    active = (level > active_above[:, None]).any(axis=0)
    difference = np.sort(level[0, active] - level[1, active])
    count = len(difference)
    if not count:
        return 0.0
    edge = min((count + 1) // 2, max(round(1 / FRAME), int(np.ceil(PARTY_SHARE * count))))
    return float(difference[count - edge] - difference[edge - 1])


def _echo(level: FloatArray) -> float:
    """Highest correlation of the two levels over all delays either way; -1 where there is nothing to compare."""
    floors = np.array([[loudness(row, ECHO_FRAME) - ACTIVE_RANGE] for row in level])
    left, right = np.maximum(level, floors)
    reach = min(round(ECHO_SECONDS / ECHO_FRAME), len(left) // 3)
    later = (_correlation(left[: len(left) - lag], right[lag:]) for lag in range(reach + 1))
    earlier = (_correlation(left[lag:], right[: len(right) - lag]) for lag in range(reach + 1))
    return max(*later, *earlier)


def _correlation(left: FloatArray, right: FloatArray) -> float:
    """Pearson's r; 0 where one side does not change."""
    left, right = left - left.mean(), right - right.mean()
    power = float(np.sqrt((left @ left) * (right @ right)))
    return float(left @ right) / power if power else 0.0
