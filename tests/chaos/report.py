"""What a run showed, in figures and, where something is wrong, in detail."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tests.chaos.history import JobStory, Violation, stories
from tests.chaos.observed import Attempt, Death, History
from tests.chaos.plan import Fault, Plan, StoreFault
from tests.chaos.store_faults import Outage

SHOWN: Final = 5
"""Jobs whose story is told in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A job whose worker was killed, and which ran again; seconds since 1970."""

    died: float
    began_again: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.began_again - self.died


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run."""

    plan: Plan
    history: History
    violations: Sequence[Violation]
    inflicted: Counter[Fault]
    store_faults: Counter[StoreFault]
    """Requests to the object store that went wrong."""
    answers: Counter[str]
    """What came of submissions, each time that they were sent."""
    lost_answers: int
    """Answers that did not reach whoever had asked."""
    replayed: int
    """Answers that had been given before."""
    running: Collection[str]
    """Processes that were there in the end, by the names that rows have for workers."""
    outlived: int
    """Stopped workers whose job was another's when they went on."""
    recoveries: Sequence[float]
    """Seconds from a kill until the job of the worker that was killed ran again."""
    excused: int
    """Recoveries that are not among these (see `excused`)."""
    seconds: float
    """From the first submission to the last end."""

    def lines(self) -> Iterator[str]:
        """For people."""
        plan, attempts = self.plan, self.history.attempts
        ends = Counter(expected.state for expected in self.history.accepted.values())
        parts = "whole" if plan.without is None else f"WITHOUT its {plan.without}"
        yield f"seed {plan.seed}, {parts}: {plan.jobs} jobs, {plan.workers} + {plan.ingesters} workers"
        yield f"expected ends: {dict(ends)}; {len(attempts)} attempts: {dict(Counter(one.outcome for one in attempts))}"
        yield f"faults: {_counted(self.inflicted)}"
        yield f"requests to the object store that went wrong: {_counted(self.store_faults)}"
        yield f"submissions: {_counted(self.answers)}; {self.lost_answers} answers lost, {self.replayed} given again"
        yield f"objects without a recording: {len(self.history.strays)}"
        yield f"stopped workers that went on after another had their job: {self.outlived}"
        yield f"{self.seconds:.1f} s, {plan.jobs / self.seconds:.1f} jobs/s"
        if self.recoveries:
            p50, p99 = percentile(self.recoveries, 0.5), percentile(self.recoveries, 0.99)
            during = f"; {self.excused} more during store outages" if self.excused else ""
            yield f"recovery of {len(self.recoveries)} jobs: p50 {p50:.1f} s, p99 {p99:.1f} s{during}"
        again = sum(len(bodies) - 1 for bodies in self.history.received.values())
        yield f"webhooks: {len(self.history.received)} events, {again} of their requests repeated"
        yield f"violations: {len(self.violations)}"
        yield from self._details()

    def _details(self) -> Iterator[str]:
        told = stories(self.history)
        by_job: defaultdict[UUID | None, list[str]] = defaultdict(list)
        for one in self.violations:
            by_job[one.job].append(one.what)
        for job, broken in list(by_job.items())[:SHOWN]:
            yield f"\n{job or 'the run'}:"
            yield from (f"  ! {what}" for what in broken)
            if job is not None:
                yield from story_lines(told[job])


def story_lines(story: JobStory) -> Iterator[str]:
    """All that was seen of a job, in order."""
    for change in story.changes:
        yield (
            f"    {change.at:.3f} [{change.transaction}] {change.before} -> {change.after} ({change.pool}), "
            f"claim {change.fence}, crashes {change.crash_count}, progress {change.progress:.2f}"
        )
    for end in story.ends:
        yield f"    [{end.transaction}] claim {end.fence}: {end.before} -> {end.after}"
    for one in story.attempts:
        yield f"    attempt {one.number}, claim {one.fence}, {one.pool} by {one.worker}: {one.outcome}"
    for result in story.results:
        yield f"    result of claims {sorted(result.fences)}, {len(result.turns)} turns, missing {result.missing}"
    yield f"    told as {[told.kind for told in story.told]}"


def _counted(kinds: Mapping[Any, int]) -> str:
    return ", ".join(f"{number} x {kind}" for kind, number in sorted(kinds.items())) or "none"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def recoveries(deaths: Iterable[Death], attempts: Iterable[Attempt]) -> list[Recovery]:
    """From the death of a worker at a job to the next attempt at that job; given up ones have none."""
    by_worker: defaultdict[str, list[Attempt]] = defaultdict(list)
    starts: defaultdict[UUID, list[float]] = defaultdict(list)
    for one in sorted(attempts, key=lambda attempt: attempt.started_at):
        by_worker[one.worker].append(one)
        starts[one.job].append(one.started_at)
    cut = (
        (death, one.job)
        for death in deaths
        for one in by_worker[death.worker]
        if one.started_at < death.at and (one.ended_at is None or one.ended_at > death.at)
    )
    found: list[Recovery] = []
    for death, job in cut:
        after = bisect_left(starts[job], death.at)
        if after < len(starts[job]):
            found.append(Recovery(died=death.at, began_again=starts[job][after]))
    return found


def excused(recovery: Recovery, outages: Iterable[Outage]) -> bool:
    """Whether the object store was out meanwhile: then all workers wait for it, with other jobs in their hands."""
    return any(one.begin < recovery.began_again and recovery.died < one.end for one in outages)
