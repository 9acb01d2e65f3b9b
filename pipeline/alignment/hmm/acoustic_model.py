"""An acoustic model: which sounds are how likely in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from pipeline.alignment.hmm.sphinx_files import (
    ModelDefinition,
    read_definition,
    read_gaussians,
    read_transitions,
    read_weights,
)
from pipeline.types import FloatArray

Number = TypeVar("Number", int, npt.NDArray[np.int64])

SILENCE: Final = "SIL"
INSIDE, FIRST, LAST, ALONE = range(4)
"""Where in its word a phone stands."""
_LEAST_VARIANCE = 1e-4
_LEAST_SHARE = 5e-5
# A stream takes a state's likelihood no lower than this share of the best density's: one odd frame decides nothing.
_NEGLIGIBLE = -36.0
# Powers of two below this are nothing beside `_LEAST_SHARE`; smaller ones are slow to compute with.
_PHONES = 64
# More than there are: contexts are looked up as one number.


@dataclass(frozen=True, slots=True)
class AcousticModel:
    """Phones in context, three states each, whose sounds are mixtures of the densities of their base phone."""

    phones: dict[str, int]
    """Base phones by name."""
    senones: npt.NDArray[np.int64]
    """Distribution of each state of a phone in context, (phones in context, states)."""
    stay: FloatArray
    """Log-probability that a state is followed by itself, (phones in context, states)."""
    leave: FloatArray
    """Log-probability that it is followed by the next, (phones in context, states)."""
    _contexts: npt.NDArray[np.int64]
    """Triphones as numbers, in order, with the phone in context of each."""
    _codebooks: npt.NDArray[np.int64]
    """Base phone of each distribution, (distributions,)."""
    _densities: FloatArray
    """What to multiply squares, values and 1 with for the binary logarithm of a density, (streams, codebooks,
    densities, 27)."""
    _codes: npt.NDArray[np.uint8]
    _weights: FloatArray

    @staticmethod
    def read(folder: Path) -> AcousticModel:
        """Read a Sphinx model. Raises `ModelCorrupt` where a file is not what it should be."""
        definition = read_definition(folder / "mdef")
        means = read_gaussians(folder / "means")
        variances = np.maximum(read_gaussians(folder / "variances"), _LEAST_VARIANCE)
        moves = read_transitions(folder / "transition_matrices")
        states = np.arange(moves.shape[1])
        with np.errstate(divide="ignore"):
            moves = np.log(moves / moves.sum(axis=2, keepdims=True))
        codes, weights = read_weights(folder / "sendump", means.shape[1], int(definition.senones.max()) + 1)
        return AcousticModel(
            phones={name: number for number, name in enumerate(definition.names)},
            senones=definition.senones,
            stay=moves[:, states, states][definition.transitions],
            leave=moves[:, states, states + 1][definition.transitions],
            _contexts=_sorted_contexts(definition),
            _codebooks=_codebooks(definition),
            _densities=_coefficients(means, variances),
            _codes=codes,
            _weights=weights,
        )

    def in_context(self, phone: int, before: int, after: int, position: int) -> int:
        """Number of a phone in its context; of the base phone where the model knows none like it.

        A context that was never seen at this place of a word is taken from another place.
        """
        for place in (position, *(other for other in range(4) if other != position)):
            wanted = _context_number(place, phone, before, after)
            at = int(np.searchsorted(self._contexts[0], wanted))
            if at < self._contexts.shape[1] and self._contexts[0, at] == wanted:
                return int(self._contexts[1, at])
        return phone

    def log_likelihoods(self, features: FloatArray, senones: npt.NDArray[np.int64]) -> FloatArray:
        """How well distributions fit frames, (frames, distributions): natural logarithms, 0 for the best density.

        `features`: (streams, frames, 13). `senones`: numbers of the distributions, in order.
        """
        streams, frames, _ = features.shape
        groups = _groups(self._codebooks[senones])
        shares = np.empty((streams, len(senones), frames), dtype=np.float32)
        tops = np.empty((len(groups), frames), dtype=np.float32)
        densities = np.empty((self._densities.shape[2], frames), dtype=np.float32)
        # Half of the work is powers of two, and without AVX-512 numpy's take five times as long as torch's.
        powers = torch.from_numpy(densities)
        for stream, values in enumerate(features):
            terms = np.concatenate([values**2, values, np.ones((frames, 1), dtype=np.float32)], axis=1).T
            mixture = self._weights[self._codes[stream][:, senones]].T
            for number, (codebook, first, last) in enumerate(groups):
                np.matmul(self._densities[stream, codebook], terms, out=densities)
                top = np.max(densities, axis=0, out=tops[number])
                np.subtract(densities, top, out=densities)
                powers.clamp_min_(_NEGLIGIBLE).exp2_()
                np.matmul(mixture[first:last], densities, out=shares[stream, first:last])
            below = np.exp2(np.maximum(tops - tops.max(axis=0), _NEGLIGIBLE))
            for number, (_, first, last) in enumerate(groups):
                shares[stream, first:last] *= below[number]
        np.maximum(shares, _LEAST_SHARE, out=shares)
        return np.ascontiguousarray(np.log(np.prod(shares, axis=0)).T)


def _groups(codebooks: npt.NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Runs of one codebook: it, and where the run begins and ends."""
    edges = [0, *(np.flatnonzero(np.diff(codebooks)) + 1).tolist(), len(codebooks)]
    return [(int(codebooks[first]), first, last) for first, last in pairwise(edges) if first < last]


def _context_number(place: Number, phone: Number, before: Number, after: Number) -> Number:
    """A place in a word and three phones as one number, or an array of them."""
    return ((place * _PHONES + phone) * _PHONES + before) * _PHONES + after


def _sorted_contexts(definition: ModelDefinition) -> npt.NDArray[np.int64]:
    """Triphones as numbers, ascending, and the phone in context of each: (2, triphones)."""
    place, phone, before, after = definition.contexts.T
    numbers = _context_number(place, phone, before, after)
    order = np.argsort(numbers)
    return np.stack([numbers[order], order + len(definition.names)])


def _codebooks(definition: ModelDefinition) -> npt.NDArray[np.int64]:
    """The base phone that a distribution belongs to, (distributions,)."""
    bases = np.concatenate([np.arange(len(definition.names)), definition.contexts[:, 1]])
    owners = np.zeros(int(definition.senones.max()) + 1, dtype=np.int64)
    owners[definition.senones] = bases[:, None]
    return owners


def _coefficients(means: FloatArray, variances: FloatArray) -> FloatArray:
    """log2 of a Gaussian with a diagonal covariance as a product with squares, values and 1."""
    precisions = 1 / variances
    constant = -0.5 * (means**2 * precisions + np.log(2 * np.pi * variances)).sum(axis=3, keepdims=True)
    parts = np.concatenate([-0.5 * precisions, means * precisions, constant], axis=3) / np.log(2)
    return np.ascontiguousarray(parts.transpose(1, 0, 2, 3), dtype=np.float32)
