"""The order in which voices merge: that of scipy, in one level and in two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from pipeline.dendrogram import Dendrogram, centroid_linkage
from pipeline.types import FloatArray, IntArray

CUT = 0.7


def unit(rows: FloatArray | NDArray[np.float64]) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


def talk(rows: int, voices: int, spread: float = 0.5, seed: int = 0) -> tuple[FloatArray, IntArray]:
    """So many embeddings, ten of each turn, and whose they are."""
    chance = np.random.default_rng(seed)
    whose = np.repeat(chance.integers(0, voices, -(-rows // 10)), 10)[:rows]
    own = unit(chance.normal(size=(voices, 64)))
    turn = np.repeat(chance.normal(0, spread / 8, (-(-rows // 10), 64)), 10, axis=0)[:rows]
    return unit(own[whose] + turn + chance.normal(0, spread / 40, (rows, 64))), whose


def same_partition(left: IntArray, right: IntArray) -> bool:
    return len(set(zip(left.tolist(), right.tolist(), strict=True))) == len(set(left.tolist())) == len(set(right))


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 40), st.floats(0.1, 1.4), st.integers(0, 99))
def test_cuts_are_scipys_where_heights_grow(rows: int, height: float, seed: int) -> None:
    embeddings = unit(np.random.default_rng(seed).normal(size=(rows, 6)).astype(np.float32))
    merges = linkage(embeddings.astype(np.float64), method="centroid")
    ours = Dendrogram(embeddings)
    assert np.array_equal(ours.merges[:, [0, 1, 3]], merges[:, [0, 1, 3]])
    if (np.diff(merges[:, 2]) >= 0).all():
        assert np.array_equal(ours.cut(height), fcluster(merges, height, criterion="distance") - 1)


@pytest.mark.parametrize("rows", [2, 3, 50, 400])
def test_merges_and_distances_are_scipys(rows: int) -> None:
    embeddings, _ = talk(rows, 4)
    expected = linkage(embeddings.astype(np.float64), method="centroid")
    assert centroid_linkage(embeddings) == pytest.approx(expected, abs=1e-9)


def test_clusters_of_several_rows_merge_as_these_rows_do() -> None:
    """Every row ten times over merges into itself first; what scipy does after that is what we do from there."""
    embeddings, _ = talk(60, 3)
    often = linkage(np.repeat(embeddings.astype(np.float64), np.arange(60) % 4 + 1, axis=0), method="centroid")
    ours = centroid_linkage(embeddings, np.arange(60) % 4 + 1)
    assert ours[:, 2] == pytest.approx(often[-59:, 2], abs=1e-9)


def test_heights_of_a_dendrogram_only_grow() -> None:
    """Three points at equal distances: the second centroid merge comes out lower than the first."""
    triangle = np.array([[0, 0], [1, 0], [0.5, 0.9]], dtype=np.float32)
    assert np.diff(centroid_linkage(triangle)[:, 2])[0] < 0
    dendrogram = Dendrogram(triangle)
    assert (np.diff(dendrogram.merges[:, 2]) >= 0).all()
    assert (np.diff(dendrogram.heights) < 0).all()
    assert dendrogram.cut(0.95).tolist() == [0, 1, 2]
    assert dendrogram.cut(1.05).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("rows", "most"), [(1000, 999), (1000, 300), (1000, 100), (997, 150)])
def test_two_levels_find_what_one_finds(rows: int, most: int) -> None:
    embeddings, whose = talk(rows, 5)
    one, two = Dendrogram(embeddings), Dendrogram(embeddings, most)
    assert len(two.merges) < most
    assert same_partition(one.cut(CUT), whose)
    assert same_partition(two.cut(CUT), whose)


def test_the_upper_merges_of_two_levels_are_those_of_one() -> None:
    embeddings, _ = talk(1200, 6)
    one, two = Dendrogram(embeddings), Dendrogram(embeddings, 400)
    assert two.heights[:5] == pytest.approx(one.heights[:5], abs=0.02)


def test_a_voice_that_is_heard_once_survives_the_first_level() -> None:
    embeddings, _ = talk(1000, 3)
    embeddings[700:706] = unit(np.eye(64, dtype=np.float32)[:1])
    alone = np.flatnonzero(np.bincount(Dendrogram(embeddings, 100).cut(CUT)) == 6)
    assert len(alone) == 1


@pytest.mark.parametrize("outliers", [0.2, 0.4, 0.6])
def test_voices_are_told_apart_among_many_things_that_are_heard_once(outliers: float) -> None:
    embeddings, whose = talk(2000, 8)
    chance = np.random.default_rng(3)
    strange = chance.random(2000) < outliers
    embeddings[strange] = unit(chance.normal(size=(int(strange.sum()), 64)))
    labels = Dendrogram(embeddings, 400, CUT).cut(CUT)
    assert same_partition(labels[~strange], whose[~strange])
    assert len(np.unique(labels[strange])) > 0.8 * strange.sum()


def test_a_plateau_of_heights_is_not_taken_for_one_group() -> None:
    """Twenty voices in a stretch with room for fewer groups than there are voices and outliers."""
    embeddings, whose = talk(3600, 20, spread=0.3)
    labels = Dendrogram(embeddings, 400, CUT).cut(CUT)
    assert same_partition(labels, whose)


def test_two_levels_need_no_more_room_than_they_are_given() -> None:
    embeddings = unit(np.random.default_rng(4).normal(size=(1000, 64)))
    dendrogram = Dendrogram(embeddings, 100, CUT)
    assert len(dendrogram.merges) == 99
    assert len(np.unique(dendrogram.cut(CUT))) == 1000
