from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.clustering import (
    ClusteringOptions,
    Observations,
    conflict_share,
    find_known_speakers,
    find_speakers,
    merge_closest,
)
from pipeline.types import FloatArray, IntArray

OPTIONS = ClusteringOptions(cut=0.7, lowest_cut=0.45, lowest_known_cut=0.5)
DIMENSION = 32


def unit(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


def voice(number: int, towards: int | None = None, distance: float = 1.0) -> FloatArray:
    """A voice of its own direction, or one at a Euclidean distance from another."""
    own: FloatArray = np.eye(DIMENSION, dtype=np.float32)[number]
    if towards is None:
        return own
    cosine = 1 - distance**2 / 2
    return np.asarray(cosine * np.eye(DIMENSION)[towards] + np.sqrt(1 - cosine**2) * own, dtype=np.float32)


def heard(voices: list[FloatArray], order: list[int], spread: float = 0.05) -> FloatArray:
    """One embedding for each number in `order`: the voice, and a little of everything."""
    noise = np.random.default_rng(0).normal(0, spread, (len(order), DIMENSION))
    return unit(np.stack([voices[number] for number in order]) + noise.astype(np.float32))


def observations(embeddings: FloatArray, windows: list[int] | None = None, seconds: float = 4.0) -> Observations:
    """One window for each unless told otherwise."""
    numbers: IntArray = np.asarray(range(len(embeddings)) if windows is None else windows, dtype=np.int64)
    return Observations(embeddings, np.full(len(embeddings), seconds, dtype=np.float32), numbers, 1.0)


def numbers(found: FloatArray, voices: list[FloatArray]) -> list[int]:
    """Which voice each centroid is closest to."""
    return [int(row.argmax()) for row in found @ np.stack(voices).T]


VOICES = [voice(0), voice(1), voice(2)]
TAKING_TURNS = [0] * 30 + [1] * 20 + [0] * 10 + [2] * 15


@pytest.mark.parametrize("most", [74, 40, 25])
def test_voices_are_the_same_in_two_levels(most: int) -> None:
    everything = observations(heard(VOICES, TAKING_TURNS))
    assert len(everything) > most
    two = find_speakers(everything, replace(OPTIONS, most=most))
    assert two == pytest.approx(find_speakers(everything, OPTIONS), abs=1e-6)
    for wanted in (2, 3):
        known = find_known_speakers(everything, replace(OPTIONS, most=most), wanted)
        assert known == pytest.approx(find_known_speakers(everything, OPTIONS, wanted), abs=1e-6)


def test_voices_are_found_the_one_with_most_speech_first() -> None:
    found = find_speakers(observations(heard(VOICES, TAKING_TURNS)), OPTIONS)
    assert numbers(found, VOICES) == [0, 1, 2]
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert ((found * np.stack(VOICES)).sum(axis=1) > 0.97).all()


def test_long_observations_weigh_more() -> None:
    apart = observations(heard(VOICES, [0, 0, 0, 1, 1]))
    long = replace(apart, seconds=np.array([1, 1, 1, 5, 5], dtype=np.float32))
    assert numbers(find_speakers(long, OPTIONS), VOICES) == [1, 0]


def test_one_observation_is_one_voice() -> None:
    single = observations(heard(VOICES, [1]))
    assert np.array_equal(find_speakers(single, OPTIONS), single.embeddings)
    assert np.array_equal(find_known_speakers(single, OPTIONS, 3), single.embeddings)


def test_two_that_differ_are_two_and_two_that_do_not_are_one() -> None:
    assert len(find_speakers(observations(heard(VOICES, [0, 1])), OPTIONS)) == 2
    assert len(find_speakers(observations(heard(VOICES, [0, 0])), OPTIONS)) == 1


def test_identical_embeddings_are_one_voice() -> None:
    assert len(find_speakers(observations(heard(VOICES, [0] * 20, spread=0.0)), OPTIONS)) == 1


def test_outliers_are_not_speakers() -> None:
    """A cough that is heard in three windows of a hundred."""
    found = find_speakers(observations(heard(VOICES, [0] * 60 + [2] * 3 + [1] * 37)), OPTIONS)
    assert numbers(found, VOICES) == [0, 1]


def test_a_speaker_of_a_long_recording_needs_only_so_many_seconds() -> None:
    """Of 1,000 windows a tenth is 100; being heard over 12 s is enough."""
    rare = [0] * 600 + [2] * 13 + [1] * 387
    assert sorted(numbers(find_speakers(observations(heard(VOICES, rare)), OPTIONS), VOICES)) == [0, 1, 2]
    rarer = [0] * 600 + [2] * 11 + [1] * 389
    assert sorted(numbers(find_speakers(observations(heard(VOICES, rarer)), OPTIONS), VOICES)) == [0, 1]


def test_a_known_number_makes_smaller_clusters_speakers() -> None:
    order = [0] * 60 + [2] * 6 + [1] * 34
    assert len(find_speakers(observations(heard(VOICES, order)), OPTIONS)) == 2
    assert numbers(find_known_speakers(observations(heard(VOICES, order)), OPTIONS, 3), VOICES) == [0, 1, 2]


@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_a_known_number_is_reached_by_merging(wanted: int) -> None:
    found = find_known_speakers(observations(heard(VOICES, TAKING_TURNS)), OPTIONS, wanted)
    assert len(found) == wanted
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("wanted", [2, 3])
def test_a_number_that_no_cut_gives_is_reached_from_above(wanted: int) -> None:
    """Four voices equally far from each other merge all at once: a cut gives four of them, or one."""
    everything = observations(heard([voice(number) for number in range(4)], [0, 1, 2, 3] * 20, spread=0.01))
    assert len(find_known_speakers(everything, OPTIONS, wanted)) == wanted


def test_a_known_number_lowers_the_cut_to_tell_close_voices_apart() -> None:
    """Two voices 0.6 apart, which the model's own cut takes for one; in 5 of 35 windows they are heard side by side."""
    close = [voice(0), voice(1, towards=0, distance=0.6)]
    together = [*range(20), *range(15, 35)]
    rows = heard(close, [0] * 20 + [1] * 20, spread=0.01)
    order = np.argsort(together, kind="stable")
    embeddings = observations(rows[order], sorted(together))
    own_cut = replace(OPTIONS, conflict_share=1.0)
    assert len(find_speakers(embeddings, own_cut)) == 1
    assert len(find_known_speakers(embeddings, own_cut, 2)) == 2


@pytest.mark.parametrize(("windows", "seconds"), [(list(range(40)), 4.0), ([*range(20), *range(20)], 1.5)])
def test_a_known_number_does_not_split_where_nothing_says_there_are_two(windows: list[int], seconds: float) -> None:
    """Neither where the two are never in one window, nor where they are too short to trust that they are two."""
    close = [voice(0), voice(1, towards=0, distance=0.6)]
    rows = heard(close, [0] * 20 + [1] * 20, spread=0.01)
    order = np.argsort(windows, kind="stable")
    embeddings = observations(rows[order], sorted(windows), seconds)
    assert len(find_known_speakers(embeddings, OPTIONS, 2)) == 1


def test_a_known_number_does_not_split_one_voice() -> None:
    """What is left is told by the caller: fewer voices than were asked for."""
    embeddings = observations(heard(VOICES[:1], [0] * 40, spread=0.02))
    assert len(find_known_speakers(embeddings, OPTIONS, 3)) == 1


def side_by_side(pairs: int, alone: int) -> Observations:
    """Two voices 0.6 apart; in the first `pairs` windows both are heard, then each alone."""
    close = [voice(0), voice(1, towards=0, distance=0.6)]
    order = [0, 1] * pairs + [0] * alone + [1] * alone
    windows = [number // 2 for number in range(2 * pairs)] + [pairs + number for number in range(2 * alone)]
    return observations(heard(close, order, spread=0.01), windows)


def test_close_voices_that_share_windows_are_told_apart() -> None:
    assert len(find_speakers(side_by_side(20, 5), OPTIONS)) == 2


@pytest.mark.parametrize("pairs", [0, 2, 4])
def test_a_few_shared_windows_prove_nothing(pairs: int) -> None:
    """Segmentation now and then splits a voice in two."""
    assert len(find_speakers(side_by_side(pairs, 20), OPTIONS)) == 1


def test_shared_windows_must_be_many_for_the_number_of_observations() -> None:
    assert len(find_speakers(side_by_side(9, 60), OPTIONS)) == 1
    assert len(find_speakers(side_by_side(17, 60), OPTIONS)) == 2


def test_conflicts_that_no_cut_resolves_are_ignored() -> None:
    """One voice that segmentation always splits stays one voice."""
    windows = [number // 2 for number in range(60)]
    assert len(find_speakers(observations(heard(VOICES[:1], [0] * 60, spread=0.02), windows), OPTIONS)) == 1


def test_a_cut_that_was_lowered_in_vain_goes_back_up() -> None:
    """Lowering it would part two stretches of one voice, and yet not the pairs that conflict."""
    close = [voice(0), voice(1, towards=0, distance=0.6)]
    order, windows = [0, 0] * 20 + [1] * 15, [number // 2 for number in range(40)] + list(range(20, 35))
    assert len(find_speakers(observations(heard(close, order, spread=0.01), windows), OPTIONS)) == 1


def test_conflicts_do_not_lower_the_cut_without_end() -> None:
    close = [voice(0), voice(1, towards=0, distance=0.3)]
    windows = [number // 2 for number in range(40)]
    assert len(find_speakers(observations(heard(close, [0, 1] * 20, spread=0.005), windows), OPTIONS)) == 1


def test_pairs_of_one_window_exclude_each_other() -> None:
    pairs = observations(heard(VOICES, [0, 1, 0, 1, 2, 0]), [0, 0, 1, 2, 2, 2]).excluding_pairs
    assert sorted(map(tuple, pairs.tolist())) == [(0, 1), (3, 4), (3, 5), (4, 5)]
    assert observations(heard(VOICES, [0, 1])).excluding_pairs.shape == (0, 2)


def test_conflict_share_counts_pairs_of_one_label() -> None:
    pairs = np.array([[0, 1], [2, 3], [0, 3], [1, 2]])
    assert conflict_share(np.array([0, 0, 1, 2]), pairs) == 0.25


def test_the_closest_centroids_merge_first() -> None:
    three = np.stack([voice(0), voice(1), voice(2, towards=0, distance=0.5)])
    merged = merge_closest(three, 2)
    assert numbers(merged, [voice(0), voice(1)]) == [0, 1]
    assert merged[0] @ voice(0) == pytest.approx(merged[0] @ three[2], abs=1e-5)
    assert np.allclose(np.linalg.norm(merged, axis=1), 1, atol=1e-5)
    assert len(three) == 3


def test_opposite_centroids_merge_to_something_finite() -> None:
    assert np.isfinite(merge_closest(np.stack([voice(0), -voice(0)]), 1)).all()
