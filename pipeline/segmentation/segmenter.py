"""Segmentation: a window slides over the recording, and tells who of its local speakers is active when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.batch_size import BatchSize
from pipeline.frames import FrameGrid, FrameScores
from pipeline.hooks import Hook, NullHook
from pipeline.models.load import load_tensors
from pipeline.models.store import ModelStore
from pipeline.options import SegmentationOptions
from pipeline.segmentation.powerset import Powerset
from pipeline.segmentation.pyannet import PyanNet
from pipeline.types import BoolArray, FloatArray, IntArray, Notice
from pipeline.waveform import SAMPLE_RATE, Waveform

WINDOW_SAMPLES = 160_000
FRAME_SAMPLES = 270
"""Hop of the network: 16.875 ms."""
WINDOW_FRAMES = 589
RECEPTIVE_FIELD = 991
"""Samples that one frame sees; its middle is where the frame belongs."""
MIN_WEIGHT = 1e-6
FRAMES = FrameGrid(step=FRAME_SAMPLES / SAMPLE_RATE, offset=(RECEPTIVE_FIELD - FRAME_SAMPLES) / 2 / SAMPLE_RATE)
FADE = 1.0
"""Seconds from the edges of a window over which its frames count for less: it does not know what lies beyond."""


def _faded() -> FloatArray:
    """Weights of a window's frames that rise from its edges with the square of the distance, (frames,)."""
    from_edge = np.minimum(np.arange(1, WINDOW_FRAMES + 1), np.arange(WINDOW_FRAMES, 0, -1))
    return np.minimum(from_edge * FRAMES.step / FADE, 1).astype(np.float32) ** 2


EVEN: Final = np.ones(WINDOW_FRAMES, dtype=np.float32)
FADED: Final = _faded()
CENTRED: Final = np.hamming(WINDOW_FRAMES).astype(np.float32)
"""Weights of a window's frames."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What segmentation knows of a recording. Windows start on whole frames, so that they line up exactly."""

    probabilities: NDArray[np.float16]
    """(windows, frames, classes): probability of each powerset class in each frame of each window."""
    starts: IntArray
    """(windows,): first frame of each window on the recording's own grid, `FRAMES`."""
    duration: float
    """Seconds of audio."""
    powerset: Powerset = field(default_factory=Powerset)
    notices: tuple[Notice, ...] = ()

    @property
    def frames(self) -> int:
        """Frames of the recording, from the start of the first window to the end of the last."""
        return int(self.starts[-1]) + WINDOW_FRAMES if len(self.starts) else 0

    def window(self, number: int) -> FloatArray:
        """Probabilities of one window, (frames, classes), float32."""
        return np.asarray(self.probabilities[number], dtype=np.float32)

    def activity(self, number: int) -> BoolArray:
        """Most likely local speakers of one window, (frames, local speakers)."""
        return self.powerset.hard(self.probabilities[number])

    def average(self, classes: BoolArray, weights: FloatArray = EVEN) -> FrameScores:
        """Probability that one of `classes` (a mask over them) is on, averaged over the windows that see a frame.

        `weights`: how much each frame of a window counts, (frames,).
        """
        total = np.zeros(self.frames, dtype=np.float32)
        seen = np.zeros(self.frames, dtype=np.float32)
        for number, start in enumerate(self.starts):
            total[start : start + WINDOW_FRAMES] += self.window(number)[:, classes].sum(axis=1) * weights
            seen[start : start + WINDOW_FRAMES] += weights
        return FrameScores(FRAMES, (total / np.maximum(seen, MIN_WEIGHT)).astype(np.float32), self.duration)

    @property
    def speech(self) -> FrameScores:
        """Probability that somebody speaks; where windows are few, each counts less towards its edges."""
        far_apart = len(self.starts) > 1 and np.diff(self.starts).max() > WINDOW_FRAMES / 2
        return self.average(self.powerset.sizes >= 1, FADED if far_apart else EVEN)

    @property
    def overlap(self) -> FrameScores:
        """Probability that two or more speak at once."""
        return self.average(self.powerset.sizes >= 2, CENTRED)  # noqa: PLR2004


