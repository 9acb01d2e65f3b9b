"""Answers, responses and outcomes to test with."""

from __future__ import annotations

from benchmarks.contestants import Contestant
from benchmarks.protocol import Answer, FoundTurn, FoundWord, Response
from benchmarks.report import Outcome
from benchmarks.scoring import Quality

ANSWER = Answer(
    turns=(FoundTurn(start=0.5, end=2.0, speaker="A"), FoundTurn(start=1.5, end=3.0, speaker="B")),
    words=(
        FoundWord(text="Grüße,", start=0.5, end=1.0, speaker="A"),
        FoundWord(text="hello", start=1.6, end=2.2, speaker=None),
    ),
)
SILENCE = Answer(turns=(), words=())
UNASKED = Answer()
NOTHING_KNOWN = Quality(wer=None, insertions=None, deletions=None, cpwer=None, der=None, der25=None, speakers_off=None)


def response(cpu_seconds: float, *answers: Answer, notes: tuple[str, ...] = ()) -> Response:
    return Response(
        answers=answers,
        cpu_seconds=cpu_seconds,
        wall_seconds=2 * cpu_seconds,
        peak_bytes=300 * 2**20,
        loaded_bytes=200 * 2**20,
        versions={"peer": "1.2"},
        notes=notes,
    )


def outcome(
    name: str, *cpu_seconds: float, quality: Quality = NOTHING_KNOWN, environment: str | None = None
) -> Outcome:
    return Outcome(
        contestant=Contestant(name=name, runner="none", environment=environment),
        responses=tuple(response(seconds) for seconds in cpu_seconds),
        quality=quality,
    )
