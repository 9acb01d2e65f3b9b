from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pace import Alone
from tests.unit.pipeline.conversation import Turns
from tests.unit.pipeline.talk import TALK, pipeline_for
from workers.progress import SPANS, Progress

REPORTS = st.tuples(st.sampled_from(sorted(SPANS)), st.floats(0, 1e5), st.floats(0, 1e5))


def test_the_stages_cover_the_whole_job_without_gaps() -> None:
    spans = list(SPANS.values())
    assert (spans[0][0], spans[-1][1]) == (0.0, 1.0)
    assert all(before[1] == after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_one_after_the_other_each_stage_has_its_span(share: float) -> None:
    progress = Progress()
    for stage, (start, end) in SPANS.items():
        assert progress.report(stage, share, 1) == pytest.approx(start + share * (end - start))
        assert progress.report(stage, 1, 1) == pytest.approx(end)


@given(st.lists(REPORTS))
def test_it_never_goes_back_and_ends_with_the_job(reports: list[tuple[str, float, float]]) -> None:
    progress = Progress()
    reached = [0.0, *(progress.report(*report) for report in reports), progress.report("publish", 1, 1)]
    assert reached == sorted(reached)
    assert reached[-1] == 1.0


def test_voices_and_words_count_each_for_itself_whichever_is_done_first() -> None:
    progress = Progress()
    progress.report("segmentation", 1, 1)
    assert progress.report("asr", 0, 1) == pytest.approx(0.30)
    assert progress.report("alignment", 1, 1) == pytest.approx(0.67)
    assert progress.report("embedding", 1, 2) == pytest.approx(0.77)
    assert progress.report("asr", 1, 2) == pytest.approx(0.77)
    assert progress.report("relabelling", 1, 1) == pytest.approx(0.97)


@pytest.mark.parametrize("channels", [[TALK], [{0: [(1.0, 9.0)]}], [TALK, {1: [(0.5, 6.0)]}]])
@pytest.mark.parametrize("overlaps", [False, True])
def test_what_pipelines_report_ends_where_publishing_begins(channels: list[Turns], overlaps: bool) -> None:
    """Of many voices, of one, and of one on each channel."""
    pipeline, audio = pipeline_for(channels)
    pipeline.pace = Alone(overlaps=overlaps)
    progress, reached = Progress(), [0.05]
    pipeline(audio, lambda *report: reached.append(progress.report(*report)))
    assert reached[-1] == pytest.approx(SPANS["publish"][0])
    assert reached == sorted(reached)


def test_a_stage_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Progress().report("polishing", 1, 2)
