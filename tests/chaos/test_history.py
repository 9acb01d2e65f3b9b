"""The check itself: it passes a good history, and finds each way in which one can be bad."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from tests.chaos.history import violations
from tests.chaos.observed import Attempt, Change, Death, End, Entered, Expected, History, Pointer, Result, Told
from tests.chaos.orders import POISON, all_orders, orders_of
from tests.chaos.plan import Fault, Plan
from tests.chaos.report import Recovery, excused, percentile, recoveries
from tests.chaos.store_faults import Outage

JOB, EVENT, RECORDING, KEY = uuid4(), uuid4(), uuid4(), "submission-00000"
TURNS, SPEAKERS, FILES = (("SPEAKER_00", "good morning"),), ("SPEAKER_00",), frozenset({"transcript.json"})


def change(transaction: int, before: str | None, after: str, fence: int | None = None, **values: object) -> Change:
    plain = Change(
        job=JOB, transaction=transaction, before=before, after=after, pool="process", fence=fence, crash_count=0,
        progress=0.0, at=float(transaction),
    )  # fmt: skip
    return replace(plain, **values)  # type: ignore[arg-type]


def end(transaction: int, fence: int, after: str, before: str | None = None) -> End:
    return End(job=JOB, transaction=transaction, fence=fence, before=before, after=after)


def attempt(number: int, fence: int, outcome: str | None, started: float = 0.0, ended: float = 1.0) -> Attempt:
    return Attempt(
        job=JOB, number=number, pool="process", fence=fence, worker=f"worker-{fence}", started_at=started,
        ended_at=ended, outcome=outcome,
    )  # fmt: skip


CHANGES = (
    change(1, None, "queued"),
    change(2, "queued", "running", 1),
    change(3, "running", "queued", 1, crash_count=1, progress=0.5),
    change(4, "queued", "running", 2, crash_count=1, progress=0.5),
    change(5, "running", "succeeded", 2, crash_count=1, progress=1.0),
)
RESULT = Result(job=JOB, fences=frozenset({2}), files=FILES, missing=(), turns=TURNS, speakers=SPEAKERS)
POINTER = Pointer(job=JOB, key="transcript.json", sha256="digest", at=5.0, stored_at=4.5)
ENTERED = Entered(recording=RECORDING, key=KEY, job=JOB)
GOOD = History(
    sent=frozenset({KEY}),
    answered={KEY: frozenset({JOB})},
    accepted={JOB: Expected(state="succeeded", turns=TURNS, speakers=SPEAKERS, files=FILES)},
    entered=(ENTERED,),
    changes=CHANGES,
    ends=(end(3, 1, "lost"), end(5, 2, "succeeded")),
    pointers=(POINTER,),
    attempts=(attempt(1, 1, "lost"), attempt(2, 2, "succeeded")),
    results=(RESULT,),
    strays=("a late key",),
    late=frozenset({"a late key"}),
    told=(Told(event=EVENT, job=JOB, kind="job.succeeded"),),
    received={EVENT: ("body", "body")},
)


OTHER = uuid4()
SECOND = Entered(recording=uuid4(), key=KEY, job=OTHER)
LOST_DEVICE = replace(attempt(2, 2, "lost"), error="device-lost")


def with_last(**values: object) -> tuple[Change, ...]:
    return (*CHANGES[:-1], replace(CHANGES[-1], **values))  # type: ignore[arg-type]


def test_a_job_that_lost_a_worker_and_succeeded_breaks_no_promise() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (replace(GOOD, changes=(), ends=(), attempts=(), results=(), told=(), received={}), "ended as nothing"),
        (replace(GOOD, changes=CHANGES[:-1]), "ended as nothing"),
        (replace(GOOD, changes=with_last(after="failed")), "not once as succeeded"),
        (replace(GOOD, changes=(*CHANGES, change(6, "succeeded", "succeeded", 2))), "after its end"),
        (replace(GOOD, changes=(*CHANGES, change(6, "succeeded", "running", 3))), "from succeeded to running"),
        (replace(GOOD, changes=(CHANGES[0], *CHANGES[2:])), "without a change"),
        (replace(GOOD, changes=with_last(progress=0.25)), "progress fell"),
        (replace(GOOD, ends=(end(3, 1, "lost"), end(5, 1, "succeeded", "lost"))), "by claim 1 while claim 2"),
        (replace(GOOD, ends=(end(3, 1, "lost"),)), "by claim None while claim 2"),
        (replace(GOOD, ends=(*GOOD.ends, end(6, 1, "succeeded", "lost"))), "ended as lost and again"),
        (replace(GOOD, changes=(*CHANGES[:3], replace(CHANGES[3], fence=1), CHANGES[4])), "do not grow"),
        (replace(GOOD, attempts=(attempt(1, 1, "lost"), attempt(3, 2, "succeeded"))), "numbered [1, 3]"),
        (replace(GOOD, attempts=(attempt(1, 1, "lost"), attempt(2, 2, None))), "never ended"),
        (replace(GOOD, changes=with_last(crash_count=2)), "1 workers were lost, 2 were counted"),
        (replace(GOOD, results=()), "has 0 results"),
        (replace(GOOD, results=(RESULT, RESULT)), "has 2 results"),
        (replace(GOOD, results=(replace(RESULT, fences=frozenset({1})),)), "the job was of 2"),
        (replace(GOOD, results=(replace(RESULT, fences=frozenset({1, 2})),)), "of claims [1, 2]"),
        (replace(GOOD, results=(replace(RESULT, files=frozenset()),)), "has the files []"),
        (replace(GOOD, results=(replace(RESULT, missing=("transcript.json",)),)), "missing or damaged"),
        (replace(GOOD, pointers=(replace(POINTER, stored_at=5.5),)), "before it was stored"),
        (replace(GOOD, pointers=(replace(POINTER, stored_at=None),)), "before it was stored"),
        (replace(GOOD, results=(replace(RESULT, turns=TURNS + TURNS),)), "not those of one result"),
        (replace(GOOD, results=(replace(RESULT, speakers=()),)), "not those of one result"),
        (replace(GOOD, told=(), received={}), "told of as nothing"),
        (replace(GOOD, told=(replace(GOOD.told[0], kind="job.failed"),)), "told of as ['job.failed']"),
        (replace(GOOD, told=(*GOOD.told, replace(GOOD.told[0], event=uuid4()))), "told of as"),
        (replace(GOOD, told=(replace(GOOD.told[0], job=uuid4()),)), "jobs that nobody sent"),
        (replace(GOOD, strays=("a key",)), "1 objects have no recording"),
        (replace(GOOD, answered={}), "never accepted"),
        (replace(GOOD, entered=()), "accepted as jobs that are not there"),
        (replace(GOOD, entered=(ENTERED, replace(ENTERED, job=uuid4()))), "jobs that nobody was told of"),
        (replace(GOOD, entered=(ENTERED, SECOND), answered={KEY: frozenset({JOB, OTHER})}), "made 2 jobs"),
        (replace(GOOD, entered=(ENTERED, replace(SECOND, key="unheard-of"))), "jobs were made that nobody sent"),
        (replace(GOOD, entered=(ENTERED, replace(SECOND, job=None))), "has no job"),
        (
            replace(GOOD, attempts=(*GOOD.attempts[:1], LOST_DEVICE, attempt(3, 2, "succeeded", 2.0))),
            "after its device",
        ),
        (replace(GOOD, received={}), "1 events were never received"),
        (replace(GOOD, received={EVENT: ("body",), uuid4(): ("body",)}), "received that never happened"),
        (replace(GOOD, received={EVENT: ("body", "other")}), "2 different bodies"),
    ],
)
def test_what_is_wrong_is_found(bad: History, found: str) -> None:
    assert any(found in one.what for one in violations(bad)), violations(bad)


def test_a_recovery_lasts_from_the_death_of_a_worker_to_the_next_attempt() -> None:
    attempts = [
        attempt(1, 1, "lost", started=10.0, ended=14.0),
        attempt(2, 2, "succeeded", started=15.0, ended=16.0),
    ]
    deaths = [Death(worker="worker-1", at=11.0), Death(worker="worker-2", at=20.0), Death(worker="idle", at=12.0)]
    (found,) = recoveries(deaths, attempts)
    assert (found, found.seconds) == (Recovery(died=11.0, began_again=15.0), 4.0)


def test_a_job_that_was_given_up_has_no_recovery() -> None:
    assert recoveries([Death(worker="worker-1", at=11.0)], [attempt(1, 1, "lost", started=10.0, ended=14.0)]) == []


@pytest.mark.parametrize(
    ("begin", "end", "during"), [(1.0, 10.0, False), (10.0, 12.0, True), (12.0, 13.0, True), (16.0, 20.0, False)]
)
def test_a_recovery_is_excused_by_an_outage_meanwhile(begin: float, end: float, during: bool) -> None:
    assert excused(Recovery(died=11.0, began_again=15.0), [Outage(begin=begin, end=end)]) is during


@pytest.mark.parametrize(("share", "value"), [(0.5, 6.0), (0.99, 10.0), (0.0, 1.0)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(10, 0, -1)], share) == value


def test_a_plan_spreads_all_of_its_faults_over_the_run() -> None:
    plan = Plan(seed=1, jobs=1000, kills=60, stops=30, flushes=3, database_stops=2, store_outages=4)
    faults = plan.faults()
    kinds = [kind for _, kind in faults]
    assert {kind: kinds.count(kind) for kind in Fault} == {
        Fault.KILL: 48, Fault.KILL_API: 12, Fault.STOP: 30, Fault.FLUSH: 3, Fault.DATABASE_STOP: 2,
        Fault.STORE_OUTAGE: 4,
    }  # fmt: skip
    moments = [moment for moment, _ in faults]
    assert moments == sorted(moments)
    assert 0 < moments[0] < moments[-1] < plan.jobs
    assert faults == plan.faults()


def test_orders_arrive_as_they_were_given() -> None:
    orders = list(all_orders(Plan(seed=1, crashes=1)))
    assert POISON in orders
    assert [orders_of({"prompt": one.prompt()}) for one in orders] == orders
    assert orders_of({}) is None
