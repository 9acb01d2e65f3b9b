"""How a download tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called while a model is fetched, from the thread that asked for it or from one that fetches for it."""

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Report that `done` of `total` bytes of `name` are here; `total` is None where the source does not say."""


class NullProgress:
    """Tells nobody."""

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Do nothing."""
