"""What clients may choose."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from api.languages import LANGUAGES
from api.options import JobOptions, SubmissionOptions, display_name, pipeline_options, recognizers
from api.states import Priority
from pipeline.options import PipelineOptions


def read(**values: Any) -> SubmissionOptions:
    return SubmissionOptions.model_validate_json(json.dumps(values))


def test_nothing_chosen_is_what_the_pipeline_does_by_itself() -> None:
    assert pipeline_options({}) == PipelineOptions()
    assert pipeline_options(read().job_options()) == PipelineOptions()


def test_all_that_is_chosen_reaches_the_pipeline() -> None:
    stored = read(
        language="de",
        task="translate",
        num_speakers=3,
        strict=True,
        channels="mix",
        prompt="Grüezi",
        vocabulary=["A", "B"],
    ).job_options()
    chosen = pipeline_options(json.loads(json.dumps(stored)))
    assert (chosen.asr.language, chosen.asr.task) == ("de", "translate")
    assert (chosen.speakers.exactly, chosen.speakers.strict, chosen.channels) == (3, True, "mix")
    assert (chosen.asr.initial_prompt, chosen.asr.hotwords) == ("Grüezi", "A B")


def test_bounds_on_speakers_reach_the_pipeline() -> None:
    chosen = pipeline_options(read(min_speakers=2, max_speakers=4).job_options())
    assert (chosen.speakers.at_least, chosen.speakers.at_most, chosen.speakers.exactly) == (2, 4, None)


def test_only_what_shapes_the_job_is_stored_with_it() -> None:
    stored = read(name="call", metadata={"a": "b"}, priority="backfill", language="en").job_options()
    assert stored == {"language": "en"}


def test_interactive_is_the_usual_priority() -> None:
    assert read().priority is Priority.INTERACTIVE


@pytest.mark.parametrize(
    "values",
    [
        {"min_speakers": 3, "max_speakers": 2},
        {"num_speakers": 2, "min_speakers": 1},
        {"num_speakers": 0},
        {"num_speakers": 2.0},
        {"num_speakers": "2"},
        {"num_speakers": True},
        {"strict": 1},
        {"strict": "true"},
        {"language": "xx"},
        {"language": "EN"},
        {"language": "de", "model": "whisper-tiny.en"},
        {"task": "translate", "model": "whisper-tiny.en"},
        {"task": "summarize"},
        {"channels": "left"},
        {"priority": "urgent"},
        {"prompt": "a\0b"},
        {"prompt": "a" * 1001},
        {"vocabulary": [""]},
        {"vocabulary": ["a"] * 101},
        {"metadata": {"": "b"}},
        {"metadata": {"a": "\0"}},
        {"metadata": {"a": 1}},
        {"metadata": {str(number): "" for number in range(51)}},
        {"callback_endpoints": ["no id"]},
        {"temperature": 0.2},
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(**values)


def test_half_a_surrogate_is_refused() -> None:
    """Postgres stores none, and no client means one."""
    with pytest.raises(ValidationError):
        SubmissionOptions.model_validate_json('{"prompt": "\\ud800"}')


def test_every_recognizer_of_the_catalog_can_be_named() -> None:
    assert {"whisper-tiny.en", "whisper-large-v3-turbo"} <= recognizers()
    assert all("segmentation" not in name for name in recognizers())
    assert {JobOptions(model=name).model for name in recognizers()} == recognizers()


def test_languages_are_codes() -> None:
    assert len(LANGUAGES) == 100
    assert {"en", "de", "yue"} <= LANGUAGES


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("call.wav", "call.wav"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("a\0b\r\nc", "a b c"),
        ("-i", "-i"),
        ("<script>", "<script>"),
        ("\ud800x", "x"),
        ("  ", "recording"),
        ("", "recording"),
        ("é" * 300, "é" * 255),
    ],
)
def test_a_name_is_text_for_people(given: str, shown: str) -> None:
    assert display_name(given) == shown
