"""Spans of stages, out of what stages report."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.trace import StatusCode
from prometheus_client import REGISTRY

from api import tracing
from pipeline.errors import CorruptMedia
from pipeline.hooks import NullHook
from tests.unit.api.spans import Spans, id_of, parent_of, traced
from workers.stages import StageSpans, stage

Report = tuple[str, float, float]


class Clock:
    """Goes on by a second with every look."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture
def spans() -> Iterator[Spans]:
    with traced() as kept:
        yield kept


def heard(*reports: Report, error: Exception | None = None) -> list[Report]:
    passed: list[Report] = []
    with tracing.span("job.process"), StageSpans(lambda *report: passed.append(report), Clock()) as hook:
        for report in reports:
            hook(*report)
        if error is not None:
            raise error
    return passed


def times(spans: Spans) -> list[tuple[str, int | None, int | None]]:
    return [(span.name, span.start_time, span.end_time) for span in spans.all() if span.name != "job.process"]


def test_a_stage_lasts_from_the_report_before_it_to_its_last(spans: Spans) -> None:
    heard(("segmentation", 1, 2), ("segmentation", 2, 2), ("asr", 0, 2), ("asr", 2, 2))
    assert times(spans) == [("stage.segmentation", 1, 3), ("stage.asr", 3, 5)]
    assert {parent_of(span) for span in spans.all()} == {None, id_of(spans.named("job.process"))}


def test_parts_that_run_side_by_side_have_spans_of_their_own(spans: Spans) -> None:
    with tracing.span("job.process"), StageSpans(NullHook(), Clock()) as hook, ThreadPoolExecutor(1) as beside:
        hook("segmentation", 2, 2)
        for stage, done in (("embedding", 1), ("asr", 1), ("embedding", 2), ("asr", 2), ("clustering", 2)):
            report = (stage, done, 2)
            hook(*report) if stage == "asr" else beside.submit(hook, *report).result()
    assert sorted(times(spans)) == [
        ("stage.asr", 2, 6),
        ("stage.clustering", 5, 7),
        ("stage.embedding", 2, 5),
        ("stage.segmentation", 1, 2),
    ]


def two_channels_of_which_the_second_fails() -> None:
    with tracing.span("job.process"), StageSpans(NullHook(), Clock()) as hook:
        for done in (1, 2):
            hook("segmentation", done, 2)
            with ThreadPoolExecutor(1) as beside:
                beside.submit(hook, "relabelling", done, 2).result()
            hook("asr", 1, 2)
        raise CorruptMedia


def test_an_error_on_one_channel_is_none_of_the_voices_of_the_channel_before(spans: Spans) -> None:
    """Though those were reported to be half done, as the other channel's were yet to come."""
    with pytest.raises(CorruptMedia):
        two_channels_of_which_the_second_fails()
    assert [name for name, *_ in times(spans)].count("stage.relabelling") == 2
    failed = [span.name for span in spans.all() if span.status.status_code is StatusCode.ERROR]
    assert sorted(failed) == ["job.process", "stage.asr"]


def test_a_stage_that_comes_for_every_channel_has_a_span_for_each(spans: Spans) -> None:
    heard(("segmentation", 1, 2), ("embedding", 1, 2), ("segmentation", 2, 2), ("embedding", 2, 2))
    assert [name for name, *_ in times(spans)] == ["stage.segmentation", "stage.embedding"] * 2


def test_reports_are_passed_on_as_they_are(spans: Spans) -> None:
    reports = [("segmentation", 1.0, 2.0), ("asr", 0.5, 2.0)]
    assert heard(*reports) == reports


def test_an_error_belongs_to_the_stage_that_was_not_over(spans: Spans) -> None:
    with pytest.raises(CorruptMedia):
        heard(("segmentation", 2, 2), ("asr", 1, 2), error=CorruptMedia("what was in it"))
    assert times(spans) == [("stage.segmentation", 1, 2), ("stage.asr", 2, 4)]
    failed = spans.named("stage.asr")
    assert failed.status.status_code is StatusCode.ERROR
    assert dict(failed.attributes or {}) == {"hansard.stage": "asr", "error.type": "corrupt-media"}


def test_an_error_after_a_stage_is_not_that_stages(spans: Spans) -> None:
    with pytest.raises(CorruptMedia):
        heard(("segmentation", 2, 2), error=CorruptMedia())
    assert spans.named("stage.segmentation").status.status_code is StatusCode.UNSET


def test_without_traces_reports_are_only_passed_on() -> None:
    assert heard(("segmentation", 2, 2)) == [("segmentation", 2, 2)]


def test_a_stage_of_the_workers_own_is_timed_even_if_it_fails(spans: Spans) -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("hansard_stage_seconds_count", {"stage": "fetch"}) or 0.0

    before = count()
    with pytest.raises(CorruptMedia), stage("fetch"):
        raise CorruptMedia
    assert count() == before + 1
    assert spans.named("stage.fetch").status.status_code is StatusCode.ERROR
