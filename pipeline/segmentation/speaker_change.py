"""Speaker change detection: scored boundaries between one speaker and the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from pipeline.frames import FrameScores
from pipeline.options import SpeakerChangeOptions
from pipeline.segmentation.segmenter import FRAMES, WINDOW_FRAMES, Segmentation
from pipeline.types import FloatArray


@dataclass(frozen=True, slots=True)
class SpeakerChange:
    """The floor passes from one voice to another."""

    time: float
    """Seconds from the start of the recording."""
    score: float
    """How different the voices on both sides are to the segmentation, 0..1."""


def detect_changes(
    segmentation: Segmentation, options: SpeakerChangeOptions | None = None
) -> tuple[SpeakerChange, ...]:
    """Peaks of the change score, in order of time."""
    options = options or SpeakerChangeOptions()
    scores = change_scores(segmentation, options.memory)
    distance = max(1, round(options.min_distance / FRAMES.step))
    peaks, _ = find_peaks(scores.values, height=options.threshold, distance=distance, plateau_size=1)
    return tuple(SpeakerChange(FRAMES.edge(int(peak)), float(scores.values[peak])) for peak in peaks)


def change_scores(segmentation: Segmentation, memory: float = 0.25) -> FrameScores:
    """Score every frame boundary: 1 - cosine similarity of who spoke just before and who speaks just after.

    "Just before" is a decaying average of the local speakers' activity whose clock runs only while somebody speaks,
    so that a pause between two turns does not hide the change; "just after" is the same from the other side.
    Averaged over the windows that see the frame, each counting by the speech it has on both sides.
    """
    total = np.zeros(segmentation.frames, dtype=np.float32)
    weight = np.zeros(segmentation.frames, dtype=np.float32)
    decay = float(np.exp(-FRAMES.step / memory))
    for number, start in enumerate(segmentation.starts):
        activity = segmentation.powerset.soft(segmentation.window(number))  # (frames, local speakers)
        before, seen_before = _recent(activity, decay)
        after, seen_after = (values[::-1] for values in _recent(activity[::-1], decay))
        similarity = (before[:-1] * after[1:]).sum(axis=1) / np.maximum(
            np.linalg.norm(before[:-1], axis=1) * np.linalg.norm(after[1:], axis=1), 1e-6
        )
        certainty = seen_before[:-1] * seen_after[1:]
        inner = slice(start + 1, start + WINDOW_FRAMES)
        total[inner] += certainty * (1 - similarity)
        weight[inner] += certainty
    return FrameScores(FRAMES, np.clip(total / np.maximum(weight, 1e-3), 0, 1), segmentation.duration)


def _recent(activity: FloatArray, decay: float) -> tuple[FloatArray, FloatArray]:
    """Speech-clocked running average of the activity, (frames, local speakers), and its evidence 0..1, (frames,)."""
    speech = np.minimum(activity.sum(axis=1), 1.0)
    average, evidence = np.zeros_like(activity), np.zeros(len(activity), dtype=np.float32)
    state, filled = np.zeros(activity.shape[1], dtype=np.float32), 0.0
    for frame, (row, amount) in enumerate(zip(activity, speech, strict=True)):
        keep = decay ** float(amount)
        state = keep * state + (1 - keep) * row
        filled = keep * filled + (1 - keep)
        average[frame], evidence[frame] = state, filled
    return average, evidence
