"""How far a job is, as one number, from how far its stages are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SPANS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        # Shares of the time that a job takes on a CPU, as measured on a meeting of four; where a stage begins and ends.
        "fetch": (0.0, 0.03),
        "decode": (0.03, 0.05),
        "segmentation": (0.05, 0.30),
        "embedding": (0.30, 0.50),
        "clustering": (0.50, 0.52),
        "relabelling": (0.52, 0.60),
        "asr": (0.60, 0.87),
        "alignment": (0.87, 0.97),
        "publish": (0.97, 1.0),
    }
)


def fraction(stage: str, done: float, total: float) -> float:
    """Share of the whole job that is done, 0..1, when `done` of `total` of a stage are."""
    start, end = SPANS[stage]
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
    return start + share * (end - start)
