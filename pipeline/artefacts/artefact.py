"""What every artefact has in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How an artefact was made. Raises ValueError for times that cannot be."""

    duration: float
    """Seconds of audio that it was made from."""
    seconds: float
    """Wall-clock seconds that making it took."""

    def __post_init__(self) -> None:
        if not (0 <= self.duration < math.inf and 0 <= self.seconds < math.inf):
            message = f"no artefact takes {self.seconds} s to make from {self.duration} s of audio"
            raise ValueError(message)


class Artefact(Protocol[T]):
    """A way to write a result of a stage as bytes and to read it again. Each module of this package is one."""

    def encode(self, value: T, made: Made, /) -> bytes:
        """Write a result."""

    def decode(self, content: bytes, /) -> tuple[T, Made]:
        """Read what `encode` wrote, equal to what it was given. Raises `MalformedFile` for anything else."""
