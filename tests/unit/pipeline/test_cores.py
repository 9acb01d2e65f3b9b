from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.cores import usable_cores


def written(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def of_cgroups(quota: int, period: int = 100_000) -> dict[str, str]:
    return {"cpu/cpu.cfs_quota_us": f"{quota}\n", "cpu/cpu.cfs_period_us": f"{period}\n"}


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "5000 100000\n"}, 1),
        ({"cpu.max": "6400000 100000\n"}, 8),
        (of_cgroups(-1), 8),
        (of_cgroups(300_000), 3),
        (of_cgroups(25_000, 50_000), 1),
        ({"cpu.max": "what else\n"}, 8),
    ],
)
def test_cores_are_those_that_may_be_used_within_the_containers_share(
    tmp_path: Path, files: dict[str, str], cores: int
) -> None:
    assert usable_cores(written(tmp_path, files)) == cores


def test_there_is_one_at_least_where_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores(tmp_path) == 1
