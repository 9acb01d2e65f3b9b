"""How English words are pronounced: the dictionary beside an acoustic model, and rules for what it lacks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from pathlib import Path

from pipeline.alignment.letter_to_sound import pronounce
from pipeline.errors import ModelCorrupt


class Pronunciations:
    """A dictionary of the CMU kind, a line a pronunciation: `word PH ON ES`, further ones as `word(2)`.

    Kept as lines, 9 MB: as a dict of Python it would take 54.
    """

    def __init__(self, file: Path, phones: Collection[str]) -> None:
        """Read a file; `phones` are those that there are. Raises `ModelCorrupt` where there is no such file."""
        try:
            self._lines = sorted(file.read_bytes().splitlines())
        except FileNotFoundError as error:
            raise self._damaged from error
        self._phones = frozenset(phones)

    def knows(self, word: str) -> bool:
        """Whether the dictionary has a word, in lower case."""
        return bool(self._starting_with(f"{word} "))

    def of(self, word: str) -> list[tuple[str, ...]]:
        """All ways to say a word, in phones; by rule where the dictionary lacks it, none where rules give nothing.

        Raises `ModelCorrupt` where a line of it is damaged.
        """
        found = [*self._starting_with(f"{word} "), *self._starting_with(f"{word}(")]
        said = found or [f"{word} {phones}" for phones in (pronounce(word),) if phones]
        ways = list(dict.fromkeys(tuple(line.split()[1:]) for line in said))
        if not all(way and self._phones.issuperset(way) for way in ways):
            raise self._damaged
        return ways

    @property
    def _damaged(self) -> ModelCorrupt:
        return ModelCorrupt("the dictionary for word times is damaged; reinstall pocketsphinx")

    def _starting_with(self, start: str) -> list[str]:
        wanted = start.encode()
        at = bisect_left(self._lines, wanted)
        found = []
        while at < len(self._lines) and self._lines[at].startswith(wanted):
            found.append(self._lines[at].decode("ascii", "replace"))
            at += 1
        return found
