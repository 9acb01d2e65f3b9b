from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.engine import Measured, measure, same
from pipeline.engine import Engine
from tests.unit.pipeline.talk import TALK, pipeline_for


@pytest.fixture(scope="module")
def measured() -> Measured:
    pipeline, audio = pipeline_for([TALK])
    return measure(Engine(pipeline), [audio] * 5, audio, backfills=2)


def test_what_ran_under_load_is_compared_with_what_it_is_alone(measured: Measured) -> None:
    assert len(measured.alone) == len(measured.loaded) == 5
    assert measured.finished >= 1
    assert len(measured.pairs) == 5 + measured.finished
    words = sum(len(alone.words) for alone, _ in measured.pairs)
    assert same(measured.pairs) == words > 0
    assert f"100.00 % of {words}" in "\n".join(measured.lines())


def test_a_word_that_is_missing_or_another_speakers_is_not_the_same(measured: Measured) -> None:
    alone, _ = measured.pairs[0]
    first, *others = alone.words
    fewer = replace(alone, words=tuple(others))
    other = replace(alone, words=(replace(first, speaker="SPEAKER_07"), *others))
    assert same([(alone, fewer)]) == same([(alone, other)]) == len(others)
