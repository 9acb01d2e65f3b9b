from __future__ import annotations

import pytest
from hypothesis import given

from pipeline.errors import MalformedFile
from pipeline.formats import stm
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION, said, transcript
from tests.unit.pipeline.strategies import transcripts


def test_an_utterance_is_one_line() -> None:
    assert stm.encode(CONVERSATION).splitlines()[:3] == [
        "call 1 SPEAKER_00 0.500 2.000 Hello, this is Ann.",
        "call 1 SPEAKER_01 2.250 4.000 Hi Ann! How are you?",
        "call 1 UNKNOWN 3.500 3.750 Mm-hmm.",
    ]


def test_a_first_word_in_angle_brackets_is_not_taken_for_the_label() -> None:
    text = stm.encode(transcript([said("<b> bold", 0.0, 1.0)]))
    assert [item.text for item in stm.parse(text)["call"]] == ["<b> bold"]


@given(transcripts())
def test_texts_come_back(whole: Transcript) -> None:
    read = [item for items in stm.parse(stm.encode(whole)).values() for item in items]
    assert sorted(item.text for item in read) == sorted(item.text for item in whole.utterances)
    assert all(item.end > item.start for item in read)


def test_labels_comments_and_stretches_not_scored_are_passed_over() -> None:
    text = (
        ";; comment\nx A ann 1.0 2.0 <o,f0,female>  yes   indeed\n"
        "x A bob 0.0 1.0 IGNORE_TIME_SEGMENT_IN_SCORING\nx A bob 2.0 3.0 <o>\n"
    )
    (utterance,) = stm.parse(text)["x"]
    assert (utterance.speaker, utterance.channel, utterance.text) == ("ann", 1, "yes indeed")


@pytest.mark.parametrize("line", ["x 1 ann 0.0", "x 1 ann zero 1.0 hi"])
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(MalformedFile, match="line 1"):
        stm.parse(line)
