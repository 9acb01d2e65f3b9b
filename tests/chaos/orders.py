"""What a job tells the worker that takes it to do to itself. Travels as the job's prompt, the one free text it has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from api.states import Pool
from tests.chaos.plan import Plan

STAGES: Final = ("segmentation", "diarization", "recognition")
"""Stages that the stand-in for the models goes through."""
POINTS: Final[Mapping[Pool, tuple[str, ...]]] = {
    Pool.INGEST: ("claimed", "fetched", "decoded", "audio stored"),
    Pool.PROCESS: (
        "claimed",
        *(f"{stage} {done}" for stage in STAGES for done in ("computed", "stored", "kept")),
        *("transcribed", "result stored", "finished"),
    ),
}
"""Every boundary between stages that the workers tell of."""
SLOW_SECONDS: Final = 4.0


class Act(StrEnum):
    """What a worker does to itself."""

    DIE = "die"
    FREEZE = "freeze"
    LOSE_DEVICE = "lose device"
    """Find that its GPU has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Obeyed when a point is reached."""

    pool: Pool
    point: str
    act: Act
    always: bool = False
    """Not only by the first worker that takes the job."""
    slow_again: float = 0.0
    """Seconds that the next attempt takes longer, so that the one before it comes back while it is at work."""

    def prompt(self) -> str:
        """As a job carries them."""
        return json.dumps(asdict(self))


POISON: Final = Orders(pool=Pool.PROCESS, point="segmentation computed", act=Act.DIE, always=True)
CRASH: Final = Orders(pool=Pool.PROCESS, point="transcribed", act=Act.DIE)
DEVICE_LOSS: Final = Orders(pool=Pool.PROCESS, point="segmentation computed", act=Act.LOSE_DEVICE)


def orders_of(options: Mapping[str, Any]) -> Orders | None:
    """Those of a job; None for most."""
    if "prompt" not in options:
        return None
    found = json.loads(options["prompt"])
    return Orders(**{**found, "pool": Pool(found["pool"]), "act": Act(found["act"])})


def all_orders(plan: Plan) -> Iterator[Orders]:
    """Those of the first jobs of a run."""
    freezing = [(Pool.PROCESS, "result stored")] * plan.freezes + [(Pool.INGEST, "audio stored")] * (plan.freezes > 0)
    for pool, point in freezing:
        yield Orders(pool=pool, point=point, act=Act.FREEZE, slow_again=SLOW_SECONDS)
    yield from (CRASH,) * plan.crashes + (DEVICE_LOSS,) * plan.device_losses
    if plan.failpoints:
        yield POISON
        for pool, points in POINTS.items():
            for point in points:
                yield Orders(pool=pool, point=point, act=Act.DIE)
