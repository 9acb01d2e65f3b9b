"""Server-sent events, after the HTML standard (9.2.6), of which Hansard uses names, data and comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_BREAK: Final = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the server tells."""

    name: str
    data: str


def parse_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Events as they become complete; one that breaks off is none."""
    name, data = "message", list[str]()
    for line in _lines(pieces):
        if not line:
            if data:
                yield Event(name, "\n".join(data))
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Lines without their ends. Only CR and LF end one: text may hold U+2028, at which `splitlines` cuts."""
    rest = b""
    for piece in pieces:
        rest += piece
        # A CR at the end may be half of a CR LF.
        held = b"\r" if rest.endswith(b"\r") else b""
        *whole, rest = _BREAK.split(rest[: len(rest) - len(held)])
        rest += held
        for line in whole:
            yield line.decode("utf-8", errors="replace")
