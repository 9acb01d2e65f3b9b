"""Checks the books of a run: nothing lost, nothing done twice in effect, no way back from an end. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol, TypeVar
from uuid import UUID

from api.states import TERMINAL, TRANSITIONS, JobState
from pipeline.errors import DeviceLost
from tests.chaos.observed import Attempt, Change, End, Expected, History, Pointer, Result, Told

ENDS: Final = frozenset(map(str, TERMINAL))
LOST: Final = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that was broken."""

    job: UUID | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStory:
    """All that was seen of one job."""

    expected: Expected
    changes: tuple[Change, ...]
    ends: tuple[End, ...]
    attempts: tuple[Attempt, ...]
    pointers: tuple[Pointer, ...]
    results: tuple[Result, ...]
    told: tuple[Told, ...]


def violations(history: History) -> list[Violation]:
    """All that is wrong with a history."""
    found = [
        Violation(job=job, what=what)
        for job, story in stories(history).items()
        for rule in RULES
        for what in rule(story)
    ]
    return found + [Violation(job=None, what=what) for rule in RULES_OF_ALL for what in rule(history)]


def stories(history: History) -> Mapping[UUID, JobStory]:
    """What was seen, job by job."""
    changes, ends, attempts = _by_job(history.changes), _by_job(history.ends), _by_job(history.attempts)
    pointers, results, told = _by_job(history.pointers), _by_job(history.results), _by_job(history.told)
    return {
        job: JobStory(
            expected=expected,
            changes=tuple(changes[job]),
            ends=tuple(ends[job]),
            attempts=tuple(attempts[job]),
            pointers=tuple(pointers[job]),
            results=tuple(results[job]),
            told=tuple(told[job]),
        )
        for job, expected in history.accepted.items()
    }


def one_end(story: JobStory) -> Iterator[str]:
    """An accepted job is there, and reaches exactly one end, the right one; after it nothing is written."""
    ended = [change.after for change in story.changes if change.after in ENDS and change.before not in ENDS]
    if ended != [story.expected.state]:
        yield f"ended as {ended or 'nothing'}, not once as {story.expected.state}"
    if any(change.before in ENDS for change in story.changes):
        yield "was written after its end"


def known_ways(story: JobStory) -> Iterator[str]:
    """A job goes only where its state may go, and each change begins where the one before it ended."""
    for change in story.changes:
        before = change.before
        if before is None or before == change.after:
            continue
        if JobState(change.after) not in TRANSITIONS[JobState(before)]:
            yield f"went from {before} to {change.after}"
    for earlier, later in pairwise(story.changes):
        if later.before != earlier.after:
            yield f"was {earlier.after} and then {later.before} without a change"
        if later.progress < earlier.progress:
            yield f"progress fell from {earlier.progress} to {later.progress}"


def holder_writes(story: JobStory) -> Iterator[str]:
    """Only the latest claim ends its attempt, in the transaction that moves the job on, and once."""
    fences: dict[int, int] = {end.transaction: end.fence for end in story.ends}
    for change in story.changes:
        left = change.before == JobState.RUNNING and change.after != JobState.RUNNING
        if left and fences.get(change.transaction) != change.fence:
            writer = fences.get(change.transaction)
            yield f"went to {change.after} by claim {writer} while claim {change.fence} had it"
    for end in story.ends:
        if end.before is not None:
            yield f"claim {end.fence} ended as {end.before} and again as {end.after}"
    claims = [change.fence for change in story.changes if change.after == JobState.RUNNING != change.before]
    if any(later is None or earlier is None or later <= earlier for earlier, later in pairwise(claims)):
        yield f"fences do not grow: {claims}"


def consistent_attempts(story: JobStory) -> Iterator[str]:
    """Attempts are numbered without a gap, all of them ended, and those that were lost were counted."""
    numbers = [attempt.number for attempt in story.attempts]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"attempts are numbered {numbers}"
    open_ones = [attempt.number for attempt in story.attempts if attempt.outcome is None]
    if open_ones:
        yield f"attempts {open_ones} never ended"
    if not story.attempts or not story.changes:
        return
    last = story.changes[-1]
    lost = sum(one.outcome == LOST for one in story.attempts if one.pool == last.pool)
    if lost != last.crash_count:
        yield f"{lost} workers were lost, {last.crash_count} were counted"


