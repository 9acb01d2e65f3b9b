"""Samples to FLAC at 16 kHz and 16 bits, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

import av
import numpy as np

from pipeline.audio import downmix
from pipeline.audio.pcm import PcmRounding
from pipeline.errors import TooManyChannels
from pipeline.options import ChannelPolicy
from pipeline.types import FloatArray, Notice
from pipeline.waveform import SAMPLE_RATE, Waveform
from workers.sandbox.limits import FLAC_CHANNELS

LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""FFmpeg's names for 1 to 8 channels in FLAC. Only the number matters: channels keep their order."""
STRETCH_SECONDS = 60
"""What is mixed down at once; 16 channels of it are 61 MB."""
BUFFER_BYTES = 2**18


def within_flac(blocks: Iterator[FloatArray], policy: ChannelPolicy, notices: list[Notice]) -> Iterator[FloatArray]:
    """Pass on blocks of up to eight channels; mix more down to one, a minute at a time, and say so in `notices`.

    Raises:
        TooManyChannels: there are more than eight, and `policy` wants them apart.
    """
    first = next(blocks)
    channels, whole = first.shape[0], chain([first], blocks)
    if channels <= FLAC_CHANNELS:
        return whole
    if policy == "separate":
        message = (
            f"the recording has {channels} channels, of which no more than {FLAC_CHANNELS} can be kept apart; "
            "send fewer channels, or have them mixed"
        )
        raise TooManyChannels(message)
    message = f"the recording has {channels} channels, more than the {FLAC_CHANNELS} that are kept; they were mixed"
    notices.append(Notice("mixed_down", message))
    # What downmix notices on the way holds for its minute only.
    return (downmix(Waveform(stored=stretch)).samples for stretch in _stretches(whole))


def _stretches(blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
    waiting: list[FloatArray] = []
    for block in blocks:
        waiting.append(block)
        if sum(piece.shape[1] for piece in waiting) >= STRETCH_SECONDS * SAMPLE_RATE:
            yield np.concatenate(waiting, axis=1)
            waiting = []
    if waiting:
        yield np.concatenate(waiting, axis=1)


def write_flac(blocks: Iterator[FloatArray], file: BinaryIO, notices: list[Notice]) -> None:
    """Write blocks of (channels, samples), one at least, to a file that can seek; clip what is beyond full scale.

    FFmpeg's level 5, its default, is both smaller and faster than 0 to 2: 0.8 s an hour of mono speech.
    """
    first = next(blocks)
    written, rounded = 0, PcmRounding()
    with av.open(file, "w", format="flac", buffer_size=BUFFER_BYTES) as container:
        layout = LAYOUTS[first.shape[0] - 1]
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout=layout)
        stream.format = "s16"
        for block in chain([first], blocks):
            packed = rounded(block.T).reshape(1, -1)  # the samples of an instant side by side
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
            frame.sample_rate, frame.pts = SAMPLE_RATE, written
            written += block.shape[1]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    notices += rounded.notices
