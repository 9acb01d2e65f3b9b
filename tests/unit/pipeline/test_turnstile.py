"""Recordings taking turns: a clock that is set by hand says how much each has had."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from pipeline.turnstile import PATIENCE, CalledOff, Guest, Turnstile

SOON = 5.0
"""Seconds after which a thread that has not got through never will."""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Visitor(threading.Thread):
    """Enters, notes the order, and leaves."""

    def __init__(self, turnstile: Turnstile, order: list[str], name: str, *, urgent: bool = False) -> None:
        super().__init__(name=name, daemon=True)
        self.turnstile, self.order, self.urgent = turnstile, order, urgent

    def run(self) -> None:
        with self.turnstile.admitted(urgent=self.urgent):
            self.order.append(self.name)


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)


@contextmanager
def inside(
    turnstile: Turnstile, order: list[str], *visitors: tuple[str, bool], urgent: bool = False
) -> Iterator[Guest]:
    """One guest inside while visitors, by name and urgency, come and wait; they get in when it leaves."""
    threads = [Visitor(turnstile, order, name, urgent=pressed) for name, pressed in visitors]
    with turnstile.admitted(urgent=urgent) as guest:
        for number, thread in enumerate(threads, start=1):
            thread.start()
            until(lambda number=number: len(turnstile._waiting) == number)  # type: ignore[misc]
        yield guest
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()


def test_no_more_compute_at_once_than_there_are_places() -> None:
    turnstile, lock, within, most = Turnstile(2), threading.Lock(), 0, 0

    def visit() -> None:
        nonlocal within, most
        for _ in range(20):
            with turnstile.admitted() as guest:
                with lock:
                    within += 1
                    most = max(most, within)
                time.sleep(0.0005)
                with lock:
                    within -= 1
                turnstile.make_way(guest)

    threads = [threading.Thread(target=visit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert (within, most) == (0, 2)


def test_urgent_ones_go_first_and_the_others_in_the_order_they_came() -> None:
    turnstile, order = Turnstile(), list[str]()
    with inside(turnstile, order, ("first", False), ("second", False), ("urgent", True), urgent=True):
        assert order == []
    assert order == ["urgent", "first", "second"]


def test_a_backfill_makes_no_way_for_another_that_it_is_not_ahead_of() -> None:
    turnstile, order = Turnstile(clock=Clock()), list[str]()
    with inside(turnstile, order, ("other", False)) as guest:
        turnstile.make_way(guest)
        assert order == []
    assert order == ["other"]


def test_what_is_urgent_waits_for_no_step_of_a_backfill_which_leaves_for_it_at_the_next() -> None:
    turnstile, order = Turnstile(2, clock=Clock()), list[str]()

    def step(guest: Guest) -> None:
        turnstile.make_way(guest)
        order.append("backfill")

    with turnstile.admitted() as first, turnstile.admitted() as second:
        with turnstile.admitted(urgent=True) as urgent:
            assert turnstile.crowded(urgent)
            leaver = threading.Thread(target=step, args=(first,))
            leaver.start()
            until(lambda: turnstile._waiting == [first])
            turnstile.make_way(second)  # one place, one that leaves for it
            turnstile.make_way(urgent)
            assert order == []
        leaver.join(SOON)
    assert order == ["backfill"]


def test_where_places_are_strict_what_is_urgent_waits_for_the_next_step() -> None:
    turnstile, order = Turnstile(clock=Clock(), strict=True), list[str]()
    with inside(turnstile, order, ("urgent", True)) as guest:
        assert order == []
        turnstile.make_way(guest)
        assert order == ["urgent"]


def test_no_more_urgent_ones_go_in_than_there_are_places() -> None:
    """Those of backfills and the free ones."""
    turnstile, order = Turnstile(3), list[str]()
    with turnstile.admitted(), turnstile.admitted(), turnstile.admitted(urgent=True), turnstile.admitted(urgent=True):
        with inside(turnstile, order, ("fourth", True), urgent=True):
            assert order == []
        assert order == ["fourth"]


def test_who_is_clearly_ahead_makes_way() -> None:
    clock = Clock()
    turnstile, order = Turnstile(clock=clock), list[str]()
    with inside(turnstile, order, ("other", False)) as guest:
        clock.now += PATIENCE
        turnstile.make_way(guest)
        assert order == []
        clock.now += 0.1
        turnstile.make_way(guest)
        assert order == ["other"]
        assert guest.used == pytest.approx(PATIENCE + 0.1)


def test_what_is_urgent_makes_way_for_no_backfill() -> None:
    clock = Clock()
    turnstile, order = Turnstile(clock=clock), list[str]()
    with inside(turnstile, order, ("backfill", False), urgent=True) as guest:
        clock.now += 100 * PATIENCE
        turnstile.make_way(guest)
        assert order == []
    assert order == ["backfill"]


def test_who_comes_late_is_owed_nothing() -> None:
    """A newcomer shares from now on, and does not first get all that the others have had."""
    clock = Clock()
    turnstile = Turnstile(2, clock)
    with turnstile.admitted() as first:
        clock.now += 50
        turnstile.make_way(first)
        with turnstile.admitted() as second:
            assert second.used == first.used == 50


def test_who_is_outside_for_a_while_is_not_forgotten() -> None:
    """Nor does a newcomer that comes meanwhile go before it for all that it has had."""
    clock = Clock()
    turnstile = Turnstile(clock=clock)
    with turnstile.admitted() as first:
        clock.now += 1000
        with turnstile.outside(first), turnstile.admitted() as second:
            assert second.used == first.used == 1000


def test_who_waits_says_that_it_is_alive_and_can_be_called_off() -> None:
    """The place goes on to who comes next."""
    turnstile, order, asked = Turnstile(), list[str](), threading.Event()

    def give_up() -> None:
        asked.set()
        message = "cancelled"
        raise ValueError(message)

    def wait() -> None:
        with pytest.raises(ValueError, match="cancelled"), turnstile.admitted(urgent=True, alive=give_up):
            order.append("never")

    impatient = threading.Thread(target=wait)
    with inside(turnstile, order, ("patient", False), urgent=True):
        impatient.start()
        assert asked.wait(SOON)
    impatient.join(SOON)
    assert order == ["patient"]


def test_who_is_called_off_on_the_way_back_leaves_its_place_to_others() -> None:
    turnstile, order = Turnstile(), list[str]()
    called_off, taken, seen = threading.Event(), threading.Event(), threading.Event()

    def check() -> None:
        if called_off.is_set():
            message = "cancelled"
            raise ValueError(message)

    def hold() -> None:
        with turnstile.admitted():
            taken.set()
            seen.wait(SOON)

    holder = threading.Thread(target=hold)

    def step_out() -> None:
        with turnstile.admitted(alive=check) as guest, turnstile.outside(guest):
            holder.start()
            assert taken.wait(SOON)
            called_off.set()

    with pytest.raises(ValueError, match="cancelled"):
        step_out()
    seen.set()
    holder.join(SOON)
    with inside(turnstile, order, ("next", False)):
        pass
    assert order == ["next"]


@pytest.mark.parametrize(("places", "crowded"), [(1, True), (2, False)])
def test_it_is_crowded_where_no_place_is_left(places: int, crowded: bool) -> None:
    turnstile = Turnstile(places)
    with turnstile.admitted() as guest:
        assert not turnstile.crowded(guest)
        with turnstile.outside(guest), turnstile.admitted():
            assert turnstile.crowded(guest) is crowded


def interrupted() -> None:
    raise InterruptedError


class Helping(threading.Thread):
    """A helper of a guest: notes that it began, makes way step by step once it is told to, and ends when told to."""

    def __init__(self, turnstile: Turnstile, guest: Guest, order: list[str]) -> None:
        super().__init__(daemon=True)
        self.turnstile, self.helper, self.order = turnstile, turnstile.helper_of(guest), order
        self.step, self.stepped, self.ending = threading.Event(), threading.Event(), threading.Event()

    @classmethod
    def begun(cls, turnstile: Turnstile, guest: Guest, order: list[str]) -> Helping:
        helping = cls(turnstile, guest, order)
        helping.start()
        until(lambda: order == ["helper"])
        return helping

    def run(self) -> None:
        with suppress(CalledOff, InterruptedError), self.turnstile.computing(self.helper):
            self.order.append("helper")
            while not self.ending.wait(0.001):
                if self.step.is_set():
                    self.turnstile.make_way(self.helper)
                    self.stepped.set()

    def end(self) -> None:
        self.ending.set()
        self.join(SOON)
        assert not self.is_alive()


def test_a_helper_has_a_place_that_nobody_else_wants_and_leaves_it_to_whoever_comes() -> None:
    clock, order = Clock(), list[str]()
    turnstile = Turnstile(2, clock=clock)
    with turnstile.admitted() as guest:
        helping = Helping.begun(turnstile, guest, order)
        assert not turnstile.crowded(guest)
        clock.now += 9.0
        comer = Visitor(turnstile, order, "comer")
        comer.start()
        until(lambda: turnstile._waiting)
        turnstile.make_way(guest)
        assert order == ["helper"]
        helping.step.set()
        comer.join(SOON)
        assert order == ["helper", "comer"]
        assert guest.used == 9.0  # what nobody else wanted is not counted
        assert helping.stepped.wait(SOON)
        helping.end()


def test_a_helper_that_has_not_begun_when_its_recording_is_done_is_called_off() -> None:
    turnstile, order = Turnstile(), list[str]()
    with turnstile.admitted() as guest:
        helping = Helping(turnstile, guest, order)
        helping.start()
        until(lambda: turnstile._waiting)
        turnstile.wait_for(helping.helper)
        helping.join(SOON)
        assert turnstile._inside == [guest]
    late = Helping(turnstile, guest, order)
    with turnstile.admitted() as guest:
        turnstile.wait_for(late.helper)
        late.start()
        late.join(SOON)
    assert order == []
    assert turnstile._free == 1


def test_a_helper_that_waits_gets_the_place_of_its_recording_and_gives_it_back() -> None:
    """Though somebody else waits who has had less; and what it takes is counted from then on."""
    clock, order = Clock(), list[str]()
    turnstile = Turnstile(2, clock=clock)
    with turnstile.admitted() as guest:
        helping = Helping.begun(turnstile, guest, order)
        helping.step.set()
        with turnstile.admitted():
            until(lambda: turnstile._waiting == [helping.helper])
            helping.stepped.clear()
            comer = Visitor(turnstile, order, "comer")
            comer.start()
            until(lambda: len(turnstile._waiting) == 2)
            clock.now += 0.9
            turnstile.wait_for(helping.helper)
            assert helping.stepped.wait(SOON)
            assert guest not in turnstile._inside
            clock.now += 0.5
            helping.end()
            assert guest in turnstile._inside
            assert guest.used == pytest.approx(0.9 + 0.5)
            assert order == ["helper"]
        comer.join(SOON)
    assert turnstile._free == 2


def test_a_helper_that_computes_goes_on_and_its_recording_has_its_place_afterwards() -> None:
    turnstile, order = Turnstile(2), list[str]()
    with turnstile.admitted(urgent=True) as guest:
        helping = Helping.begun(turnstile, guest, order)
        turnstile.wait_for(helping.helper)
        assert turnstile._inside == [helping.helper]
        # As urgent as its recording, now that this waits for it.
        with inside(turnstile, order, ("comer", False), urgent=True):
            helping.step.set()
            assert helping.stepped.wait(SOON)
            assert order == ["helper"]
        helping.end()
        assert turnstile._inside == [guest]
        turnstile.wait_for(helping.helper)  # it is over: nothing to wait for
        assert turnstile._inside == [guest]
    assert turnstile._free == 2


def test_a_helper_that_fails_while_it_waits_leaves_its_recording_outside() -> None:
    """Which has nothing to compute any more: an error need not wait for a place."""
    turnstile, order = Turnstile(2), list[str]()
    with turnstile.admitted() as guest:
        helping = Helping.begun(turnstile, guest, order)
        turnstile.wait_for(helping.helper)
        helping.step.set()
        with turnstile.admitted(urgent=True), turnstile.admitted(urgent=True):
            until(lambda: turnstile._waiting == [helping.helper])
            helping.helper.alive = interrupted
            helping.end()
            assert guest not in turnstile._inside
    assert turnstile._free == 2


def test_an_urgent_recording_waits_for_no_helper_that_has_a_place_to_spare() -> None:
    turnstile, order = Turnstile(2), list[str]()
    with turnstile.admitted(urgent=True) as guest:
        helping = Helping.begun(turnstile, guest, order)
        with turnstile.admitted(urgent=True):
            helping.step.set()
            until(lambda: turnstile._waiting == [helping.helper])
            helping.stepped.clear()
        assert helping.stepped.wait(SOON)
        helping.end()
    assert turnstile._free == 2


def test_an_error_outside_waits_for_no_place() -> None:
    turnstile = Turnstile()

    def fail_outside() -> None:
        with turnstile.admitted() as guest, turnstile.outside(guest):
            holder.start()
            until(lambda: turnstile._inside)
            interrupted()

    ending = threading.Event()

    def hold() -> None:
        with turnstile.admitted():
            assert ending.wait(SOON)

    holder = threading.Thread(target=hold)
    with pytest.raises(InterruptedError):
        fail_outside()
    assert len(turnstile._inside) == 1
    ending.set()
    holder.join(SOON)
    assert turnstile._free == 1


def test_it_is_as_crowded_from_inside_as_from_outside() -> None:
    """Where there is a place for each, nobody has a use for one that somebody leaves."""
    turnstile = Turnstile(2)
    with turnstile.admitted() as first, turnstile.admitted() as second:
        assert not turnstile.crowded(first)
        with turnstile.outside(first):
            assert not turnstile.crowded(first)
        comer = Visitor(turnstile, [], "comer")
        comer.start()
        until(lambda: turnstile._waiting)
        assert turnstile.crowded(first)
        assert turnstile.crowded(second)
    comer.join(SOON)


def test_others_compute_while_a_guest_waits_for_something_else() -> None:
    clock = Clock()
    turnstile, order = Turnstile(clock=clock), list[str]()
    with inside(turnstile, order, ("other", False)) as guest:
        with turnstile.outside(guest):
            clock.now += 7
            until(lambda: order == ["other"])
        assert guest.used == 0


def test_a_place_is_free_again_whatever_happened_in_it() -> None:
    turnstile = Turnstile()

    def fail() -> None:
        with turnstile.admitted():
            message = "the recording is damaged"
            raise ValueError(message)

    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"):
            fail()
    with turnstile.admitted():
        pass
