from __future__ import annotations

import json

from hypothesis import given

from pipeline.formats import whisperx
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION, said, transcript
from tests.unit.pipeline.strategies import transcripts


def test_segments_and_words_have_whisperx_keys() -> None:
    document = json.loads(whisperx.encode(transcript([said("Hello", 1.0, 1.5)])))
    word = {"word": "Hello", "start": 1.0, "end": 1.5, "score": 0.5, "speaker": "SPEAKER_00"}
    assert document == {
        "segments": [{"start": 1.0, "end": 1.5, "text": "Hello", "words": [word], "speaker": "SPEAKER_00"}],
        "word_segments": [word],
        "language": "en",
    }


def test_words_of_nobody_have_no_speaker_key() -> None:
    segment = json.loads(whisperx.encode(CONVERSATION))["segments"][2]
    assert "speaker" not in segment
    assert "speaker" not in segment["words"][0]


@given(transcripts())
def test_every_word_is_in_a_segment_and_in_the_list(whole: Transcript) -> None:
    document = json.loads(whisperx.encode(whole))
    nested = [word["word"] for segment in document["segments"] for word in segment["words"]]
    listed = [word["word"] for word in document["word_segments"]]
    assert sorted(nested) == sorted(listed) == sorted(word.text for word in whole.words)
