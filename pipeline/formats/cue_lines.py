"""Words on the lines of a subtitle."""

from __future__ import annotations

from collections.abc import Sequence


def fits(words: Sequence[str], room: Sequence[int]) -> bool:
    """Whether the words fill at most `len(room)` lines of at most `room[i]` characters, in order."""
    return len(_filled(words, room)) <= len(room)


def split_lines(words: Sequence[str], room: Sequence[int]) -> tuple[str, ...]:
    """Words on as few lines as can be; two lines of like length, cut after punctuation where that is near.

    More lines than `room` has come back only where a single word does not fit.
    """
    filled = _filled(words, room)
    if len(filled) != 2:  # noqa: PLR2004 - only two lines can be balanced against each other
        return filled
    cuts = [cut for cut in range(1, len(words)) if _within(words[:cut], room[0]) and _within(words[cut:], room[1])]
    best = min(cuts, key=lambda cut: _imbalance(words, cut), default=0)
    return (" ".join(words[:best]), " ".join(words[best:])) if best else filled


def _filled(words: Sequence[str], room: Sequence[int]) -> tuple[str, ...]:
    """Each line filled as far as it goes; lines after the last of `room` are as long as that one."""
    lines: list[str] = []
    for word in words:
        width = room[min(max(len(lines), 1), len(room)) - 1]
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return tuple(lines)


def _within(words: Sequence[str], length: int) -> bool:
    return len(" ".join(words)) <= length


def _imbalance(words: Sequence[str], cut: int) -> int:
    """Difference in characters between the lines; a cut after punctuation is worth ten of them."""
    bonus = 0 if words[cut - 1][-1].isalnum() else 10
    return abs(len(" ".join(words[:cut])) - len(" ".join(words[cut:]))) - bonus
