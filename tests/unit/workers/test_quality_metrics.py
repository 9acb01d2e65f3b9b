"""Figures of results, as Prometheus sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from api.results.quality import quality
from tests.unit.pipeline.formats.examples import said, transcript, turn
from workers import quality_metrics
from workers.quality_metrics import OTHERS, TenantLabels, observe_result

LABELS = {"tenant": "t-1", "model": "whisper-tiny.en"}


@pytest.fixture(autouse=True)
def few_tenants(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(quality_metrics, "_LABEL_OF", TenantLabels(most=1))
    yield
    for collector in vars(quality_metrics).values():
        if isinstance(collector, MetricWrapperBase) and collector._labelnames[0] == "tenant":
            collector.clear()


def sample(name: str, **others: str) -> float | None:
    return REGISTRY.get_sample_value(f"hansard_{name}", LABELS | others)


def observe(tenant: str = LABELS["tenant"], **changed: Any) -> None:
    heard = transcript([said("one two three four", 0, 4)], [turn(0, 4)])
    observe_result(tenant, LABELS["model"], 60.0, {"decode": 0.5, "asr": 5.5}, quality(heard) | changed)


def test_every_figure_of_a_result_has_its_histogram() -> None:
    shared = {"words", "dropped_spans", "warnings"}
    assert set(quality(transcript([], []))) - shared == set(quality_metrics._FIGURES)


def test_figures_are_counted_by_tenant_and_model() -> None:
    observe(words_per_minute_of_speech=150.0, low_confidence_words=0.25)
    assert sample("speakers_sum") == 1
    assert sample("words_per_speech_second_sum") == 2.5
    assert (sample("low_confidence_words_ratio_sum"), sample("low_confidence_words_ratio_count")) == (0.25, 1)
    assert sample("audio_seconds_total") == 60


def test_what_was_dropped_and_noticed_is_counted_by_kind() -> None:
    observe(dropped_spans={"no_speech": 3}, warnings={"truncated": 1})
    assert sample("dropped_spans_total", reason="no_speech") == 3
    assert sample("warnings_total", code="truncated") == 1


def test_a_figure_that_a_recording_does_not_have_is_not_counted() -> None:
    """Silence has no share of unsure words; counted as 0 it would look like a very sure result."""
    observe(low_confidence_words=None)
    assert sample("low_confidence_words_ratio_count") is None
    assert sample("speakers_count") == 1


def test_tenants_beyond_a_number_are_counted_together() -> None:
    for tenant in ("t-1", "t-2", "t-3", "t-1"):
        observe(tenant)
    assert sample("speakers_count") == 2
    assert sample("speakers_count", tenant=OTHERS) == 2
    assert sample("speakers_count", tenant="t-2") is None


def test_the_work_for_a_second_of_audio_is_that_of_all_stages() -> None:
    def total() -> float:
        found = REGISTRY.get_sample_value("hansard_real_time_factor_ratio_sum", {"model": LABELS["model"]})
        return found or 0.0

    before = total()
    observe()
    assert total() - before == pytest.approx(0.1)
