from __future__ import annotations

import re
from html import unescape

from hypothesis import given

from pipeline.formats import vtt
from pipeline.formats.printable import printable
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION, said, transcript
from tests.unit.pipeline.strategies import transcripts

TIMES = re.compile(r"\d{2,}:\d\d:\d\d\.\d{3} --> \d{2,}:\d\d:\d\d\.\d{3}")


def test_speakers_are_voice_spans() -> None:
    assert vtt.encode(CONVERSATION).split("\n\n")[:4] == [
        "WEBVTT",
        "00:00:00.500 --> 00:00:02.000\n<v SPEAKER_00>Hello, this is Ann.",
        "00:00:02.250 --> 00:00:04.000\n<v SPEAKER_01>Hi Ann! How are you?",
        "00:00:03.500 --> 00:00:04.500\nMm-hmm.",
    ]


def test_nothing_said_is_a_header() -> None:
    assert vtt.encode(transcript()) == "WEBVTT\n"


def test_text_and_names_are_escaped() -> None:
    text = vtt.encode(transcript([said("R&D --> <c>", 0.0, 1.0, "a>b\nc")]))
    assert text.splitlines()[3] == "<v a&gt;b c>R&amp;D --&gt; &lt;c&gt;"


@given(transcripts())
def test_any_transcript_gives_well_formed_blocks(whole: Transcript) -> None:
    header, *blocks = vtt.encode(whole).removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    shown = ""
    for block in blocks:
        times, *lines = block.split("\n")
        assert TIMES.fullmatch(times)
        text = re.sub(r"^<v [^<>]+>", "", "".join(lines))
        assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", text)
        shown += text
    words = "".join(word.text for word in whole.words)
    assert sorted(unescape(shown).replace(" ", "")) == sorted("".join(printable(words).split()))
