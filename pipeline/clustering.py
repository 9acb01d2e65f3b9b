"""Agglomerative clustering of speaker embeddings by cosine distance, with the number of speakers found or given.

Centroid linkage on unit vectors: Euclidean distance d and cosine distance c = 1 - cos are tied by d^2 = 2 c, so that a
cut of 0.70 is a cosine distance of 0.245. Average and complete linkage have narrow optima here, Ward fails.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.dendrogram import MOST_ROWS, Dendrogram
from pipeline.types import BoolArray, FloatArray, IntArray

EPSILON = 1e-6
"""Cutting this far below a merge undoes it."""


@dataclass(frozen=True, kw_only=True)
class ClusteringOptions:
    """What makes a cluster a speaker. Found on composed and real conversations of 1 to 10 people (DECISIONS.md)."""

    cut: float
    """Height at which the dendrogram is cut: Euclidean distance between unit-norm centroids."""
    lowest_cut: float
    """How far the cut may be lowered where it puts voices together that exclude each other."""
    lowest_known_cut: float
    """How far it may be lowered to reach a known number of speakers."""
    share: float = 0.1
    """A cluster is a speaker if it has this share of all observations …"""
    span: float = 12.0
    """… or if windows hear it over this many seconds."""
    known_share: float = 0.05
    """The same where the number of speakers is known: smaller clusters can be trusted then."""
    known_span: float = 8.0
    conflict_share: float = 0.3
    """The cut is lowered until at most this share of the excluding pairs has one label."""
    pair_share: float = 0.1
    """Fewer excluding pairs for each observation prove nothing: segmentation now and then splits a voice."""
    min_pairs: int = 5
    pair_seconds: float = 2.0
    """Voices alone for less in their window may be pieces of one."""
    most: int = MOST_ROWS
    """Observations that are clustered at once; more of them in two levels."""


@dataclass(frozen=True, eq=False)
class Observations:
    """What is clustered: one row an embedding."""

    embeddings: FloatArray
    """(n, dimension), unit norm."""
    seconds: FloatArray
    """(n,): speech behind each."""
    windows: IntArray
    """(n,), not decreasing: two rows of one window are voices that segmentation told apart: they exclude each other."""
    step: float
    """Seconds between two windows."""

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def excluding_pairs(self) -> IntArray:
        """Pairs of rows of one window, (pairs, 2)."""
        rows = np.arange(len(self))
        pairs = [
            np.stack([rows[:-gap], rows[gap:]], axis=1)[self.windows[:-gap] == self.windows[gap:]]
            for gap in range(1, int(np.bincount(self.windows).max(initial=0)))
        ]
        return np.concatenate([np.zeros((0, 2), dtype=np.int64), *pairs])

    def centroid(self, members: BoolArray) -> FloatArray:
        """Mean of the members, each counting by its seconds, (dimension,), unit norm."""
        mean = (self.embeddings[members] * self.seconds[members, None]).sum(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Clusters:
    """A cut through a dendrogram."""

    labels: IntArray
    """(n,): cluster of each observation, counted from 0."""
    speakers: IntArray
    """(k,): the clusters that are speakers; the others are outliers."""


def find_speakers(observations: Observations, options: ClusteringOptions) -> FloatArray:
    """Find the voices, however many there are: (speakers, dimension), unit norm, the one with most speech first.

    Needs at least one observation.
    """
    if len(observations) == 1:
        return observations.embeddings
    dendrogram = Dendrogram(observations.embeddings, options.most, options.cut)
    return _centroids(_unknown_count(dendrogram, observations, options), observations)


def find_known_speakers(observations: Observations, options: ClusteringOptions, wanted: int) -> FloatArray:
    """Find `wanted` voices, or as close to that number as can be told apart, never more: as `find_speakers`."""
    if len(observations) == 1:
        return observations.embeddings
    dendrogram = Dendrogram(observations.embeddings, options.most, options.cut)
    centroids = _centroids(_known_count(dendrogram, observations, options, wanted), observations)
    return merge_closest(centroids, wanted)


def _centroids(clusters: Clusters, observations: Observations) -> FloatArray:
    members = [clusters.labels == speaker for speaker in clusters.speakers]
    members.sort(key=lambda mask: -float(observations.seconds[mask].sum()))
    return np.stack([observations.centroid(mask) for mask in members])


def _unknown_count(dendrogram: Dendrogram, observations: Observations, options: ClusteringOptions) -> Clusters:
    """Cut at the model's own height, lower where that would put voices together that exclude each other."""
    labels = dendrogram.cut(options.cut)
    pairs = observations.excluding_pairs
    if _prove_voices(pairs, observations, options):
        cuts = (h - EPSILON for h in dendrogram.heights if options.lowest_cut <= h < options.cut)
        while conflict_share(labels, pairs) > options.conflict_share:
            lower = next(cuts, None)
            if lower is None:
                labels = dendrogram.cut(options.cut)  # nothing resolves the conflicts: they are segmentation's
                break
            labels = dendrogram.cut(lower)
    return _speakers_among(labels, options.share, options.span, observations)


