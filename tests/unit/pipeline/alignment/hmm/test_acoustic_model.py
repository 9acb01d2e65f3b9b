"""The acoustic model that the package `pocketsphinx` carries, against sums over its densities written out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pocketsphinx
import pytest

from pipeline.alignment.hmm import acoustic_model
from pipeline.alignment.hmm.acoustic_model import ALONE, FIRST, INSIDE, LAST, SILENCE, AcousticModel
from pipeline.alignment.hmm.sphinx_files import (
    ModelDefinition,
    read_definition,
    read_gaussians,
    read_transitions,
    read_weights,
)
from pipeline.types import FloatArray

FOLDER = Path(pocketsphinx.get_model_path("en-us"), "en-us")
PLACES = (INSIDE, FIRST, LAST, ALONE)


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    return AcousticModel.read(FOLDER)


@pytest.fixture(scope="module")
def definition() -> ModelDefinition:
    return read_definition(FOLDER / "mdef")


class WrittenOut:
    """Likelihoods in double precision, a density at a time."""

    def __init__(self, definition: ModelDefinition) -> None:
        self.means = read_gaussians(FOLDER / "means").astype(np.float64)
        self.variances = np.maximum(read_gaussians(FOLDER / "variances").astype(np.float64), 1e-4)
        codes, weights = read_weights(FOLDER / "sendump", 3, 5126)
        self.codes, self.weights = codes, weights.astype(np.float64)
        bases = [*range(len(definition.names)), *definition.contexts[:, 1].tolist()]
        self.codebooks = {
            senone: base for base, states in zip(bases, definition.senones.tolist(), strict=True) for senone in states
        }

    def density(self, codebook: int, stream: int, values: FloatArray) -> npt.NDArray[np.float64]:
        """Natural logarithms for one frame, (densities,)."""
        mean, variance = self.means[codebook, stream], self.variances[codebook, stream]
        exponents = (values.astype(np.float64) - mean) ** 2 / variance + np.log(2 * math.pi * variance)
        return np.asarray(-exponents.sum(axis=1) / 2)

    def log_likelihoods(self, features: FloatArray, senones: list[int]) -> npt.NDArray[np.float64]:
        wanted = sorted({self.codebooks[senone] for senone in senones})
        logs = np.zeros((features.shape[1], len(senones)))
        for stream, frames in enumerate(features):
            for frame, values in enumerate(frames):
                densities = {codebook: self.density(codebook, stream, values) for codebook in wanted}
                best = max(density.max() for density in densities.values())
                for column, senone in enumerate(senones):
                    weights = self.weights[self.codes[stream, :, senone]]
                    share = float((weights * np.exp(densities[self.codebooks[senone]] - best)).sum())
                    logs[frame, column] += math.log(max(share, acoustic_model._LEAST_SHARE))
        return logs


@pytest.fixture(scope="module")
def written_out(definition: ModelDefinition) -> WrittenOut:
    return WrittenOut(definition)


def heard(model: WrittenOut, frames: int, seed: int, phones: Sequence[int] = range(42)) -> FloatArray:
    """Features around the means of densities of phones at random, (3, frames, 13)."""
    random = np.random.default_rng(seed)
    features = np.empty((3, frames, 13))
    for stream in range(3):
        for frame in range(frames):
            at = random.choice(phones), stream, random.integers(128)
            features[stream, frame] = model.means[at] + random.normal(0, 1.5, 13) * np.sqrt(model.variances[at])
    return features.astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_likelihoods_are_those_of_the_sums_written_out(
    seed: int, model: AcousticModel, written_out: WrittenOut
) -> None:
    senones = np.sort(np.random.default_rng(seed).choice(5126, 25, replace=False))
    features = heard(written_out, 8, seed)
    likelihoods = model.log_likelihoods(features, senones)
    expected = written_out.log_likelihoods(features, senones.tolist())
    assert likelihoods.shape == expected.shape == (8, 25)
    assert likelihoods.dtype == np.float32
    assert np.abs(likelihoods - expected).max() < 1e-3


@pytest.mark.parametrize("phone", ["AA", "S", SILENCE])
def test_likelihoods_of_one_phone_are_those_of_the_sums_written_out(
    phone: str, model: AcousticModel, written_out: WrittenOut
) -> None:
    """Most of them are far above the floor, as the best density is one of its own."""
    senones = model.senones[model.phones[phone]]
    features = heard(written_out, 12, 9, [model.phones[phone]])
    expected = written_out.log_likelihoods(features, senones.tolist())
    assert np.median(expected) > 2 * math.log(acoustic_model._LEAST_SHARE)
    assert np.abs(model.log_likelihoods(features, senones) - expected).max() < 1e-3


@pytest.mark.parametrize("value", [0.0, 0.05, 1.0])
def test_densities_that_nothing_was_heard_of_are_narrow_and_not_endlessly_high(
    value: float, model: AcousticModel, written_out: WrittenOut
) -> None:
    """Some have variances of 0 and means of 0, as the features of unchanging sound."""
    senones, features = model.senones[:42].reshape(-1), np.full((3, 1, 13), value, np.float32)
    expected = written_out.log_likelihoods(features, senones.tolist())
    assert np.abs(model.log_likelihoods(features, senones) - expected).max() < 1e-3


def test_a_phone_fits_its_own_sound_best(model: AcousticModel, written_out: WrittenOut) -> None:
    """The mean of the middle state."""
    phones = [model.phones[name] for name in ("AA", "IY", "M", "S", SILENCE)]
    middles = model.senones[phones, 1]
    weights = written_out.weights[written_out.codes[:, :, middles]]
    sounds = np.einsum("sdp,psdv->spv", weights / weights.sum(axis=1, keepdims=True), written_out.means[phones])
    likelihoods = model.log_likelihoods(sounds.astype(np.float32), middles)
    assert np.array_equal(likelihoods.argmax(axis=1), np.arange(5))


def test_no_likelihood_is_above_the_best_density_or_below_the_floor_of_all_streams(
    model: AcousticModel, written_out: WrittenOut
) -> None:
    likelihoods = model.log_likelihoods(10 * heard(written_out, 20, 1), np.arange(0, 5126, 7))
    assert likelihoods.max() <= 0
    assert likelihoods.min() == pytest.approx(3 * math.log(acoustic_model._LEAST_SHARE), abs=1e-4)


def test_features_of_any_size_have_finite_likelihoods(model: AcousticModel) -> None:
    features = np.stack([np.full((3, 13), value, np.float32) for value in (0, 1e4, -1e4)])
    assert np.isfinite(model.log_likelihoods(features, np.arange(0, 5126, 50))).all()


def test_a_frame_is_heard_alike_whatever_is_beside_it(model: AcousticModel, written_out: WrittenOut) -> None:
    features, senones = heard(written_out, 9, 2), np.arange(0, 5126, 40)
    together = model.log_likelihoods(features, senones)
    alone = [model.log_likelihoods(features[:, frame : frame + 1], senones)[0] for frame in range(9)]
    assert np.allclose(together, alone, atol=1e-3)


def test_a_distribution_is_heard_alike_wherever_it_stands_in_the_row(
    model: AcousticModel, written_out: WrittenOut
) -> None:
    features, senones = heard(written_out, 5, 3), np.random.default_rng(3).permutation(5126)[:60]
    in_order = np.sort(senones)
    columns = np.searchsorted(in_order, senones)
    ordered = model.log_likelihoods(features, in_order)
    assert np.allclose(model.log_likelihoods(features, senones), ordered[:, columns], atol=1e-3)


def test_no_frames_have_no_likelihoods(model: AcousticModel) -> None:
    assert model.log_likelihoods(np.zeros((3, 0, 13), np.float32), np.arange(4)).shape == (0, 4)


def test_features_stay_as_they_are(model: AcousticModel, written_out: WrittenOut) -> None:
    features = heard(written_out, 4, 4)
    before = features.copy()
    features.flags.writeable = False
    model.log_likelihoods(features, np.arange(100))
    assert np.array_equal(features, before)


def test_base_phones_are_found_by_name(model: AcousticModel, definition: ModelDefinition) -> None:
    assert [definition.names[number] for number in model.phones.values()] == list(model.phones)
    assert SILENCE in model.phones


def test_every_triphone_of_the_model_is_found_in_its_context(model: AcousticModel, definition: ModelDefinition) -> None:
    for number in range(0, len(definition.contexts), 97):
        place, phone, before, after = definition.contexts[number].tolist()
        assert model.in_context(phone, before, after, place) == 42 + number


@pytest.mark.parametrize("which", [0, -1])
def test_the_outermost_triphones_are_found(which: int, model: AcousticModel, definition: ModelDefinition) -> None:
    order = np.lexsort(definition.contexts.T[::-1])
    place, phone, before, after = definition.contexts[order[which]].tolist()
    assert model.in_context(phone, before, after, place) == 42 + order[which]


def known_contexts(definition: ModelDefinition) -> dict[tuple[int, int, int], dict[int, int]]:
    """Number of a triphone by phone, phone before and after, and by place."""
    known: dict[tuple[int, int, int], dict[int, int]] = {}
    for number, (place, *sounds) in enumerate(definition.contexts.tolist()):
        phone, before, after = sounds
        known.setdefault((phone, before, after), {})[place] = 42 + number
    return known


def test_a_context_unknown_at_its_place_is_taken_from_another(
    model: AcousticModel, definition: ModelDefinition
) -> None:
    partly = [(sounds, found) for sounds, found in known_contexts(definition).items() if len(found) < len(PLACES)]
    for sounds, found in partly[::53]:
        for place in set(PLACES) - found.keys():
            assert model.in_context(*sounds, place) in found.values()


def test_a_context_unknown_everywhere_gives_the_base_phone(model: AcousticModel, definition: ModelDefinition) -> None:
    known = known_contexts(definition)
    unknown = [
        (phone, before, after)
        for phone in range(0, 42, 3)
        for before in range(0, 42, 4)
        for after in range(42)
        if (phone, before, after) not in known
    ]
    assert len(unknown) > 100
    assert all(model.in_context(*sounds, place) == sounds[0] for sounds in unknown[::5] for place in PLACES)


def test_a_state_is_followed_by_itself_or_the_next_with_probabilities_that_sum_to_one(model: AcousticModel) -> None:
    assert model.stay.shape == model.leave.shape == model.senones.shape
    assert np.allclose(np.exp(model.stay) + np.exp(model.leave), 1, atol=1e-5)


def test_how_long_a_state_stays_is_what_its_phone_was_counted(
    model: AcousticModel, definition: ModelDefinition
) -> None:
    counts = read_transitions(FOLDER / "transition_matrices")
    for number in (0, 20, 41, 42, 5000, 137_000):
        matrix = counts[definition.transitions[number]]
        for state in range(3):
            assert math.exp(model.stay[number, state]) == pytest.approx(matrix[state, state] / matrix[state].sum())
            assert math.exp(model.leave[number, state]) == pytest.approx(matrix[state, state + 1] / matrix[state].sum())
