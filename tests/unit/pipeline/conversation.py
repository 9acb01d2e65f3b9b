"""Conversations of tones: who speaks when is known exactly, and each voice is one pitch.

A voice is a sine of its own frequency, so that what is heard at any instant can be read off a spectrum. `ToneNetwork`
does just that in place of a speaker embedding network, and `KnowingSegmenter` knows the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.embedding.encoder import SpeakerEncoder
from pipeline.embedding.profile import EmbeddingProfile
from pipeline.hooks import Hook
from pipeline.options import SegmentationOptions
from pipeline.segmentation.powerset import Powerset
from pipeline.segmentation.segmenter import FRAMES, WINDOW_FRAMES, Segmentation, Segmenter, window_starts
from pipeline.types import BoolArray, FloatArray, IntArray, Segment
from pipeline.waveform import SAMPLE_RATE, Waveform

Turns = Mapping[int, Sequence[tuple[float, float]]]
"""Voice by number -> start and end of its turns, in seconds."""

PROFILE = EmbeddingProfile(cut=0.7, lowest_cut=0.45, lowest_known_cut=0.5, same_speaker=0.85, same_voice=0.6)
NOISE = 1e-4
POWERSET = Powerset()


def tone_of(voice: int) -> int:
    """Frequency of a voice, in Hz: a whole number of periods in 25 ms, and far from its neighbours."""
    return 400 + 200 * voice


def sing(turns: Turns, duration: float, *, level: float = 0.1) -> Waveform:
    """The conversation as it sounds, over faint noise."""
    samples = np.random.default_rng(0).normal(0, NOISE, round(duration * SAMPLE_RATE))
    seconds = np.arange(len(samples)) / SAMPLE_RATE
    for voice, stretches in turns.items():
        for start, end in stretches:
            inside = (seconds >= start) & (seconds < end)
            samples[inside] += level * np.sin(2 * np.pi * tone_of(voice) * seconds[inside])
    return Waveform.of(samples.astype(np.float32), "conversation")


def frames_of(turns: Turns, frames: int) -> BoolArray:
    """Who is active in the middle of each frame of the recording's grid, (frames, voices)."""
    middles = FRAMES.offset + (np.arange(frames) + 0.5) * FRAMES.step
    active = np.zeros((frames, max(turns, default=0) + 1), dtype=np.bool_)
    for voice, stretches in turns.items():
        for start, end in stretches:
            active[(middles >= start) & (middles < end), voice] = True
    return active


def probabilities_of(local: BoolArray) -> FloatArray:
    """Certainty about who is active: (frames, local speakers) -> (frames, classes), one class a frame."""
    wanted = (local[:, None, :] == POWERSET.members[None]).all(axis=2)
    assert (wanted.sum(axis=1) == 1).all(), "more than two at once"
    return np.asarray(wanted, dtype=np.float32)


def window_of(active: BoolArray) -> FloatArray:
    """One window as segmentation sees it: local speakers are numbered as they appear; (frames, classes)."""
    heard = np.flatnonzero(active.any(axis=0))
    heard = heard[np.argsort(active[:, heard].argmax(axis=0), kind="stable")]
    local = np.zeros((len(active), POWERSET.speakers), dtype=np.bool_)
    local[:, : len(heard)] = active[:, heard]
    return probabilities_of(local)


def segment(turns: Turns, duration: float, step: float = 1.0) -> Segmentation:
    """What a segmentation model that makes no mistakes knows of the conversation."""
    starts = window_starts(round(duration * SAMPLE_RATE), step)
    frames = int(starts[-1]) + WINDOW_FRAMES if len(starts) else 0
    active = frames_of(turns, frames)
    windows = [window_of(active[start : start + WINDOW_FRAMES]) for start in starts]
    stacked = np.stack(windows) if windows else np.zeros((0, WINDOW_FRAMES, POWERSET.classes))
    return Segmentation(stacked.astype(np.float16), starts, duration)


