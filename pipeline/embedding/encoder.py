"""A loaded speaker embedding model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.audio.channels import channel_is_silent
from pipeline.batch_size import BatchSize
from pipeline.embedding.campplus import CamPlusPlus
from pipeline.embedding.ecapa import EcapaTdnn
from pipeline.embedding.network import EmbeddingNetwork
from pipeline.embedding.profile import CAMPPLUS, ECAPA, WESPEAKER, EmbeddingProfile
from pipeline.embedding.resnet import ResNet34
from pipeline.errors import AudioTooShort, NoSpeech, UnknownModel
from pipeline.models.load import load_tensors
from pipeline.models.store import ModelStore
from pipeline.side_by_side import spread
from pipeline.types import FloatArray
from pipeline.waveform import SAMPLE_RATE, Waveform

FEATURES_PER_SECOND: Final = 100
MIN_SECONDS: Final = 0.4
"""Shortest stretch of one voice that says anything about it."""
LONGEST_STRETCH: Final = 30.0
"""Seconds that go through the network at once, so that memory is bounded."""
LENGTH_STEPS: Final = ((250, 50), (math.inf, 100))
"""Lengths of stretches are rounded up, in feature frames: those of at most so many to a multiple of so many."""
BATCH_FRAMES: Final[Mapping[str, int]] = {"cpu": 1000, "cuda": 30_000}
"""Feature frames that go through the network at once, on a CPU as many as its caches hold (CAM++, CPU milliseconds a
second of speech in stretches of 2.5 s: 1 at once 15.0, 4 12.7, 8 12.9, 16 15.6). Not measured on a GPU."""
KNOWN_NETWORKS: Final[tuple[tuple[str, Callable[[Mapping[str, Tensor]], EmbeddingNetwork], EmbeddingProfile], ...]] = (
    ("xvector.tdnn.linear.weight", CamPlusPlus.of, CAMPPLUS),
    ("mfa.conv.conv.weight", EcapaTdnn.of, ECAPA),
    ("resnet.seg_1.weight", ResNet34.of, WESPEAKER),
)
"""A tensor name that only this network has, how to build it, and its thresholds."""


class SpeakerEncoder:
    """Turns stretches of one voice into points on the unit sphere: the same voice lands close, whatever it says.

    `threads`: batches that are at work at the same time, on a CPU.
    """

    def __init__(
        self,
        network: EmbeddingNetwork,
        profile: EmbeddingProfile,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        threads: int = 1,
    ) -> None:
        self.device = torch.device(device)
        if isinstance(network, nn.Module):
            network.to(self.device).eval()
        network.prepare(dtype)
        self.network = network
        self.profile = profile
        self.threads = threads if self.device.type == "cpu" else 1
        self.dtype = dtype

    @classmethod
    def from_pretrained(
        cls,
        store: ModelStore,
        name: str = "campplus",
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        threads: int = 1,
    ) -> SpeakerEncoder:
        """Load a model of the catalog, or a local checkpoint of one of the networks known here.

        The costly part computes in `dtype`; features, statistics and embeddings are always float32.

        Raises `ModelUnavailable`, `ModelCorrupt` or `UnknownModel`.
        """
        tensors = load_tensors(store.path(name))
        for marker, build, profile in KNOWN_NETWORKS:
            if marker in tensors:
                return cls(build(tensors), profile, device, dtype, threads)
        message = f"{name} is none of the speaker embedding networks known here: CAM++, ECAPA-TDNN, WeSpeaker ResNet34"
        raise UnknownModel(message)

    @property
    def dimension(self) -> int:
        """Size of an embedding."""
        return self.network.dimension

    @torch.inference_mode()
    def features(self, samples: FloatArray) -> Tensor:
        """(samples,) at 16 kHz -> (time, 80) at 100 a second, on the device."""
        return self.network.features(torch.from_numpy(samples).to(self.device))

    @torch.inference_mode()
    def frames(self, features: Tensor) -> Tensor:
        """(batch, time, 80), one voice each -> (batch, frames, channels); each loses its own mean first."""
        centred = features - features.mean(dim=1, keepdim=True)
        return self.network.frames(centred.to(self.dtype)).float()

    def batches(self) -> BatchSize:
        """How many feature frames go through the network at once, for one recording."""
        return BatchSize(BATCH_FRAMES.get(self.device.type, BATCH_FRAMES["cpu"]), "speaker embedding (feature frames)")

    def stretch_frames(self, stretches: Sequence[Tensor], batches: BatchSize) -> list[Tensor]:
        """Give the frames of short stretches, (time, 80) of one voice each: `frames` at one of a few lengths.

        A stretch is filled up with its own beginning, and what that adds is cut off again. On a CPU the layers keep a
        plan, and its memory, for each shape they meet: after 120 lengths 540 MB, after 20 lengths 145 MB. Stretches of
        a length go through the network together, in batches of one, two, four and so on, fewer of them where memory
        runs out. Raises `OutOfMemory` where there is none for a single one.
        """
        by_length: dict[int, list[int]] = defaultdict(list)
        for number, features in enumerate(stretches):
            by_length[_padded_length(len(features))].append(number)
        found: dict[int, Tensor] = {}
        for length, numbers in by_length.items():

            def frames_of(batch: Sequence[int], length: int = length) -> Tensor:
                return self.frames(torch.stack([_filled(stretches[number], length) for number in batch]))

            for batch, frames in batches.over(numbers, frames_of, length, doubling=True, threads=self.threads):
                found |= dict(zip(batch, frames, strict=True))
        return [_cut(found[number], len(features)) for number, features in enumerate(stretches)]

    @torch.inference_mode()
    def pool(self, frames: Tensor) -> FloatArray:
        """(frames, channels) of one voice -> (dimension,), unit norm."""
        embedding = self.network.pool(frames)
        unit: FloatArray = (embedding / embedding.norm().clamp(min=1e-12)).cpu().numpy()
        return unit

    def embed(self, audio: Waveform) -> FloatArray:
        """Embed a one-channel recording of a single voice as a whole -> (dimension,), unit norm.

        Raises `NoSpeech` where there is nothing but silence, `AudioTooShort` under 0.4 s.
        """
        if audio.duration < MIN_SECONDS:
            message = f"{audio.uri}: {audio.duration:.2f} s of voice is too short; give {MIN_SECONDS} s or more"
            raise AudioTooShort(message)
        if channel_is_silent(audio):
            message = f"{audio.uri}: there is nothing to hear, so there is no voice"
            raise NoSpeech(message)
        return self.voice(audio.mono)

    def voice(self, samples: FloatArray) -> FloatArray:
        """Embed samples that are known to be speech of one voice, (samples,) -> (dimension,), unit norm.

        More than 30 s are heard in stretches, and the mean of their embeddings taken.
        """
        stretches = np.array_split(samples, math.ceil(len(samples) / (LONGEST_STRETCH * SAMPLE_RATE)))
        voices = spread(self._voice, stretches, self.threads)
        mean = np.mean(voices, axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)

    def _voice(self, stretch: FloatArray) -> FloatArray:
        return self.pool(self.frames(self.features(stretch)[None])[0])


def _padded_length(time: int) -> int:
    """To how many feature frames a stretch of so many is filled up."""
    step = next(step for longest, step in LENGTH_STEPS if time <= longest)
    return -(-time // step) * step


def _filled(features: Tensor, length: int) -> Tensor:
    """(time, 80) -> (length, 80), over and over from its own beginning."""
    return features[torch.arange(length, device=features.device) % len(features)]


def _cut(frames: Tensor, time: int) -> Tensor:
    """The frames, (frames, channels), that the first `time` of the features they were made from stand for."""
    return frames[: -(-time * len(frames) // _padded_length(time))]
