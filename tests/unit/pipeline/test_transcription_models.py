"""Which models a pipeline is built from, where some cannot be had."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from pipeline import transcription
from pipeline.asr.choice import EMBEDDED_MODEL, PREFERRED_MODELS
from pipeline.asr.faster_whisper import FasterWhisper
from pipeline.device import bound_threads
from pipeline.diarization import DiarizationPipeline
from pipeline.embedding.campplus import CamPlusPlus
from pipeline.embedding.encoder import SpeakerEncoder
from pipeline.embedding.profile import CAMPPLUS
from pipeline.errors import ModelCorrupt, ModelUnavailable
from pipeline.models import Catalog
from pipeline.models.store import ModelStore
from pipeline.options import AsrOptions, PipelineOptions
from pipeline.segmentation.pyannet import PyanNet
from pipeline.segmentation.segmenter import Segmenter
from pipeline.transcription import TranscriptionPipeline
from pipeline.types import ModelRecord
from pipeline.waveform import SAMPLE_RATE, Waveform
from tests.unit.pipeline.asr.scripted import Script
from tests.unit.pipeline.conversation import KnowingSegmenter, tone_encoder


class Shelf:
    """A model store that lacks some models."""

    def __init__(self, faults: Mapping[str, Exception] | None = None) -> None:
        self.faults = faults or {}

    def path(self, name: str) -> Path:
        if name in self.faults:
            raise self.faults[name]
        return Path("/models") / name

    def record(self, name: str) -> ModelRecord:
        return ModelRecord(kind="model", name=name, sha256=f"digest of {name}")


def load(
    monkeypatch: pytest.MonkeyPatch,
    shelf: Shelf,
    model: str | None = None,
    device: str = "cpu",
    options: PipelineOptions | None = None,
) -> tuple[TranscriptionPipeline, list[str]]:
    """A pipeline whose models are looked up on the shelf but not loaded; and the recognizers asked for."""
    asked: list[str] = []

    def backend(store: object, name: str, *_: object) -> Script:
        asked.append(name)
        return Script([])

    diarizer = DiarizationPipeline(KnowingSegmenter({}), tone_encoder())
    monkeypatch.setattr(DiarizationPipeline, "from_pretrained", lambda *_, **__: diarizer)
    monkeypatch.setattr(FasterWhisper, "from_pretrained", backend)
    store = cast("ModelStore", shelf)
    return TranscriptionPipeline.from_pretrained(model, device=device, options=options, store=store), asked


def test_without_a_choice_the_best_recognizer_of_the_device_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, asked = load(monkeypatch, Shelf())
    assert asked == ["whisper-small"]
    assert pipeline.notices == ()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert load(monkeypatch, Shelf(), device="auto")[1] == ["whisper-large-v3-turbo"]


def test_where_the_best_cannot_be_had_the_embedded_one_serves_and_results_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline, asked = load(monkeypatch, Shelf({"whisper-small": ModelUnavailable("no network")}))
    assert asked == [EMBEDDED_MODEL]
    (notice,) = pipeline(Waveform.of(np.zeros(SAMPLE_RATE, dtype=np.float32))).notices
    assert notice.code == "fallback_model"
    assert "hansard models pull whisper-small" in notice.message


@pytest.mark.parametrize("asked", [AsrOptions(language="de"), AsrOptions(task="translate")])
def test_the_embedded_recognizer_does_not_serve_what_it_cannot_do(
    monkeypatch: pytest.MonkeyPatch, asked: AsrOptions
) -> None:
    shelf = Shelf({"whisper-small": ModelUnavailable("no network")})
    with pytest.raises(ModelUnavailable, match="no network"):
        load(monkeypatch, shelf, options=PipelineOptions(asr=asked))


def test_a_damaged_model_is_no_reason_to_take_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelCorrupt):
        load(monkeypatch, Shelf({"whisper-small": ModelCorrupt("wrong digest")}))


def test_a_recognizer_that_was_named_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, asked = load(monkeypatch, Shelf(), "whisper-medium")
    assert asked == ["whisper-medium"]
    assert pipeline.notices == ()


def test_all_loaded_models_are_in_the_provenance(monkeypatch: pytest.MonkeyPatch) -> None:
    models = load(monkeypatch, Shelf(), "whisper-tiny.en")[0].models
    assert [(model.kind, model.name) for model in models[:3]] == [
        ("segmentation", "segmentation-3.0"),
        ("embedding", "campplus"),
        ("asr", "whisper-tiny.en"),
    ]
    assert [model.sha256 for model in models[:3]] == [f"digest of {model.name}" for model in models[:3]]
    assert models[3].kind == "alignment"


def test_whoever_calls_has_one_thread_for_an_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread by itself has to be told."""
    pipeline, told = load(monkeypatch, Shelf())[0], list[int]()
    monkeypatch.setattr(transcription, "begin_thread", lambda: told.append(threading.get_ident()))
    caller = threading.Thread(target=pipeline, args=(Waveform.of(np.zeros(SAMPLE_RATE, dtype=np.float32)),))
    caller.start()
    caller.join()
    assert told == [caller.ident]


def test_operations_run_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    load(monkeypatch, Shelf())
    assert asked == [1]


@pytest.mark.parametrize(("asked", "threads"), [(3, 3), (None, 5)])
def test_without_words_as_many_batches_run_at_once_as_threads_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: int | None, threads: int
) -> None:
    """None: as there are cores."""
    given: list[int] = []

    def diarizer(*_: object, threads: int, **__: object) -> DiarizationPipeline:
        given.append(threads)
        return DiarizationPipeline(KnowingSegmenter({}), tone_encoder())

    monkeypatch.setattr(DiarizationPipeline, "from_pretrained", diarizer)
    monkeypatch.setattr(transcription, "default_threads", lambda: 5)
    TranscriptionPipeline.without_words(threads=asked, store=cast("ModelStore", Shelf()))
    assert given == [threads]


def test_batches_go_one_after_the_other_where_no_cpu_computes() -> None:
    """As on a GPU: `meta` stands for it."""
    for device, threads in (("cpu", 4), ("meta", 1)):
        assert Segmenter(PyanNet(), device=device, threads=4).threads == threads
        assert SpeakerEncoder(CamPlusPlus(), CAMPPLUS, device, threads=4).threads == threads


def test_products_of_numpy_run_on_one_thread() -> None:
    """Whatever was asked for before: others spin while they wait for the next small product."""
    with threadpool_limits(2, user_api="blas"):
        bound_threads()
        libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
        assert libraries
        assert {library["num_threads"] for library in libraries} == {1}
    bound_threads()


def test_recognizers_that_are_taken_unasked_are_in_the_catalog() -> None:
    assert {*PREFERRED_MODELS.values(), EMBEDDED_MODEL} <= set(Catalog.load().models)
