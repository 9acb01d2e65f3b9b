"""Embeddings of the local speakers of every window, from frames that are computed once.

Windows overlap and every window has several local speakers, so that the usual way runs the network over the same second
of audio up to thirty times. Here the costly part runs once per second of speech, on the stretches in which one local
speaker is active alone; each window then pools the frames that are its local speaker's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.embedding.encoder import FEATURES_PER_SECOND, MIN_SECONDS, SpeakerEncoder
from pipeline.hooks import Hook, NullHook
from pipeline.segmentation.segmenter import FRAME_SAMPLES, FRAMES, WINDOW_FRAMES, WINDOW_SAMPLES, Segmentation
from pipeline.types import BoolArray, FloatArray, IntArray, Notice, Segment
from pipeline.waveform import SAMPLE_RATE, Waveform

MIN_POOLED_SECONDS = 0.24
"""Fewer frames than this give no usable statistics."""
TILES = 8
"""Windows that are listened to at once, 80 s: stretches of a length share a batch of the network. A second or so of CPU
time, some seconds with ECAPA; frames of 8 MB (CAM++), 50 MB (ECAPA), and as much again while they are moved."""


@dataclass(frozen=True, eq=False)
class LocalSpeakers:
    """Every local speaker of every window."""

    embeddings: FloatArray
    """(windows, local speakers, dimension), unit norm; NaN where there was too little to listen to."""
    clean_seconds: FloatArray
    """(windows, local speakers): active alone."""
    active_seconds: FloatArray
    """(windows, local speakers): active at all."""
    notices: tuple[Notice, ...] = ()

    @property
    def embedded(self) -> BoolArray:
        """Which local speakers have an embedding, (windows, local speakers)."""
        return ~np.isnan(self.embeddings[..., 0])


def embed_local_speakers(
    audio: Waveform, segmentation: Segmentation, encoder: SpeakerEncoder, hook: Hook | None = None
) -> LocalSpeakers:
    """Embed the local speakers of all windows of a one-channel recording."""
    hook = hook or NullHook()
    shape = (len(segmentation.starts), segmentation.powerset.speakers)
    embeddings = np.full((*shape, encoder.dimension), np.nan, dtype=np.float32)
    clean, active = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    store = _FrameStore(encoder)
    pending, tiles = 0, _tiling(segmentation.starts)
    for first in range(0, len(tiles), TILES):
        group = tiles[first : first + TILES]
        store.listen(audio, [(int(segmentation.starts[tile]), _alone(segmentation.activity(tile))) for tile in group])
        while pending <= group[-1]:
            start, activity = int(segmentation.starts[pending]), segmentation.activity(pending)
            alone = _alone(activity)
            clean[pending], active[pending] = (each.sum(axis=0) * FRAMES.step for each in (alone, activity))
            for speaker in range(shape[1]):
                embeddings[pending, speaker] = store.pool(start, _mask(activity[:, speaker], alone[:, speaker]))
            pending += 1
        if pending < len(segmentation.starts):
            store.forget(int(segmentation.starts[pending]))
        heard = (int(segmentation.starts[group[-1]]) * FRAME_SAMPLES + WINDOW_SAMPLES) / SAMPLE_RATE
        hook("embedding", min(heard, audio.duration), audio.duration)
    return LocalSpeakers(embeddings, clean, active, store.batches.notices)


def _alone(activity: BoolArray) -> BoolArray:
    """Frames in which one local speaker is active and no other: as `activity`, (frames, local speakers)."""
    return np.asarray(activity & (activity.sum(axis=1, keepdims=True) == 1), dtype=np.bool_)


def _tiling(starts: IntArray) -> list[int]:
    """Numbers of the windows that together cover the recording but for single frames, with as little overlap as can be.

    The first and the last are always among them.
    """
    chosen = [0] if len(starts) else []
    while chosen and chosen[-1] < len(starts) - 1:
        # One frame (17 ms) may stay between two tiles: that is how windows a second apart come to lie end to end.
        reached = int(np.searchsorted(starts, starts[chosen[-1]] + WINDOW_FRAMES + 1, side="right")) - 1
        chosen.append(max(reached, chosen[-1] + 1))
    return chosen


def _mask(active: BoolArray, alone: BoolArray) -> BoolArray:
    """Frames to listen to: those in which the speaker is alone, or all of hers where these are too few."""
    return alone if alone.sum() * FRAMES.step >= MIN_SECONDS else active


class _FrameStore:
    """Frame-level features of the last windows, on the recording's own grid of the network's frame rate."""

    def __init__(self, encoder: SpeakerEncoder) -> None:
        self.encoder = encoder
        self.batches = encoder.batches()
        self.rate = encoder.network.frames_per_second
        self.hop = round(FEATURES_PER_SECOND / self.rate)
        self.first = 0
        self.frames = torch.zeros(0, encoder.network.channels, device=encoder.device)
        self.known = np.zeros(0, dtype=np.bool_)

    def listen(self, audio: Waveform, windows: Sequence[tuple[int, BoolArray]]) -> None:
        """Compute the frames of some windows in which a local speaker is alone, as far as they are not known yet.

        Of each window, in order: its first frame, and who is alone, (frames, local speakers).
        """
        unheard = [each for start, alone in windows for each in self._unheard(audio, start, alone)]
        found = self.encoder.stretch_frames([stretch for _, stretch in unheard], self.batches)
        for (positions, _), frames in zip(unheard, found, strict=True):
            self.frames[torch.from_numpy(positions).to(self.encoder.device)] = frames[: len(positions)]

    def _unheard(self, audio: Waveform, start: int, alone: BoolArray) -> Iterator[tuple[IntArray, Tensor]]:
        """Make room for a window; gives, for each voice of it, where its frames belong, and its features, (time, 80).

        They are taken to be known from now on. A voice's stretches are joined, so that the network hears it without
        gaps.
        """
        first = round(FRAMES.edge(start) * FEATURES_PER_SECOND)
        stretch = Segment(first / FEATURES_PER_SECOND, FRAMES.edge(start + WINDOW_FRAMES) + 0.025)
        features = self.encoder.features(audio.crop(stretch))
        self._reserve((first + len(features)) // self.hop + 1)
        numbers = np.arange(len(features))
        of_frame = _segmentation_frame(first + numbers, FEATURES_PER_SECOND, start)
        voices = [numbers[alone[of_frame, speaker]] for speaker in range(alone.shape[1])]
        voices = [mine[~self.known[(first + mine) // self.hop - self.first]] for mine in voices]
        for mine in voices:
            if len(mine) >= MIN_SECONDS * FEATURES_PER_SECOND:
                positions = (first + mine[:: self.hop]) // self.hop - self.first
                self.known[positions] = True
                yield positions, features[torch.from_numpy(mine).to(self.encoder.device)]

    def pool(self, start: int, mask: BoolArray) -> FloatArray:
        """Embed what `mask` (frames of the window that starts at `start`) selects; NaN where too little is known."""
        low = int(FRAMES.edge(start) * self.rate)
        high = min(int(FRAMES.edge(start + WINDOW_FRAMES) * self.rate), self.first + len(self.known))
        positions = np.arange(max(low, self.first), high)
        selected = positions[mask[_segmentation_frame(positions, self.rate, start)]] - self.first
        selected = selected[self.known[selected]]
        if len(selected) < MIN_POOLED_SECONDS * self.rate:
            return np.full(self.encoder.dimension, np.nan, dtype=np.float32)
        return self.encoder.pool(self.frames[torch.from_numpy(selected).to(self.encoder.device)])

    def forget(self, before: int) -> None:
        """Let go of what lies before segmentation frame `before`: no later window will ask for it."""
        gone = max(0, int(FRAMES.edge(before) * self.rate) - self.first)
        self.frames, self.known, self.first = self.frames[gone:].clone(), self.known[gone:], self.first + gone

    def _reserve(self, end: int) -> None:
        more = max(0, end - self.first - len(self.known))
        self.frames = torch.cat([self.frames, self.frames.new_zeros(more, self.frames.shape[1])])
        self.known = np.append(self.known, np.zeros(more, dtype=np.bool_))


def _segmentation_frame(positions: IntArray, rate: float, start: int) -> IntArray:
    """Frame of the window (from `start`) that is heard in each position of a grid of `rate` a second."""
    seconds = (positions + 0.5) / rate
    frames = np.floor((seconds - FRAMES.offset) / FRAMES.step).astype(np.int64) - start
    return np.asarray(np.clip(frames, 0, WINDOW_FRAMES - 1), dtype=np.int64)
