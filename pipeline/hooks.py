"""Progress: how a long run tells what it is doing."""

from __future__ import annotations

from typing import Protocol


class Hook(Protocol):
    """Called by every stage as it advances, from the thread that runs it.

    `stage` is one of `decode`, `segmentation`, `embedding`, `clustering`, `relabelling`, `asr`, `alignment`;
    `done` grows from 0 to `total`, both in seconds of audio. Voices have been told apart when `relabelling` is done,
    also where it was not needed; `asr` and `alignment` may come in between.
    """

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Report that `done` of `total` seconds of audio have passed `stage`."""


class NullHook:
    """Tells nobody."""

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Do nothing."""