class Segmenter:
    """A loaded segmentation model. `threads`: batches of windows that are at work at the same time, on a CPU."""

    def __init__(
        self,
        network: PyanNet,
        options: SegmentationOptions | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        threads: int = 1,
    ) -> None:
        self.network = network.to(device).eval()
        self.network.prepare(dtype)
        self.options = options or SegmentationOptions()
        self.device = torch.device(device)
        self.threads = threads if self.device.type == "cpu" else 1

    @classmethod
    def from_pretrained(
        cls,
        store: ModelStore,
        name: str = "segmentation-3.0",
        device: str = "cpu",
        options: SegmentationOptions | None = None,
        dtype: torch.dtype = torch.float32,
        threads: int = 1,
    ) -> Segmenter:
        """Load a model of the catalog, or a local checkpoint in pyannote's published layout.

        Raises `ModelUnavailable`, `ModelCorrupt` or `UnknownModel`.
        """
        return cls(PyanNet.of(load_tensors(store.path(name))), options, device, dtype, threads)

    def __call__(self, audio: Waveform, hook: Hook | None = None) -> Segmentation:
        """Slide over a one-channel recording. An empty recording gives a segmentation without windows.

        Raises `OutOfMemory` where there is not even memory for one window at a time.
        """
        return self._slide(audio, self.options.step, hook or NullHook())

    def for_speech(self, audio: Waveform, hook: Hook | None = None) -> Segmentation:
        """Slide in longer steps, in less than half the time: tells speech from none as well, and voices less well."""
        return self._slide(audio, self.options.speech_step, hook or NullHook())

    def _slide(self, audio: Waveform, step: float, hook: Hook) -> Segmentation:
        starts = window_starts(audio.length, step)
        powerset = Powerset()
        probabilities = np.zeros((len(starts), WINDOW_FRAMES, powerset.classes), dtype=np.float16)
        batches = BatchSize(self.options.batch_size, "segmentation")

        def scores_of(batch: Sequence[int]) -> FloatArray:
            return self._scores(audio, starts[batch])

        for batch, scores in batches.over(range(len(starts)), scores_of, threads=self.threads):
            probabilities[batch] = scores
            seen = (int(starts[batch[-1]]) * FRAME_SAMPLES + WINDOW_SAMPLES) / SAMPLE_RATE
            hook("segmentation", min(seen, audio.duration), audio.duration)
        return Segmentation(probabilities, starts, audio.duration, powerset, batches.notices)

    @torch.inference_mode()
    def _scores(self, audio: Waveform, starts: IntArray) -> FloatArray:
        """Probabilities of some windows, in order, (windows, frames, classes)."""
        first = int(starts[0]) * FRAME_SAMPLES
        last = int(starts[-1]) * FRAME_SAMPLES + WINDOW_SAMPLES
        stretch = audio.mono_part(first, last)
        missing = last - first - len(stretch)
        heard = torch.from_numpy(np.pad(stretch, (0, missing))).to(self.device)
        inside = (starts * FRAME_SAMPLES - first).tolist()
        scores: FloatArray = self.network(heard, inside, WINDOW_SAMPLES).exp().cpu().numpy()
        return scores


def window_starts(samples: int, step: float) -> IntArray:
    """First frame of each window: every `step` seconds, and a last one that reaches the end of the recording.

    The last window is laid back over audio rather than filled up with silence; a recording shorter than one
    window gets a single window, filled up with silence.
    """
    if samples == 0:
        return np.zeros(0, dtype=np.int64)
    stride = max(1, round(step * SAMPLE_RATE / FRAME_SAMPLES))
    last = max(0, -(-(samples - WINDOW_SAMPLES) // FRAME_SAMPLES))
    return np.append(np.arange(0, last, stride), last).astype(np.int64)
