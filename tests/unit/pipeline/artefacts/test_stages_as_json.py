"""Diarizations and recognitions, as packed JSON."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.artefacts import Made, packed_json
from pipeline.artefacts import diarization as turns_artefact
from pipeline.artefacts import recognition as words_artefact
from pipeline.errors import MalformedFile
from pipeline.types import Diarization, Notice, Recognition, RecognizedSegment
from tests.unit.pipeline.artefacts.damage import damaged
from tests.unit.pipeline.formats.examples import CONVERSATION, spoken
from tests.unit.pipeline.strategies import diarizations, dropped, notices, probabilities, segments_of, words

made = st.builds(Made, duration=st.floats(0.0, 1e6), seconds=st.floats(0.0, 1e6))
MADE = Made(duration=70.0, seconds=0.1)
DIARIZATION = replace(CONVERSATION.diarization, notices=(Notice("said", "once"),))
RECOGNITION = Recognition(
    segments=(
        RecognizedSegment(
            start=0.5,
            end=2.0,
            text="Hello, Ann.",
            words=spoken("Hello, Ann.", 0.5, 2.0, None),
            avg_logprob=-0.1 - 0.2,
            no_speech_prob=0.1,
            compression_ratio=1.1,
            temperature=0.0,
        ),
    ),
    dropped=(),
    language="en",
    language_confidence=None,
)
TURNS = turns_artefact.encode(DIARIZATION, MADE)
WORDS = words_artefact.encode(RECOGNITION, MADE)


@st.composite
def recognitions(draw: st.DrawFn) -> Recognition:
    """What was said, in any words; equal words may follow each other."""
    heard = tuple(draw(st.lists(words(st.none()), max_size=8)))
    return Recognition(
        segments=draw(segments_of(heard)),
        dropped=draw(st.lists(dropped, max_size=2).map(tuple)),
        language=draw(st.sampled_from(["en", "und"])),
        language_confidence=draw(st.none() | probabilities),
        notices=draw(notices),
    )


def changed(content: bytes, **changes: Any) -> bytes:
    """The same document with some keys of another value."""
    return gzip.compress(json.dumps({**json.loads(gzip.decompress(content)), **changes}).encode())


@given(diarizations(), made)
def test_a_diarization_comes_back_digit_by_digit(whole: Diarization, how: Made) -> None:
    assert turns_artefact.decode(turns_artefact.encode(whole, how)) == (whole, how)


@given(recognitions(), made)
def test_a_recognition_comes_back_digit_by_digit(whole: Recognition, how: Made) -> None:
    assert words_artefact.decode(words_artefact.encode(whole, how)) == (whole, how)


@pytest.mark.parametrize("start", [0.1 + 0.2, 1e-320, 35999.999999999993])
def test_times_are_not_rounded(start: float) -> None:
    (turn, *_) = DIARIZATION.turns
    moved = Diarization(turns=(replace(turn, start=start),), exclusive=(), speakers=())
    assert turns_artefact.decode(turns_artefact.encode(moved, MADE))[0].turns[0].start == start


def test_the_same_diarization_gives_the_same_bytes() -> None:
    assert turns_artefact.encode(DIARIZATION, MADE) == TURNS


def test_a_number_that_is_none_is_not_written() -> None:
    (turn, *_) = DIARIZATION.turns
    with pytest.raises(ValueError, match="not JSON compliant"):
        turns_artefact.encode(replace(DIARIZATION, turns=(replace(turn, confidence=float("nan")),)), MADE)


@given(st.data())
def test_a_damaged_diarization_is_refused(data: st.DataObject) -> None:
    content = data.draw(damaged(TURNS) | st.just(WORDS))
    try:
        read = turns_artefact.decode(content)
    except MalformedFile:
        return
    assert read == (DIARIZATION, MADE), "only the header of gzip may differ"


@given(st.data())
def test_a_damaged_recognition_is_refused(data: st.DataObject) -> None:
    content = data.draw(damaged(WORDS) | st.just(TURNS))
    try:
        read = words_artefact.decode(content)
    except MalformedFile:
        return
    assert read == (RECOGNITION, MADE), "only the header of gzip may differ"


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"kind": "recognition"},
        {"duration": None},
        {"duration": -1},
        {"seconds": "soon"},
        {"seconds": float("nan")},
        {"turns": None},
        {"turns": [{}]},
        {"turns": [None]},
        {"speakers": [{"label": 1, "speech_seconds": 1, "embedding": None, "channel": None}]},
        {"notices": [{"code": "a"}]},
    ],
)
def test_a_document_that_is_no_diarization_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedFile, match="not a diarization"):
        turns_artefact.decode(changed(TURNS, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"language": None},
        {"words": []},
        {"segments": [{}]},
        {"segments": "none"},
        {"dropped": [[]]},
        {"language_confidence": "high"},
    ],
)
def test_a_document_that_is_no_recognition_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedFile, match="not a recognition"):
        words_artefact.decode(changed(WORDS, **changes))


def test_a_document_that_is_too_deep_is_refused() -> None:
    with pytest.raises(MalformedFile):
        turns_artefact.decode(gzip.compress(b"[" * 100_000))


def test_a_document_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_json, "MAX_BYTES", 100)
    with pytest.raises(MalformedFile, match="more than 100 bytes"):
        turns_artefact.decode(TURNS)
