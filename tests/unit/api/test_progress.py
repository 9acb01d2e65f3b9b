"""When a job is likely to be done."""

from __future__ import annotations

from typing import Any

import pytest

from api.progress import eta_seconds


def job(**values: Any) -> dict[str, Any]:
    return {"state": "running", "progress": 0.25, "elapsed": 30.0} | values


def test_the_rest_takes_as_long_as_the_work_so_far() -> None:
    assert eta_seconds(job()) == 90.0
    assert eta_seconds(job(progress=1.0)) == 0.0


@pytest.mark.parametrize("values", [{"state": "queued"}, {"state": "succeeded"}, {"elapsed": None}, {"progress": 0.01}])
def test_nothing_is_said_where_nothing_can_be_known(values: dict[str, Any]) -> None:
    assert eta_seconds(job(**values)) is None
