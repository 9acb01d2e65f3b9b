from __future__ import annotations

import sys

import pytest
from hypothesis import given
from pyannote.core import Annotation
from pyannote.core import Segment as Stretch

from pipeline.annotation import from_annotation, to_annotation
from pipeline.errors import MissingDependency
from pipeline.formats.timeline_layout import overlapped
from pipeline.types import Diarization
from tests.unit.pipeline.formats.examples import CONVERSATION, turn
from tests.unit.pipeline.strategies import diarizations


def test_turns_become_labelled_tracks() -> None:
    annotation = to_annotation(CONVERSATION.diarization, uri="call")
    assert annotation.uri == "call"
    assert [(place.start, place.end, label) for place, _, label in annotation.itertracks(yield_label=True)] == [
        (item.start, item.end, item.speaker) for item in CONVERSATION.diarization.turns
    ]


def test_exclusive_turns_can_be_taken_instead() -> None:
    annotation = to_annotation(CONVERSATION.diarization, exclusive=True)
    assert len(list(annotation.itertracks())) == 3


def test_two_speakers_over_the_same_stretch_are_both_kept() -> None:
    both = (turn(0, 1, "A"), turn(0, 1, "B"))
    annotation = to_annotation(Diarization(turns=both, exclusive=(), speakers=()))
    assert annotation.labels() == ["A", "B"]
    assert from_annotation(annotation).turns == both


def test_speakers_come_in_order_of_appearance_with_their_speech() -> None:
    annotation = Annotation()
    annotation[Stretch(5, 6), 0] = "A"
    annotation[Stretch(0, 2), 1] = "B"
    annotation[Stretch(1, 3), 2] = "B"
    diarization = from_annotation(annotation)
    assert [(item.label, item.speech_seconds) for item in diarization.speakers] == [("B", 3.0), ("A", 1.0)]


def test_in_the_exclusive_turns_who_began_first_speaks_on() -> None:
    annotation = Annotation()
    annotation[Stretch(0, 4), 0] = "A"
    annotation[Stretch(1, 2), 1] = "B"
    annotation[Stretch(3, 6), 2] = "B"
    assert from_annotation(annotation).exclusive == (turn(0, 4, "A"), turn(4, 6, "B"))


@given(diarizations())
def test_turns_survive_the_way_there_and_back(diarization: Diarization) -> None:
    """Those too short for pyannote, which are shorter than a microsecond, are gone."""
    back = from_annotation(to_annotation(diarization))
    kept = [item for item in diarization.turns if item.duration > 1e-6]
    assert sorted((item.start, item.end, item.speaker) for item in back.turns if item.duration > 1e-6) == sorted(
        (item.start, item.end, item.speaker) for item in kept
    )
    assert overlapped(back.exclusive) == ()


def test_without_pyannote_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyannote.core", None)
    with pytest.raises(MissingDependency, match=r'pip install "hansard\[evaluation\]"'):
        to_annotation(CONVERSATION.diarization)


def test_a_notebook_shows_a_picture_of_diarization_and_transcript() -> None:
    for shown in (CONVERSATION, CONVERSATION.diarization):
        picture = shown._repr_png_()
        assert picture is not None
        assert picture.startswith(b"\x89PNG")


def test_a_notebook_without_matplotlib_shows_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert CONVERSATION._repr_png_() is None
