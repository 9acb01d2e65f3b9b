"""Which recognizers a worker holds for the jobs that name them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from api.settings import Settings
from pipeline.turnstile import Turnstile, nobody_asks
from pipeline.types import Notice
from workers import transcriber
from workers.transcriber import PipelineTranscriber, places_of, threads_of_a_job

REQUIRED = {
    "database_url": "postgresql://h@localhost/h",
    "redis_url": "redis://localhost",
    "secret_keys": "A" * 43 + "=",
}


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What is loaded, in order, without any weights."""
    names: list[str | None] = []

    def load(_: object, name: str | None) -> SimpleNamespace:
        names.append(name)
        return SimpleNamespace(name=name)

    monkeypatch.setattr(transcriber._EngineLoader, "__call__", load)
    return names


def of(**settings: Any) -> PipelineTranscriber:
    return PipelineTranscriber(Settings.model_validate({**REQUIRED, "asr_model": "whisper-tiny.en", **settings}))


def run(worker: PipelineTranscriber, *models: str | None) -> None:
    """Jobs, one after the other, that name these recognizers."""
    for model in models:
        with worker.prepared({} if model is None else {"model": model}, nobody_asks):
            pass


@pytest.mark.parametrize(("device", "strict"), [("cpu", False), ("cuda", True)])
def test_places_are_kept_to_where_the_memory_is_in_no_forecast(
    device: str, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.device.resolve_device", lambda _: device)
    made: list[bool] = []

    class Noting(Turnstile):
        def __init__(self, places: int, *, strict: bool) -> None:
            made.append(strict)
            super().__init__(places, strict=strict)

    monkeypatch.setattr(transcriber, "Turnstile", Noting)
    of()
    assert made == [strict]


@pytest.mark.parametrize(("places", "threads", "expected"), [(1, 1, 1), (2, 1, 2), (3, 2, 3)])
def test_a_job_is_forecast_a_thread_more_where_it_may_have_a_second_place(
    places: int, threads: int, expected: int
) -> None:
    settings = Settings.model_validate({**REQUIRED, "places": places, "threads": threads})
    assert threads_of_a_job(settings) == expected


def test_the_default_is_one_model_whether_a_job_names_it_or_not(loads: list[str | None]) -> None:
    worker = of(pinned_models="whisper-tiny.en, whisper-base.en")
    worker.load()
    run(worker, None, "whisper-tiny.en", "whisper-base.en")
    assert loads == [None, "whisper-base.en"]


def test_the_default_may_be_what_suits_the_machine(loads: list[str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.asr.choice.best_available", lambda *_: ("whisper-small", []))
    worker = of(asr_model=None)
    run(worker, "whisper-small", None)
    assert loads == [None]


def test_a_lesser_default_is_another_model_to_whoever_names_it(
    loads: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result says that the default is a makeshift, but not to somebody who asked for that very model."""
    makeshift = Notice("fallback_model", "The small one was used.")
    monkeypatch.setattr("pipeline.asr.choice.best_available", lambda *_: ("whisper-tiny.en", [makeshift]))
    run(of(asr_model=None), None, "whisper-tiny.en")
    assert loads == [None, "whisper-tiny.en"]


def test_others_make_room_for_each_other_and_never_take_that_of_the_pinned(loads: list[str | None]) -> None:
    worker = of(pinned_models="whisper-base.en")
    worker.load()
    run(worker, "whisper-small", "whisper-medium", None, "whisper-base.en", "whisper-medium", "whisper-small")
    assert loads == [None, "whisper-base.en", "whisper-small", "whisper-medium", "whisper-small"]


def test_as_many_others_are_held_as_are_allowed(loads: list[str | None]) -> None:
    run(of(spare_models=2), "whisper-small", "whisper-medium", "whisper-small", "whisper-medium")
    assert loads == ["whisper-small", "whisper-medium"]


def test_the_default_is_what_was_set_and_what_diarizes_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizers, diarizers = list[str | None](), list[str]()

    def with_recognizer(name: str | None, *_: object, **__: object) -> SimpleNamespace:
        recognizers.append(name)
        return SimpleNamespace(backend=None)

    def without_words(*, device: str, **_: object) -> SimpleNamespace:
        diarizers.append(device)
        return SimpleNamespace(with_recognizer=with_recognizer)

    monkeypatch.setattr("pipeline.transcription.TranscriptionPipeline.without_words", without_words)
    run(of(device="cpu"), None, "whisper-base.en", "whisper-tiny.en")
    assert recognizers == ["whisper-tiny.en", "whisper-base.en"]
    assert diarizers == ["cpu"]


@pytest.mark.parametrize(
    ("cores", "threads", "places"), [(1, 1, 1), (4, 1, 4), (4, 8, 1), (8, 2, 4), (64, 1, 8), (64, 4, 8)]
)
def test_cores_are_shared_out_and_no_more_than_one_process_feeds(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int, places: int
) -> None:
    monkeypatch.setattr(transcriber, "usable_cores", lambda: cores)
    settings = Settings.model_validate(REQUIRED | {"threads": threads})
    assert places_of(settings) == places
    assert places_of(settings.model_copy(update={"places": 11})) == 11


def test_there_are_pools_of_memory_for_all_threads_that_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(transcriber, "share_arenas", told.append)
    of(places=3, threads=2)
    assert told == [6]
