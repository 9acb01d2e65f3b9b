"""What a contestant is asked and what it answers: JSON files, so that it can run in an interpreter of its own.

Imports nothing but the standard library, as peers' interpreters have no Hansard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Option = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one contestant is to do, once."""

    recordings: tuple[str, ...]
    """Paths of 16 kHz, 16-bit, one-channel wav files; all in one list, so that a contestant may batch across them."""
    models: Mapping[str, str]
    """Paths by name of the catalog: a safetensors file, or a directory."""
    threads: int
    options: Mapping[str, Option] = field(default_factory=dict)
    scratch: str = ""
    """A folder that outlives the run, for what has to be converted once."""
    offline: bool = False
    """Whether nothing may be fetched."""

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Request:
        """Read what `write` wrote."""
        plain = json.loads(path.read_text(encoding="utf-8"))
        return Request(**plain | {"recordings": tuple(plain["recordings"])})


@dataclass(frozen=True, kw_only=True)
class FoundTurn:
    """One speaker speaks from start to end, in seconds."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True, kw_only=True)
class FoundWord:
    """A word, from start to end, in seconds: its own times, or those of its segment."""

    text: str
    start: float
    end: float
    speaker: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was found in one recording; None stands for what the contestant does not look for."""

    turns: tuple[FoundTurn, ...] | None = None
    words: tuple[FoundWord, ...] | None = None

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Answer:
        """Read what `asdict` made of an answer."""
        turns, words = plain["turns"], plain["words"]
        return Answer(
            turns=None if turns is None else tuple(FoundTurn(**turn) for turn in turns),
            words=None if words is None else tuple(FoundWord(**word) for word in words),
        )


@dataclass(frozen=True, kw_only=True)
class Response:
    """What one contestant found, and what that took once its models were loaded."""

    answers: tuple[Answer, ...]
    """One for each recording, in the order of the request."""
    cpu_seconds: float
    """User and system time of the process, its threads and its children."""
    wall_seconds: float
    peak_bytes: int
    """Largest resident set of the process, loading included."""
    loaded_bytes: int
    """Resident set of the process with its models loaded, before the first recording."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """By distribution."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures has to know."""

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Response:
        """Read what `write` wrote."""
        plain = json.loads(path.read_text(encoding="utf-8"))
        answers = tuple(Answer.of(answer) for answer in plain["answers"])
        return Response(**plain | {"answers": answers, "notes": tuple(plain["notes"])})
