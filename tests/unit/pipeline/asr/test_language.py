from __future__ import annotations

import pytest

from pipeline.asr.recognition import Recognizer
from pipeline.errors import InvalidOption
from pipeline.options import AsrOptions
from pipeline.types import Segment
from tests.unit.pipeline.asr.scripted import Script, clock_waveform

SAID = [(0.5 * number, "wort") for number in range(20)]
WAVEFORM = clock_waveform(10.0)
SPEECH = [Segment(0.0, 10.0)]


def multilingual(detects: dict[str, float]) -> Script:
    return Script(SAID, languages=("de", "en"), translates=True, detects=detects)


def test_the_language_is_found_once_a_recording_and_used_for_all_chunks() -> None:
    script = multilingual({"de": 0.9, "en": 0.1})
    recognition = Recognizer(script)(WAVEFORM, SPEECH)
    assert recognition.language == "de"
    assert recognition.language_confidence == pytest.approx(0.9)
    assert {request.language for _, request in script.requests} == {"de"}
    assert recognition.notices == ()


def test_a_doubtful_language_is_noticed() -> None:
    recognition = Recognizer(multilingual({"de": 0.4, "en": 0.35}))(WAVEFORM, SPEECH)
    assert [notice.code for notice in recognition.notices] == ["language_uncertain"]


def test_a_given_language_is_not_detected() -> None:
    recognition = Recognizer(multilingual({"de": 0.9}), AsrOptions(language="en"))(WAVEFORM, SPEECH)
    assert recognition.language == "en"
    assert recognition.language_confidence is None


def test_a_language_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidOption, match="does not know the language 'de'"):
        Recognizer(Script(SAID), AsrOptions(language="de"))(WAVEFORM, SPEECH)


def test_an_english_only_model_cannot_translate() -> None:
    with pytest.raises(InvalidOption, match="cannot translate"):
        Recognizer(Script(SAID), AsrOptions(task="translate"))(WAVEFORM, SPEECH)


def test_without_speech_the_language_is_undetermined() -> None:
    assert Recognizer(multilingual({}))(WAVEFORM, []).language == "und"
    assert Recognizer(Script(SAID))(WAVEFORM, []).language == "en"