def of_windows(windows: Sequence[FloatArray], starts: Sequence[int] = (0,)) -> Segmentation:
    """A segmentation of hand-made probabilities, each (frames, classes)."""
    first = np.asarray(starts, dtype=np.int64)
    return Segmentation(np.stack(windows).astype(np.float16), first, FRAMES.edge(int(first[-1]) + WINDOW_FRAMES))


def labels_of(segmentation: Segmentation, turns: Turns) -> IntArray:
    """The voice that each local speaker is, -1 for none, (windows, local speakers)."""
    active = frames_of(turns, segmentation.frames)
    labels = np.full((len(segmentation.starts), POWERSET.speakers), -1, dtype=np.int64)
    for number, start in enumerate(segmentation.starts):
        window = active[start : start + WINDOW_FRAMES]
        heard = np.flatnonzero(window.any(axis=0))
        heard = heard[np.argsort(window[:, heard].argmax(axis=0), kind="stable")]
        labels[number, : len(heard)] = heard
    return labels


class KnowingSegmenter(Segmenter):
    """Gives the truth instead of running a network."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.options = SegmentationOptions()
        self.device = torch.device("cpu")

    def __call__(self, audio: Waveform, hook: Hook | None = None) -> Segmentation:
        return segment(self.turns, audio.duration, self.options.step)


class ToneNetwork:
    """`EmbeddingNetwork` in memory: a frame is a spectrum, an embedding the mean spectrum."""

    dimension = 80
    channels = 80

    def __init__(self, frames_per_second: float = 100) -> None:
        self.frames_per_second = frames_per_second
        self.lengths: list[int] = []
        """Feature frames of each stretch given to `frames`."""

    def features(self, samples: Tensor) -> Tensor:
        """Magnitudes at multiples of 40 Hz, every other frame negative: taking out the mean leaves them as they are."""
        padded = torch.nn.functional.pad(samples, (0, max(0, 400 - len(samples))))
        spectra = torch.fft.rfft(padded.unfold(0, 400, 160)).abs()[:, : self.channels] / 200
        signs: Tensor = 1 - 2 * (torch.arange(len(spectra)) % 2)
        features: Tensor = spectra * signs.unsqueeze(1)
        return features

    def prepare(self, dtype: torch.dtype) -> None:
        """Has no numbers of its own."""

    def frames(self, features: Tensor) -> Tensor:
        """Every feature frame, or every second, fourth …, without its sign."""
        self.lengths += [features.shape[1]] * len(features)
        return features[:, :: round(100 / self.frames_per_second)].abs()

    def pool(self, frames: Tensor) -> Tensor:
        """Mean over (frames, 80) -> (80,)."""
        return frames.mean(dim=0)


class SmallNetwork(ToneNetwork):
    """Has memory for two stretches at once, or as many as it is told."""

    room = 2

    def frames(self, features: Tensor) -> Tensor:
        if len(features) > self.room:
            message = "CUDA out of memory. Tried to allocate 512.00 MiB."
            raise torch.OutOfMemoryError(message)
        return super().frames(features)


def tone_encoder(network: ToneNetwork | None = None) -> SpeakerEncoder:
    """An encoder that tells voices by their pitch."""
    return SpeakerEncoder(network or ToneNetwork(), PROFILE)


def direction(voice: int) -> FloatArray:
    """Embedding that `ToneNetwork` gives a voice that is heard alone, (80,)."""
    unit = np.zeros(ToneNetwork.dimension, dtype=np.float32)
    unit[tone_of(voice) // 40] = 1.0
    return unit


def voice_of(embedding: Sequence[float] | FloatArray) -> int:
    """Number of the voice that an embedding is closest to."""
    return (int(np.argmax(np.asarray(embedding))) * 40 - 400) // 200


def covered(segments: Sequence[Segment]) -> float:
    """Seconds that disjoint segments cover."""
    return sum(segment.duration for segment in segments)
