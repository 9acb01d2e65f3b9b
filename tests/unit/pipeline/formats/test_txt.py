from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from pipeline.formats import txt
from pipeline.formats.printable import printable
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION
from tests.unit.pipeline.strategies import transcripts


def test_each_utterance_is_a_line_with_time_and_speaker() -> None:
    assert txt.encode(CONVERSATION).splitlines() == [
        "[0:00 - 0:02] SPEAKER_00: Hello, this is Ann.",
        "[0:02 - 0:04] SPEAKER_01: Hi Ann! How are you?",
        "[0:03 - 0:03] (unknown): Mm-hmm.",
        "[1:05 - 1:06] SPEAKER_00: Fine, thanks.",
    ]


def test_a_recording_of_an_hour_shows_hours() -> None:
    assert txt.encode(replace(CONVERSATION, duration=3600.0)).startswith("[0:00:00 - 0:00:02] ")


@given(transcripts())
def test_any_transcript_gives_one_line_an_utterance(whole: Transcript) -> None:
    assert txt.encode(whole).count("\n") == len(whole.utterances)


def test_control_characters_are_left_out() -> None:
    assert printable("a\x1b[31mb\x00c\nd\ud800") == "a[31mbc\nd"
