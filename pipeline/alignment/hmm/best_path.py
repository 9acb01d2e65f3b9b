"""The likeliest path of audio through a graph of words (Viterbi), every path considered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.alignment.hmm.acoustic_model import AcousticModel
from pipeline.alignment.hmm.word_graph import NO_WORD, START, WordGraph
from pipeline.types import FloatArray

_STATES: Final = 3
_NEVER: Final = np.float32(-1e30)
_PAUSE: Final = -20.0
# Log-probability of silence where words could follow each other directly. With -5, silence eats into the edges of words
# in noise (starts of speech in 10 dB of it are off by 22 instead of 19 ms); with -30 synthetic words ate a pause of a
# quarter of a second.


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word on the path."""

    first: int
    """Frame."""
    last: int
    """Frame, the last of the word."""
    score: float
    """Mean log-likelihood of its frames, 0 at best."""


def best_path(model: AcousticModel, graph: WordGraph, features: FloatArray) -> list[PlacedWord] | None:
    """Place a graph's words in frames, features (streams, frames, 13); None where there are fewer frames than states.

    Distributions are looked at in every second frame and taken to change steadily in between, for half of what they
    cost; starts of clean speech are off by a median of 14 ms (held until the next look: by 15).
    """
    lattice = _Lattice(model, graph)
    used, columns = np.unique(model.senones[graph.phones].reshape(-1), return_inverse=True)
    heard = _steady(model.log_likelihoods(features[:, ::2], used), features.shape[1])
    path = lattice.path(heard, columns)
    if path is None:
        return None
    return _words_on(np.asarray(graph.words)[path // _STATES], heard[np.arange(len(heard)), columns[path]])


def _steady(sparse: FloatArray, frames: int) -> FloatArray:
    """Every frame's values out of every second one's: those in between lie half way."""
    dense = np.empty((frames, sparse.shape[1]), dtype=np.float32)
    dense[::2] = sparse
    between = dense[1::2]
    between[:] = sparse[: len(between)]
    between[: len(sparse) - 1] += sparse[1:]
    between[: len(sparse) - 1] /= 2
    return dense


def _words_on(spoken: npt.NDArray[np.int64], scores: FloatArray) -> list[PlacedWord]:
    """Where each word begins and ends, from the word of every frame."""
    frames, words = np.flatnonzero(spoken != NO_WORD), spoken.max() + 1
    first = frames[np.searchsorted(spoken[frames], np.arange(words))]
    last = frames[np.searchsorted(spoken[frames], np.arange(words), side="right") - 1]
    return [
        PlacedWord(int(begin), int(end), float(scores[begin : end + 1].mean()))
        for begin, end in zip(first, last, strict=True)
    ]


class _Lattice:
    """The states of a graph's nodes, in one row: three a node, each followed by itself or the next.

    The first state of a node follows the last one of the node before in the row where that is all it may follow, for
    nothing; the others, the joints, are looked up.
    """

    def __init__(self, model: AcousticModel, graph: WordGraph) -> None:
        phones = np.asarray(graph.phones)
        silent = np.asarray(graph.words) == NO_WORD
        self._stay = model.stay[phones].reshape(-1).astype(np.float32)
        self._leave = model.leave[phones].reshape(-1).astype(np.float32)
        joints = [node for node, follows in enumerate(graph.follows) if follows != [node - 1] or silent[node]]
        most = max(len(graph.follows[node]) for node in joints)
        # One row for each node that may come before; where there are fewer, the one that is never reached.
        self._before = np.full((most, len(joints)), len(phones), dtype=np.int64)
        for column, node in enumerate(joints):
            before = [other for other in graph.follows[node] if other != START]
            self._before[: len(before), column] = before
        self._joints = np.asarray(joints) * _STATES
        self._column = {node * _STATES: column for column, node in enumerate(joints)}
        self._price = np.where(silent[joints], _PAUSE, 0.0).astype(np.float32)
        begins = np.array([START in graph.follows[node] for node in joints])
        self._start = np.where(begins, self._price, _NEVER).astype(np.float32)
        self._ends = np.asarray(graph.ends) * _STATES + _STATES - 1

    def path(self, heard: FloatArray, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """The state of every frame on the likeliest path; None where none reaches the end.

        `heard`: log-likelihoods, (frames, distributions); `columns`: which of them is a state's, (states,).
        """
        frames, states = len(heard), len(self._stay)
        moved = np.zeros((frames, states), dtype=bool)
        """Whether a state was reached from another one."""
        exits = np.full((frames, states // _STATES + 1), _NEVER, dtype=np.float32)
        """Log-probability of having left a node after a frame; the last column is never reached."""
        score, left, kept, fit = (np.full(states, _NEVER, dtype=np.float32) for _ in range(4))
        joint = self._start
        for frame in range(frames):
            np.add(score, self._stay, out=kept)
            score[1:] = left[:-1]
            score[self._joints] = joint
            np.greater(score, kept, out=moved[frame])
            np.maximum(score, kept, out=score)
            heard[frame].take(columns, out=fit, mode="clip")  # none is beyond; checking takes a copy
            score += fit
            np.add(score, self._leave, out=left)
            exits[frame, :-1] = left[_STATES - 1 :: _STATES]
            joint = np.maximum.reduce(exits[frame].take(self._before)) + self._price
        end = int(self._ends[np.argmax(score[self._ends])])
        return self._traced(moved, exits, end) if score[end] > _NEVER / 2 else None

    def _traced(self, moved: npt.NDArray[np.bool_], exits: FloatArray, state: int) -> npt.NDArray[np.int64]:
        """Follow the path back from its end."""
        path = np.empty(len(moved), dtype=np.int64)
        for frame in range(len(moved) - 1, -1, -1):
            path[frame] = state
            if frame == 0 or not moved[frame, state]:
                continue
            column = self._column.get(state)
            if column is None:
                state -= 1
            else:
                before = self._before[:, column]
                state = int(before[np.argmax(exits[frame - 1, before])]) * _STATES + _STATES - 1
        return path
