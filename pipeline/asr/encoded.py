"""What Whisper's encoder gives of the chunks of a batch, as CTranslate2 and the search want to see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.extras import require
from pipeline.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Chunks in order: on a CPU one by one, of any length; on a GPU all in one."""

    chunks: tuple[FloatArray, ...]
    """(1, frames, width) of each; none where they are in one."""
    view: Any
    """ctranslate2.StorageView, (chunks, frames, width); None where they are one by one."""

    @staticmethod
    def apart(chunks: Sequence[FloatArray]) -> Encoded:
        """Chunks one by one, (1, frames, width) each."""
        return Encoded(chunks=tuple(chunks), view=None)

    @staticmethod
    def together(view: Any) -> Encoded:  # noqa: ANN401 - ctranslate2 has no annotations
        """All chunks in one ctranslate2.StorageView."""
        return Encoded(chunks=(), view=view)

    def by_length(self) -> Iterator[tuple[list[int], Any]]:
        """Numbers of chunks of one length with a ctranslate2.StorageView of them, length by length."""
        alike: dict[int, list[int]] = defaultdict(list)
        for number, chunk in enumerate(self.chunks):
            alike[chunk.shape[1]].append(number)
        yield from self._views(alike.values())

    def one_by_one(self) -> Iterator[tuple[list[int], Any]]:
        """Numbers of chunks with a ctranslate2.StorageView of them: one at a time, but on a GPU all at once."""
        yield from self._views([number] for number in range(len(self.chunks)))

    def _views(self, groups: Iterable[list[int]]) -> Iterator[tuple[list[int], Any]]:
        if self.view is not None:
            yield list(range(self.view.shape[0])), self.view
            return
        view = require("ctranslate2", "pipeline").StorageView.from_array
        for numbers in groups:
            yield numbers, view(np.concatenate([self.chunks[number] for number in numbers]))