def _known_count(
    dendrogram: Dendrogram, observations: Observations, options: ClusteringOptions, wanted: int
) -> Clusters:
    """The cut nearest to the model's own that gives just so many speakers, or else a few more, or else fewer.

    Of more, the closest are merged afterwards (`merge_closest`), so that the number is reached. Cutting anywhere until
    the number fits would split real voices or spend clusters on outliers. Below the model's own cut it goes only where
    segmentation has heard voices side by side.
    """
    heard = _prove_voices(observations.excluding_pairs, observations, options)
    floor = options.lowest_known_cut if heard else options.cut
    # Just below a merge that the cut includes, or just above one that it does not: every partition there is, each by
    # the cut nearest to the model's own.
    heights = dendrogram.heights
    cuts = np.where(heights < options.cut, heights - EPSILON, heights + EPSILON)
    cuts = np.append(cuts[cuts >= floor], options.cut)
    best = None
    for cut in sorted(cuts, key=lambda cut: abs(cut - options.cut)):
        clusters = _speakers_among(dendrogram.cut(cut), options.known_share, options.known_span, observations)
        if best is None or _misses(clusters, wanted) < _misses(best, wanted):
            best = clusters
        if len(best.speakers) == wanted:
            return best
    return best or Clusters(np.zeros(len(observations), dtype=np.int64), np.zeros(1, dtype=np.int64))


def _misses(clusters: Clusters, wanted: int) -> tuple[bool, int]:
    """How far from a number of speakers: smaller is better, and too many better than too few."""
    found = len(clusters.speakers)
    return found < wanted, abs(found - wanted)


def _prove_voices(pairs: IntArray, observations: Observations, options: ClusteringOptions) -> bool:
    """Whether enough observations that are long enough to trust exclude each other: there are several voices."""
    long = observations.seconds >= options.pair_seconds
    trusted = int((long[pairs[:, 0]] & long[pairs[:, 1]]).sum())
    return trusted >= max(options.min_pairs, options.pair_share * int(long.sum()))


def _speakers_among(labels: IntArray, share: float, span: float, observations: Observations) -> Clusters:
    """The clusters that are large enough to be a speaker; the largest at least."""
    sizes = np.bincount(labels)
    enough = max(1, min(round(span / observations.step), round(share * len(labels))))
    large = np.flatnonzero(sizes >= enough)
    return Clusters(labels, large if len(large) else np.array([sizes.argmax()]))


def conflict_share(labels: IntArray, pairs: IntArray) -> float:
    """Share of the pairs that exclude each other and yet have the same label; pairs: (pairs, 2), not empty."""
    return float((labels[pairs[:, 0]] == labels[pairs[:, 1]]).mean())


def merge_closest(centroids: FloatArray, wanted: int) -> FloatArray:
    """Merge the two closest centroids until only `wanted` are left, (wanted, dimension), unit norm."""
    while len(centroids) > wanted:
        similarity = centroids @ centroids.T - 2 * np.eye(len(centroids), dtype=np.float32)
        kept, gone = sorted(divmod(int(similarity.argmax()), len(centroids)))
        merged = centroids[kept] + centroids[gone]
        centroids = np.delete(centroids, gone, axis=0)
        centroids[kept] = merged / max(float(np.linalg.norm(merged)), 1e-12)
    return centroids
