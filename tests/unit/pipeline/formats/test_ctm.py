from __future__ import annotations

import pytest
from hypothesis import given

from pipeline.errors import MalformedFile
from pipeline.formats import ctm
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import said, transcript
from tests.unit.pipeline.strategies import transcripts


def test_a_word_is_one_line_with_its_duration_and_confidence() -> None:
    text = ctm.encode(transcript([said("Hello there", 1.0, 2.0)]))
    assert text == "call 1 1.000 0.500 Hello 0.5000\ncall 1 1.500 0.500 there 0.5000\n"


@given(transcripts())
def test_every_word_comes_back_with_a_positive_duration(whole: Transcript) -> None:
    read = [word for words in ctm.parse(ctm.encode(whole)).values() for word in words]
    assert sorted(word.text for word in read) == sorted(word.text for word in whole.words)
    assert all(word.end > word.start for word in read)


def test_the_confidence_may_be_absent_or_a_speaker() -> None:
    words = ctm.parse(";; comment\nx A 0.5 0.25 hi\nx B 1 1 ho agent\n")["x"]
    assert [(word.channel, word.start, word.end, word.confidence) for word in words] == [
        (1, 0.5, 0.75, None),
        (2, 1.0, 2.0, None),
    ]


@pytest.mark.parametrize("line", ["x 1 0.5 0.25", "x 1 soon 0.25 hi", "x left 0.5 0.25 hi"])
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(MalformedFile, match="line 1"):
        ctm.parse(line)
