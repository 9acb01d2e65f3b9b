from __future__ import annotations

import json

from hypothesis import given

from pipeline.formats import jsonl, native
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION, said, transcript
from tests.unit.pipeline.strategies import transcripts


def test_an_utterance_is_a_line_with_its_words() -> None:
    (line,) = jsonl.encode(transcript([said("Hello Ann", 1.0, 2.0)])).splitlines()
    evidence = {"confidence": 0.9, "margin": 0.8, "overlap": 0.25, "method": "exclusive"}
    word = {"confidence": 0.5, "timing": "aligned", "channel": None, "speaker": "SPEAKER_00", "evidence": evidence}
    assert json.loads(line) == {
        "speaker": "SPEAKER_00",
        "channel": None,
        "start": 1.0,
        "end": 2.0,
        "text": "Hello Ann",
        "confidence": 0.5,
        "overlap": 0.25,
        "words": [
            {"text": "Hello", "start": 1.0, "end": 1.5, **word},
            {"text": "Ann", "start": 1.5, "end": 2.0, **word},
        ],
    }


def test_words_of_nobody_have_a_speaker_that_is_null() -> None:
    line = json.loads(jsonl.encode(CONVERSATION).splitlines()[2])
    assert (line["speaker"], line["words"][0]["speaker"], line["words"][0]["evidence"]) == (None, None, None)


def test_a_recording_without_words_gives_no_line() -> None:
    assert jsonl.encode(transcript()) == ""


def test_characters_that_end_a_line_for_some_readers_are_escaped() -> None:
    text = jsonl.encode(transcript([said("a\u2028b", 1.0, 2.0, "c\u2029d\x85e")]))
    assert len(text.splitlines()) == 1
    # Words are parted at white space, of which the line separator is one.
    assert json.loads(text)["text"] == "a b"
    assert json.loads(text)["speaker"] == "c\u2029d\x85e"


@given(transcripts())
def test_any_transcript_gives_a_line_an_utterance(whole: Transcript) -> None:
    assert len(jsonl.encode(whole).splitlines()) == len(whole.utterances)


@given(transcripts())
def test_lines_say_the_same_as_the_native_json(whole: Transcript) -> None:
    document = native.document(whole)
    expected = [
        {**item, "words": [document["words"][position] for position in item["words"]]}
        for item in document["utterances"]
    ]
    read = [json.loads(line) for line in jsonl.encode(whole).splitlines()]
    for one in (*read, *expected):
        # Equal words stand anywhere among each other in the list, with evidence of their own.
        one["words"].sort(key=json.dumps)
    assert read == expected
