from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.progress import SPANS, fraction


def test_the_stages_cover_the_whole_job_without_gaps() -> None:
    spans = list(SPANS.values())
    assert (spans[0][0], spans[-1][1]) == (0.0, 1.0)
    assert all(before[1] == after[0] for before, after in pairwise(spans))


@given(st.sampled_from(sorted(SPANS)), st.floats(0, 1e5), st.floats(0, 1e5))
def test_a_stage_stays_within_its_span(stage: str, done: float, total: float) -> None:
    start, end = SPANS[stage]
    assert start <= fraction(stage, done, total) <= end


def test_a_stage_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        fraction("polishing", 1, 2)
