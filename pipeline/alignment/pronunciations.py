"""How English words are pronounced: the dictionary beside an acoustic model, and rules for what it lacks."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

from pipeline.alignment.letter_to_sound import pronounce


class Pronunciations:
    """A dictionary of the CMU kind, a line a pronunciation: `word PH ON ES`, further ones as `word(2)`.

    Kept as lines, 8 MB: as a dict of Python it would take 60.
    """

    def __init__(self, file: Path) -> None:
        self._lines = sorted(file.read_bytes().splitlines())

    def knows(self, word: str) -> bool:
        """Whether the dictionary has a word, in lower case."""
        return bool(self._starting_with(f"{word} "))

    def of(self, word: str) -> list[tuple[str, ...]]:
        """All ways to say a word, in phones; by rule where the dictionary lacks it, none where rules give nothing."""
        found = [*self._starting_with(f"{word} "), *self._starting_with(f"{word}(")]
        said = found or [f"{word} {phones}" for phones in (pronounce(word),) if phones]
        return list(dict.fromkeys(tuple(line.split()[1:]) for line in said))

    def _starting_with(self, start: str) -> list[str]:
        wanted = start.encode()
        at = bisect_left(self._lines, wanted)
        found = []
        while at < len(self._lines) and self._lines[at].startswith(wanted):
            found.append(self._lines[at].decode("ascii"))
            at += 1
        return found
