"""Decoded frames as float32 arrays, with what was lost between them put back as silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from av.error import FFmpegError

from pipeline.errors import UnsupportedFormat
from pipeline.types import FloatArray

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "flt": 1.0, "dbl": 1.0}
"""Sample formats, less their `p` for planar, and the value that stands for 1."""
HOPELESS = 1_000
"""Packets that fail one after the other before anything decodes, at which the rest is not tried."""
SHORTEST_GAP = 0.06
"""Seconds, and `SHORTEST_SHARE` the same in frames. Time stamps of whole files jump by up to 0.008 s (Vorbis), those of
a file that lost one packet by that packet. Opus leaves 0.4 s between packets while nobody speaks (DTX, RFC 7587), which
players wait out and so must word times."""
SHORTEST_SHARE = 0.75
SCALED_CLOCK = 5.0
"""Frames. Jumps up to here that come again and again are a clock that runs at a multiple (seen: ADPCM, twofold)."""
LONGEST_GAP = 3_600.0
"""Seconds. A longer jump is a clock that was set, not a silence."""
SILENCE_PIECE = 1.0
"""Seconds of silence made at once."""


@dataclass(slots=True)
class Tally:
    """What happened while decoding, in seconds unless said otherwise."""

    heard_samples: Counter[int] = field(default_factory=Counter)
    """Decoded from the file, by sample rate; whole numbers, so that a limit is met exactly."""
    filled_samples: Counter[int] = field(default_factory=Counter)
    """Silence put where packets were missing or damaged, likewise."""
    failures: int = 0
    """Packets that could not be decoded and after which sound followed."""
    trailing_failures: int = 0
    """The same at the end of the file."""
    gaps: int = 0
    """Holes in the time stamps without a damaged packet."""
    invalid_samples: int = 0
    """Samples that were no number."""

    @property
    def heard(self) -> float:
        """Decoded from the file."""
        return sum(count / rate for rate, count in self.heard_samples.items())

    @property
    def filled(self) -> float:
        """Silence put where packets were missing or damaged."""
        return sum(count / rate for rate, count in self.filled_samples.items())

    @property
    def seconds(self) -> float:
        """Length of the recording so far."""
        return self.heard + self.filled


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some consecutive samples at one rate."""

    samples: FloatArray
    """(channels, samples)."""
    rate: int


def read_pieces(container: InputContainer, stream: AudioStream, tally: Tally) -> Iterator[Piece]:
    """Decode a stream frame by frame; damaged packets are counted and their time filled with silence."""
    clock = _Clock()
    for frame in _read_frames(container, stream, tally):
        gap = clock.gap_before(frame, after_failure=tally.trailing_failures > 0)
        if gap and not tally.trailing_failures:
            tally.gaps += 1
        tally.failures += tally.trailing_failures
        tally.trailing_failures = 0
        piece = Piece(_as_float(frame, tally), frame.sample_rate)
        yield from _silence(gap, piece, tally)
        tally.heard_samples[piece.rate] += piece.samples.shape[1]
        yield piece


def _read_frames(container: InputContainer, stream: AudioStream, tally: Tally) -> Iterator[AudioFrame]:
    packets = container.demux(stream)
    while tally.heard_samples or tally.trailing_failures < HOPELESS:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError:
            tally.trailing_failures += 1
            return
        try:
            frames = packet.decode()
        except FFmpegError:
            tally.trailing_failures += 1
        else:
            yield from (frame for frame in frames if frame.samples and frame.sample_rate)


class _Clock:
    """Compares each frame's time stamp with the end of the frame before it; drift never adds up."""

    def __init__(self) -> None:
        self._expected: float | None = None
        self._jump = 0.0

    def gap_before(self, frame: AudioFrame, *, after_failure: bool) -> float:
        """Seconds missing before this frame; 0 where none are, or none that can be trusted."""
        length = frame.samples / frame.sample_rate
        start = None if frame.time_base is None else frame.time
        if start is None:
            self._expected = None if self._expected is None else self._expected + length
            return 0.0
        jump = 0.0 if self._expected is None else start - self._expected
        scaled = SHORTEST_GAP < jump <= SCALED_CLOCK * length and abs(jump - self._jump) < 0.1 * jump
        self._expected, self._jump = start + length, jump
        if after_failure:
            return jump if 0 < jump <= LONGEST_GAP else 0.0
        shortest = max(SHORTEST_GAP, SHORTEST_SHARE * length)
        return jump if shortest < jump <= LONGEST_GAP and not scaled else 0.0


def _silence(seconds: float, like: Piece, tally: Tally) -> Iterator[Piece]:
    left = round(seconds * like.rate)
    while left > 0:
        count = min(left, round(SILENCE_PIECE * like.rate))
        tally.filled_samples[like.rate] += count
        left -= count
        yield Piece(np.zeros((like.samples.shape[0], count), dtype=np.float32), like.rate)


def _as_float(frame: AudioFrame, tally: Tally) -> FloatArray:
    """Samples of a frame as float32 in [-1, 1], (channels, samples)."""
    kind = frame.format.name.removesuffix("p")
    if kind not in FULL_SCALE:
        message = f"samples of the kind {frame.format.name} cannot be read; send 16, 24 or 32 bit audio"
        raise UnsupportedFormat(message)
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(frame.samples, -1).T
    if kind in {"flt", "dbl"}:
        finite = np.isfinite(samples)
        if not finite.all():
            tally.invalid_samples += int(samples.size - finite.sum())
            samples = np.where(finite, samples, 0)
        return samples.astype(np.float32, copy=False)
    centre = FULL_SCALE[kind] if kind == "u8" else 0.0
    return ((samples - np.float32(centre)) * np.float32(1 / FULL_SCALE[kind])).astype(np.float32, copy=False)
