"""Text for people: without the control characters that break players and terminals."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """`text` without control characters, except line feeds, and without halves of surrogate pairs."""
    return "".join(char for char in text if char == "\n" or unicodedata.category(char) not in {"Cc", "Cs"})