def one_result(story: JobStory) -> Iterator[str]:
    """A job that succeeded has exactly one result, whole, of the claim that ended it; any other has none."""
    succeeded = bool(story.changes) and story.changes[-1].after == JobState.SUCCEEDED
    if len(story.results) != succeeded:
        yield f"has {len(story.results)} results"
    for result in story.results:
        if result.fences != {story.changes[-1].fence}:
            yield f"the result is of claims {sorted(result.fences)}, the job was of {story.changes[-1].fence}"
        if result.files != story.expected.files:
            yield f"the result has the files {sorted(result.files)}"
        if result.missing:
            yield f"objects are missing or damaged: {', '.join(result.missing)}"
        if (result.turns, result.speakers) != (story.expected.turns, story.expected.speakers):
            yield f"the rows are not those of one result: {result.turns} {result.speakers}"


def objects_first(story: JobStory) -> Iterator[str]:
    """Before anybody can read where an object is, all of it is there."""
    for pointer in story.pointers:
        if pointer.stored_at is None or pointer.stored_at > pointer.at:
            yield f"a row pointed to {pointer.key} before it was stored"


def told_once(story: JobStory) -> Iterator[str]:
    """Exactly one event tells of the end."""
    kinds = [told.kind for told in story.told]
    if kinds != [f"job.{story.expected.state}"]:
        yield f"was told of as {kinds or 'nothing'}"


RULES: Final[tuple[Callable[[JobStory], Iterator[str]], ...]] = (
    one_end, known_ways, holder_writes, consistent_attempts, one_result, objects_first, told_once,
)  # fmt: skip


def entered_once(history: History) -> Iterator[str]:
    """Every submission was answered, and made one recording with one job, the one that all of its answers name."""
    made: defaultdict[str | None, set[UUID]] = defaultdict(set)
    for one in history.entered:
        if one.job is None:
            yield f"recording {one.recording} has no job"
        else:
            made[one.key].add(one.job)
    for key in sorted(history.sent):
        there, named = made[key], history.answered.get(key, frozenset())
        if not named:
            yield f"{key} was never accepted"
        if named - there:
            yield f"{key} was accepted as jobs that are not there: {_listed(named - there)}"
        if there - named:
            yield f"{key} made jobs that nobody was told of: {_listed(there - named)}"
        if len(there) > 1:
            yield f"{key} made {len(there)} jobs"
    for unsent in made.keys() - history.sent:
        yield f"jobs were made that nobody sent: {_listed(made[unsent])}"


def no_strays(history: History) -> Iterator[str]:
    """No object is left of which the service does not know, unless it came when nobody waited for it any more."""
    strays = set(history.strays) - history.late
    if strays:
        yield f"{len(strays)} objects have no recording: {', '.join(sorted(strays)[:3])}"


def lost_devices(history: History) -> Iterator[str]:
    """A worker whose GPU has failed takes no other job."""
    ends = {one.worker: one.ended_at for one in history.attempts if one.error == DeviceLost.slug}
    for one in history.attempts:
        end = ends.get(one.worker)
        if end is not None and one.started_at > end:
            yield f"{one.worker} took job {one.job} after its device had failed"


def webhooks_once(history: History) -> Iterator[str]:
    """Every event arrived as it was written, and no other did."""
    written, received = {told.event for told in history.told}, set(history.received)
    if written - received:
        yield f"{len(written - received)} events were never received: {sorted(map(str, written - received))[:3]}"
    if received - written:
        yield f"{len(received - written)} events were received that never happened"
    for event, bodies in history.received.items():
        if len(set(bodies)) > 1:
            yield f"event {event} came with {len(set(bodies))} different bodies"
    unknown = {told.job for told in history.told} - set(history.accepted)
    if unknown:
        yield f"{len(unknown)} events are of jobs that nobody sent"


RULES_OF_ALL: Final[tuple[Callable[[History], Iterator[str]], ...]] = (
    entered_once, no_strays, lost_devices, webhooks_once,
)  # fmt: skip


def _listed(jobs: Iterable[UUID]) -> str:
    return ", ".join(sorted(map(str, jobs)))


class _OfJob(Protocol):
    @property
    def job(self) -> UUID: ...


T = TypeVar("T", bound=_OfJob)


def _by_job(items: Iterable[T]) -> defaultdict[UUID, list[T]]:
    grouped: defaultdict[UUID, list[T]] = defaultdict(list)
    for item in items:
        grouped[item.job].append(item)
    return grouped
