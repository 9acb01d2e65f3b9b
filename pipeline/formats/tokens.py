"""Names and words for formats whose fields are separated by white space."""

from __future__ import annotations

import re
from collections.abc import Iterable

UNKNOWN = "UNKNOWN"
"""Stands for the speaker of words that belong to nobody."""
COMMENT = re.compile(r"^(?:;+_*)+")
"""What would turn a line into a comment, with the white space after it."""


def token(text: str, empty: str) -> str:
    """`text` with every run of white space as one underscore; `empty` where nothing is left."""
    return "_".join(text.split()) or empty


def speaker_tokens(labels: Iterable[str | None]) -> dict[str | None, str]:
    """One field without white space for each label, different labels never sharing one.

    No speaker (None) gets `UNKNOWN`. Where two labels would read the same ("Ann B" and "Ann_B"), the later one gets a
    number at its end.
    """
    fields: dict[str | None, str] = {}
    for label in dict.fromkeys(labels):
        plain = UNKNOWN if label is None else token(label, UNKNOWN)
        field, number = plain, 2
        while field in fields.values():
            field, number = f"{plain}_{number}", number + 1
        fields[label] = field
    return fields


def uri_token(uri: str) -> str:
    """The recording's name as one field; without a semicolon at its start, which would make each line a comment."""
    return COMMENT.sub("", token(uri, "")) or "audio"


def channel_field(channel: int | None) -> int:
    """Channels are counted from 1 in NIST formats; no channel in particular is 1 as well."""
    return 1 if channel is None else channel + 1
