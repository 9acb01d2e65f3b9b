"""The few largest of many numbers, against torch's own."""

import pytest
import torch

from pipeline.asr.search.likeliest_tokens import likeliest


@pytest.mark.parametrize("width", [100, 143, 144, 1000, 51864, 51865, 51866])
def test_they_are_those_of_topk(width: int) -> None:
    rows = torch.randn(3, width, generator=torch.Generator().manual_seed(width))
    best, places = likeliest(rows, 6)
    told = rows.topk(6, 1)
    assert torch.equal(best, told.values)
    assert torch.equal(places, told.indices)


def test_the_last_ones_are_looked_at() -> None:
    rows = torch.zeros(2, 51866)
    rows[0, -1], rows[1, -2:] = 1.0, torch.tensor([1.0, 2.0])
    _, places = likeliest(rows, 6)
    assert places[0, 0] == 51865
    assert places[1, :2].tolist() == [51865, 51864]


def test_neighbours_and_what_lies_on_top_of_each_other() -> None:
    """All six in one column of parts, or next to each other."""
    width = 51864 // 24
    rows = torch.zeros(2, 51864)
    rows[0, torch.arange(6) * width + 7] = torch.arange(1.0, 7.0)
    rows[1, 100:106] = torch.arange(1.0, 7.0)
    _, places = likeliest(rows, 6)
    assert places[0].tolist() == [number * width + 7 for number in range(5, -1, -1)]
    assert places[1].tolist() == [105, 104, 103, 102, 101, 100]


def test_what_is_forbidden_comes_last() -> None:
    rows = torch.full((1, 1000), -torch.inf)
    rows[0, 3] = 0.0
    best, places = likeliest(rows, 6)
    assert best[0].tolist() == [0.0] + [-torch.inf] * 5
    assert places[0, 0] == 3
    assert len(set(places[0].tolist())) == 6
