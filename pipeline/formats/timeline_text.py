"""Text on pictures: fonts that are there, characters that they have, lengths that fit."""

from __future__ import annotations

from functools import cache
from typing import Any

from pipeline.extras import require
from pipeline.formats.printable import printable

FAMILIES = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Hiragino Sans",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
)
"""Tried for each character in this order. The first comes with matplotlib; the others serve where installed."""
MISSING = "□"
EM_WIDTH = 0.56
"""Mean width of a character of English text in DejaVu Sans, in em (0.55 to 0.57 on conversations)."""


@cache
def families() -> tuple[str, ...]:
    """Those of `FAMILIES` that are installed."""
    manager = require("matplotlib.font_manager", "plot").fontManager
    installed = {entry.name for entry in manager.ttflist}
    return tuple(name for name in FAMILIES if name in installed)


def drawable(text: str) -> str:
    """`text` on one line, with a box for each character that no installed font has."""
    return "".join(char if _has(char) else MISSING for char in " ".join(printable(text).split()))


def shortened(text: str, characters: int) -> str:
    """`text` cut to a number of characters, the last one an ellipsis where something is missing."""
    return text if len(text) <= characters else f"{text[: max(0, characters - 1)].rstrip()}…"


def width(characters: int, points: float) -> float:
    """Inches that a text of so many characters takes at a font size."""
    return characters * points * EM_WIDTH / 72


@cache
def _fonts() -> tuple[Any, ...]:
    manager = require("matplotlib.font_manager", "plot")
    paths = (manager.findfont(manager.FontProperties(family=name), fallback_to_default=False) for name in families())
    return tuple(manager.get_font(path) for path in paths)


@cache
def _has(char: str) -> bool:
    return any(font.get_char_index(ord(char)) for font in _fonts())
