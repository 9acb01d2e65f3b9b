"""Agglomerative clustering with centroid linkage, in two levels where there is much: memory stays bounded.

The first level takes consecutive stretches of a long recording by themselves and merges only what is closest in each:
the windows that hear the same seconds, and then the same voice nearby. The second merges what is left of all stretches.
Both follow the same rule, so that the upper part of the dendrogram, where it is cut, is the one that a single level has
(up to the order of merges far below the cut).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster

from pipeline.types import FloatArray, IntArray

MOST_ROWS = 4000
"""Rows that are clustered at once: about 130 MB, and 1 s."""

Doubles = NDArray[np.float64]


class Dendrogram:
    """The order in which clusters merge, and at what distance. Takes about 8 `most`^2 bytes to build."""

    def __init__(self, embeddings: FloatArray, most: int = MOST_ROWS) -> None:
        """Cluster rows, (n, dimension), in order of time; more than `most` of them in two levels."""
        if len(embeddings) <= most:
            self._group = np.arange(len(embeddings))
            merges = centroid_linkage(embeddings)
        else:
            self._group = _merge_nearby(embeddings, most)
            merges = centroid_linkage(*_means(embeddings, self._group))
        # Centroid linkage may merge at a smaller distance than before; a cut needs heights that only grow.
        merges[:, 2] = np.maximum.accumulate(merges[:, 2])
        self.merges: Doubles = merges

    @property
    def heights(self) -> Doubles:
        """Distinct heights of the merges, falling; without those of the first of two levels."""
        return np.asarray(np.unique(self.merges[:, 2])[::-1], dtype=np.float64)

    def cut(self, height: float) -> IntArray:
        """Cluster of each row once everything closer than `height` has merged, (n,), counted from 0."""
        labels = fcluster(self.merges, height, criterion="distance")
        return np.asarray(labels[self._group], dtype=np.int64) - 1


def _merge_nearby(embeddings: FloatArray, most: int) -> IntArray:
    """Group of each row, (n,), counted from 0: no more than `most` groups, none beyond one stretch of `most` rows."""
    stretches = np.array_split(embeddings, math.ceil(len(embeddings) / most))
    each = max(1, most // len(stretches))
    groups, found = [], 0
    for stretch in stretches:
        merges = centroid_linkage(stretch)
        merges[:, 2] = np.maximum.accumulate(merges[:, 2])
        groups.append(found + fcluster(merges, each, criterion="maxclust").astype(np.int64) - 1)
        found = int(groups[-1].max()) + 1
    return np.concatenate(groups)


def _means(rows: FloatArray, group: IntArray) -> tuple[Doubles, IntArray]:
    """Mean of each group, (groups, dimension), and how many rows it has, (groups,)."""
    sizes = np.bincount(group)
    sums = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(sums, group, rows)
    return sums / sizes[:, None], sizes.astype(np.int64)


def centroid_linkage(centroids: FloatArray | Doubles, sizes: IntArray | None = None) -> Doubles:
    """Merge the two closest clusters until one is left: (n - 1, 4), as `scipy.cluster.hierarchy.linkage` gives it.

    `centroids`: (n, dimension); `sizes`: (n,), rows behind each, which scipy takes to be one. Squared distances follow
    Lance and Williams (1967).
    """
    centroids = centroids.astype(np.float64, copy=False)
    squares = np.square(centroids).sum(axis=1)
    distances = centroids @ centroids.T
    distances *= -2  # in place: it is the one thing here that is large
    distances += squares
    distances += squares[:, None]
    np.maximum(distances, 0, out=distances)
    np.fill_diagonal(distances, np.inf)
    size = np.ones(len(centroids)) if sizes is None else sizes.astype(np.float64)
    number, parts = np.arange(len(centroids)), np.ones(len(centroids), dtype=np.int64)
    nearest, closest = distances.argmin(axis=1), distances.min(axis=1)
    stale = np.zeros(len(centroids), dtype=np.bool_)  # their nearest has merged since: `closest` is a lower bound
    merges = np.empty((len(centroids) - 1, 4))
    for step in range(len(merges)):
        while stale[kept := int(closest.argmin())]:
            nearest[kept], closest[kept], stale[kept] = distances[kept].argmin(), distances[kept].min(), False
        gone, square = int(nearest[kept]), float(closest[kept])
        together, parts[kept] = size[kept] + size[gone], parts[kept] + parts[gone]
        merges[step] = *sorted((number[kept], number[gone])), math.sqrt(max(square, 0.0)), parts[kept]
        share, rest = size[kept] / together, size[gone] / together
        merged = share * distances[kept] + rest * distances[gone] - share * rest * square
        merged[[kept, gone]] = np.inf
        distances[kept] = distances[:, kept] = merged
        distances[gone] = distances[:, gone] = np.inf
        size[kept], number[kept] = together, len(centroids) + step
        stale |= (nearest == kept) | (nearest == gone)
        closer = merged < closest
        nearest[closer], closest[closer], stale[closer] = kept, merged[closer], False
        nearest[kept], closest[kept], stale[kept] = merged.argmin(), merged.min(), False
        closest[gone], stale[gone] = np.inf, False
    return merges
