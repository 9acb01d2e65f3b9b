from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given

from pipeline.errors import MalformedFile
from pipeline.formats import native
from pipeline.types import Diarization, Notice, RecognizedSegment, Timing, Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION, said, spoken, transcript, turn
from tests.unit.pipeline.strategies import transcripts

VALIDATOR = jsonschema.Draft202012Validator(native.schema())


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(native.schema())


@given(transcripts())
def test_every_transcript_validates(whole: Transcript) -> None:
    VALIDATOR.validate(json.loads(native.encode(whole)))


def test_every_object_of_the_schema_is_closed_and_requires_all_its_keys() -> None:
    """A key that is not always there is a bug, whatever the transcript."""
    schema = native.schema()
    closed = [schema, *(entry for entry in schema["$defs"].values() if "properties" in entry)]
    assert len(closed) == 11
    for entry in closed:
        assert entry["additionalProperties"] is False
        assert entry["required"] == list(entry["properties"])


def test_an_unknown_key_does_not_validate() -> None:
    document = native.document(CONVERSATION)
    document["words"][0]["mood"] = "sad"
    with pytest.raises(jsonschema.ValidationError, match="mood"):
        VALIDATOR.validate(document)


@given(transcripts())
def test_encoding_what_was_read_gives_the_same_text(whole: Transcript) -> None:
    text = native.encode(whole)
    assert native.encode(native.parse(text)) == text


@given(transcripts())
def test_what_was_read_differs_by_less_than_rounding(whole: Transcript) -> None:
    read = native.parse(native.encode(whole))
    assert [word.text for word in read.words] == [word.text for word in whole.words]
    assert [word.speaker for word in read.words] == [word.speaker for word in whole.words]
    assert [word.start for word in read.words] == pytest.approx([word.start for word in whole.words], abs=0.00051)
    assert [item.text for item in read.utterances] == [item.text for item in whole.utterances]
    assert [[word.text for word in item.words] for item in read.segments] == [
        [word.text for word in item.words] for item in whole.segments
    ]
    assert (read.uri, read.channels, read.provenance.options) == (whole.uri, whole.channels, whole.provenance.options)


@given(transcripts())
def test_every_stretch_is_longer_than_nothing(whole: Transcript) -> None:
    document = json.loads(native.encode(whole))
    for key in ("words", "utterances", "segments", "turns", "exclusive_turns", "speech", "dropped"):
        assert all(item["end"] > item["start"] for item in document[key]), key


def test_values_on_the_grid_come_back_exactly() -> None:
    assert native.parse(native.encode(CONVERSATION)) == CONVERSATION


def test_utterances_name_their_words_by_position() -> None:
    """Words of people who talk at once are interleaved in the list."""
    first, second = said("one two", 0.0, 2.0), said("and", 0.5, 0.75, "SPEAKER_01")
    document = native.document(transcript([first, second]))
    assert [word["text"] for word in document["words"]] == ["one", "and", "two"]
    assert [item["words"] for item in document["utterances"]] == [[0, 2], [1]]


def test_a_segment_names_its_words_whoever_they_were_given_to() -> None:
    whole = transcript([said("one two", 0.0, 2.0)])
    unattributed = spoken("one two", 0.0, 2.0, None)
    segment = RecognizedSegment(
        start=0.0,
        end=2.0,
        text="one two",
        words=(*unattributed, replace(unattributed[0], text="gone")),
        avg_logprob=-0.2,
        no_speech_prob=0.0,
        compression_ratio=1.0,
        temperature=0.0,
    )
    document = native.document(replace(whole, segments=(segment,)))
    assert document["segments"][0]["words"] == [0, 1]


def test_a_segment_of_a_channel_names_the_words_of_that_channel() -> None:
    """Recognition does not know which channel it hears; its segment does."""
    (left,), (right,) = (tuple(replace(word, channel=n) for word in spoken("yes", 1.0, 2.0)) for n in (0, 1))
    whole = transcript([replace(said("yes", 1.0, 2.0), words=(word,)) for word in (left, right)])
    segment = RecognizedSegment(
        start=1.0,
        end=2.0,
        text="yes",
        words=spoken("yes", 1.0, 2.0, None),
        avg_logprob=-0.2,
        no_speech_prob=0.0,
        compression_ratio=1.0,
        temperature=0.0,
        channel=1,
    )
    assert native.document(replace(whole, segments=(segment,)))["segments"][0]["words"] == [1]


def test_equal_words_are_named_one_by_one() -> None:
    twice = (replace(spoken("no", 1.0, 1.0)[0], timing=Timing.ATTENTION),) * 2
    whole = transcript([replace(said("no", 1.0, 1.0), words=twice)])
    assert native.document(whole)["utterances"][0]["words"] == [0, 1]


def test_an_utterance_with_a_word_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="not among the transcript's words"):
        native.encode(replace(CONVERSATION, words=CONVERSATION.words[1:]))


def test_warnings_are_those_of_transcript_and_diarization_once_each() -> None:
    short, many = Notice("short", "The recording is short."), Notice("many", "Many voices.")
    diarization = Diarization(turns=(), exclusive=(), speakers=(), notices=(short, many))
    whole = replace(transcript(), diarization=diarization, notices=(short,))
    assert [item["code"] for item in native.document(whole)["warnings"]] == ["short", "many"]


def test_each_word_is_on_a_line_of_its_own() -> None:
    lines = native.encode(CONVERSATION).splitlines()
    assert sum(line.startswith('{"text": ') for line in lines) == len(CONVERSATION.words)


def test_numbers_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        native.encode(replace(transcript(), language_confidence=float("nan")))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema_version", 2),
        ("uri", None),
        ("duration", "60"),
        ("words", [{}]),
        ("words", None),
        ("utterances", [{"speaker": None, "channel": None, "words": []}]),
        ("utterances", [{"speaker": None, "channel": None, "words": [-1]}]),
        ("utterances", [{"speaker": None, "channel": None, "words": [99]}]),
        ("turns", [{"start": True}]),
        ("provenance", {}),
    ],
)
def test_a_document_of_another_shape_cannot_be_read(key: str, value: object) -> None:
    document = native.document(transcript([said("hi", 0.0, 1.0)], [turn(0.0, 1.0)])) | {key: value}
    with pytest.raises(MalformedFile, match="not a Hansard transcript"):
        native.parse(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", b"\xff"])
def test_anything_else_cannot_be_read(text: str | bytes) -> None:
    with pytest.raises(MalformedFile):
        native.parse(text)
