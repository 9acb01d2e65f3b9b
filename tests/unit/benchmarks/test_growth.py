"""What is long is compared with the short runs next to it."""

from __future__ import annotations

import pytest

from benchmarks.growth import Cost, alternating, table
from benchmarks.scoring import Quality

QUALITY = Quality(wer=0.1, insertions=1, deletions=2, cpwer=0.2, der=0.08, der25=0.02, speakers_off=0)


def cost(seconds: float, cpu: float, peak: float = 1000.0) -> Cost:
    return Cost(seconds=seconds, cpu=cpu, wall=cpu + 1, loaded=400.0, peak=peak, quality=QUALITY)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_shortest_runs_around_each_of_the_others() -> None:
    assert alternating(600.0, [3600.0, 36_000.0]) == [600.0, 3600.0, 600.0, 36_000.0, 600.0]


def test_a_machine_that_gets_slower_is_not_held_against_the_long_ones() -> None:
    runs = [cost(600, 100), cost(3600, 165), cost(600, 200), cost(36_000, 330, peak=2400), cost(600, 400, peak=900)]
    header, _, *rows = map(cells, table(runs))
    ratio, more = header.index("÷ shortest"), header.index("MB more at most")
    assert [row[0] for row in rows] == ["10 min", "1.0 h", "10.0 h"]
    assert [row[ratio] for row in rows] == ["1.00", "1.10", "1.10"]
    assert [row[more] for row in rows] == ["600", "600", "2000"]


@pytest.mark.parametrize("lengths", [1, 3])
def test_every_row_has_a_cell_for_each_heading(lengths: int) -> None:
    header, rule, *rows = table([cost(600.0 * (1 + number % 2), 100.0) for number in range(2 * lengths - 1)])
    assert {len(cells(line)) for line in (header, rule, *rows)} == {len(cells(header))}
