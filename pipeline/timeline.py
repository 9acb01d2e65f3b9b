"""Timeline: from labelled local speakers to who is active in which frame, and on to turns."""

from __future__ import annotations

import numpy as np

from pipeline.frames import runs
from pipeline.segmentation.segmenter import FRAMES, WINDOW_FRAMES, Segmentation
from pipeline.types import BoolArray, FloatArray, IntArray, Turn

SIMULTANEOUS = 2
"""Speakers that the segmentation model can tell at once."""


def speaker_scores(segmentation: Segmentation, labels: IntArray, speakers: int) -> FloatArray:
    """Probability that each speaker is active, averaged over the windows that see a frame: (frames, speakers).

    `labels`: (windows, local speakers), the speaker each local speaker is, -1 for none. Two local speakers of a window
    that are the same speaker count once, by the likelier of the two.
    """
    scores = np.zeros((segmentation.frames, speakers), dtype=np.float32)
    seen = np.zeros((segmentation.frames, 1), dtype=np.float32)
    for number, start in enumerate(segmentation.starts):
        window = slice(start, start + WINDOW_FRAMES)
        activity = segmentation.powerset.soft(segmentation.window(number))  # (frames, local speakers)
        for speaker in np.unique(labels[number][labels[number] >= 0]):
            scores[window, speaker] += activity[:, labels[number] == speaker].max(axis=1)
        seen[window] += 1
    scores /= np.maximum(seen, 1)
    return scores


def select_speakers(
    segmentation: Segmentation, scores: FloatArray, speech_onset: float, overlap_onset: float
) -> BoolArray:
    """Who is active in which frame: as many as segmentation counts there, the highest scores first, (frames, speakers).

    Averages of probabilities count better than votes of windows.
    """
    speaking = segmentation.speech.values > speech_onset
    doubled = segmentation.average(segmentation.powerset.sizes >= SIMULTANEOUS).values > overlap_onset
    count = speaking.astype(np.int64) + (speaking & doubled)
    active = np.zeros(scores.shape, dtype=np.bool_)
    for rank in range(min(SIMULTANEOUS, scores.shape[1])):
        frames = np.flatnonzero(count > rank)
        left = np.where(active[frames], 0, scores[frames])
        best = left.argmax(axis=1)
        heard = left[np.arange(len(frames)), best] > 0
        active[frames[heard], best[heard]] = True
    return active


def smooth(active: BoolArray, min_gap: float, min_turn: float) -> BoolArray:
    """Fill gaps shorter than `min_gap` seconds in each speaker's row, then drop runs shorter than `min_turn`."""
    smoothed = active.copy()
    for speaker in range(active.shape[1]):
        row = smoothed[:, speaker]
        spans = runs(row)
        for end, start in zip(spans[:-1, 1], spans[1:, 0], strict=True):
            if (start - end) * FRAMES.step < min_gap:
                row[end:start] = True
        drop_short(row, min_turn)
    return smoothed


def drop_short(row: BoolArray, shortest: float) -> None:
    """Clear runs of True shorter than `shortest` seconds, in place."""
    for start, end in runs(row):
        if (end - start) * FRAMES.step < shortest:
            row[start:end] = False


def exclusive(active: BoolArray, scores: FloatArray) -> BoolArray:
    """Leave one speaker a frame: over each stretch with the same people at once, the one who scores highest."""
    single = active.copy()
    crowded = active.sum(axis=1) > 1
    changes = np.flatnonzero((active[1:] != active[:-1]).any(axis=1)) + 1
    for start, end in zip(np.append(0, changes), np.append(changes, len(active)), strict=True):
        if start < end and crowded[start]:
            present = np.flatnonzero(active[start])
            single[start:end] = False
            single[start:end, present[scores[start:end, present].sum(axis=0).argmax()]] = True
    return single


def to_turns(active: BoolArray, scores: FloatArray, labels: list[str], duration: float) -> tuple[Turn, ...]:
    """Runs of activity as turns, in order of start; a turn's confidence is the mean score of its speaker in it."""
    turns = []
    for speaker, label in enumerate(labels):
        for first, last in runs(active[:, speaker]):
            start, end = FRAMES.edge(int(first)), min(FRAMES.edge(int(last)), duration)
            if end > start:
                confidence = float(np.clip(scores[first:last, speaker].mean(), 0, 1))
                turns.append(Turn(start=start, end=end, speaker=label, confidence=confidence))
    return tuple(sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker)))
