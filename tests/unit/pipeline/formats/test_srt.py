from __future__ import annotations

import re

from hypothesis import given

from pipeline.formats import srt
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION, said, transcript
from tests.unit.pipeline.strategies import transcripts

TIMES = re.compile(r"(\d{2,}):(\d\d):(\d\d),(\d{3}) --> (\d{2,}):(\d\d):(\d\d),(\d{3})")


def test_cues_are_numbered_from_one_and_name_the_speaker() -> None:
    assert srt.encode(CONVERSATION).split("\n\n")[:3] == [
        "1\n00:00:00,500 --> 00:00:02,000\nSPEAKER_00: Hello, this is Ann.",
        "2\n00:00:02,250 --> 00:00:04,000\nSPEAKER_01: Hi Ann! How are you?",
        "3\n00:00:03,500 --> 00:00:04,500\nMm-hmm.",
    ]


def test_nothing_said_is_an_empty_file() -> None:
    assert srt.encode(transcript()) == ""


def test_text_cannot_pass_for_markup_or_times() -> None:
    text = srt.encode(transcript([said("a --> <i>b</i>", 0.0, 1.0, "<b>")]))
    assert text.splitlines()[2] == "\u2039b\u203a: a --\u203a \u2039i\u203ab\u2039/i\u203a"


@given(transcripts())
def test_any_transcript_gives_well_formed_blocks_in_order(whole: Transcript) -> None:
    text = srt.encode(whole)  # words of nothing but control characters leave nothing to show
    blocks = text.removesuffix("\n").split("\n\n") if text else []
    starts = []
    for number, block in enumerate(blocks, start=1):
        index, times, *lines = block.split("\n")
        assert index == str(number)
        parts = TIMES.fullmatch(times)
        assert parts is not None
        hour, minute, second, rest = (int(part) for part in parts.groups()[:4])
        starts.append(((hour * 60 + minute) * 60 + second) * 1000 + rest)
        assert 1 <= len(lines) <= 2
        assert "<" not in "".join(lines)
        assert "-->" not in "".join(lines)
    assert starts == sorted(starts)
