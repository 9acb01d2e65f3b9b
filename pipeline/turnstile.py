"""Who computes next, where several recordings share the cores: the urgent ones first, then who has had least."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

PATIENCE: Final = 1.0
"""Seconds that a recording may be ahead of another, equally urgent one before it makes room for it."""
LOOK: Final = 0.2
"""Seconds between two times that one who waits says that it is alive."""


def nobody_asks() -> None:
    """Tell nobody."""


@dataclass(eq=False)
class Account:
    """What a recording has had."""

    used: float = 0.0
    """Seconds that it has computed, in places that others could have had."""


class CalledOff(Exception):
    """A helper is not needed any more, and has not begun."""


@dataclass(eq=False)
class Guest:
    """A recording that is worked on, or a helper: part of that work, done by another thread."""

    urgent: bool
    """Goes before all that are not."""
    alive: Callable[[], None] = nobody_asks
    """Called now and then while it waits; what it raises ends the wait."""
    account: Account = field(default_factory=Account)
    helps: Guest | None = None
    """The recording, for a helper."""
    spare: bool = False
    """Has only a place that nobody else wants, and what it takes is counted for nobody."""
    begun: bool = False
    """Whether it was ever let in."""
    over: bool = False
    """Whether it will not compute any more."""
    called_off: bool = False
    """Whether it is not to begin."""
    since: float | None = None
    """When it was let in; None while it is outside."""

    @property
    def used(self) -> float:
        """Seconds that the recording has computed."""
        return self.account.used

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Sorts the one that goes first to the front."""
        return self.spare, not self.urgent, self.used

    @property
    def leaves(self) -> bool:
        """Whether it leaves for an urgent one."""
        return self.spare or not self.urgent


class Turnstile:
    """Lets so many guests compute at once, each in a thread of its own; the others wait. A recording is one, or two.

    Nobody is interrupted: whoever computes asks at every step, with `make_way`, whether somebody else should. As a step
    may take seconds, an urgent recording does not wait for the end of one: where all places are taken it computes
    beside those that are not urgent, one of which leaves for it at its next step. Not so with `strict`: places are
    then never exceeded, as for a GPU whose memory is that of so many.
    """

    def __init__(self, places: int = 1, clock: Callable[[], float] = time.monotonic, *, strict: bool = False) -> None:
        self.places = places
        self.strict = strict
        self._free = places
        """Below 0 while urgent ones are in that somebody has yet to leave for."""
        self._clock = clock
        self._changed = threading.Condition()
        self._guests: list[Guest] = []
        self._waiting: list[Guest] = []
        self._inside: list[Guest] = []

    @contextmanager
    def admitted(self, *, urgent: bool = False, alive: Callable[[], None] = nobody_asks) -> Iterator[Guest]:
        """Compute as a new guest, once there is a place. Raises what `alive` raises while it waits.

        It begins with as much behind it as the one that has had least: whoever was there before owes it nothing.
        """
        guest = Guest(urgent=urgent, alive=alive)
        with self._changed:
            for other in self._inside:
                self._count(other)
            guest.account.used = min((other.used for other in self._guests), default=0.0)
            self._guests.append(guest)
        try:
            with self.computing(guest):
                yield guest
        finally:
            with self._changed:
                self._guests.remove(guest)

    @staticmethod
    def helper_of(guest: Guest) -> Guest:
        """Make a guest of a part of the work on a recording, for another thread: it has only what nobody else wants."""
        return Guest(urgent=guest.urgent, account=guest.account, helps=guest, spare=True)

    def wait_for(self, helper: Guest) -> None:
        """Have a helper go as its recording goes, which has nothing else to do and need not wait for its place.

        The recording's place is the helper's, if that waits for one; at its end the recording has the helper's. One
        that has not begun is called off: the recording does its work, in the place that it has.
        """
        guest = helper.helps
        with self._changed:
            if guest is None or helper.over:
                return
            if not helper.begun:
                helper.called_off = True
                self._changed.notify_all()
                return
            self._count(helper)
            helper.spare = False
            self._pass_on(guest, helper if helper in self._waiting else None)

    @contextmanager
    def computing(self, guest: Guest) -> Iterator[None]:
        """Compute, once there is a place.

        Raises what the guest's `alive` raises while it waits, and `CalledOff` for a helper that does not begin.
        """
        try:
            self._enter(guest)
            yield
        finally:
            with self._changed:
                guest.over = True
                waits = guest.helps is not None and not (guest.spare or guest.helps.over)
                self._pass_on(guest, guest.helps if waits else None)

    @contextmanager
    def outside(self, guest: Guest) -> Iterator[None]:
        """Let others compute while this guest waits for something else; an error in that waits for no place."""
        self._leave(guest)
        yield
        self._enter(guest)

    def crowded(self, guest: Guest) -> bool:
        """Whether other recordings compute or wait to, and need this one's place, wherever it is."""

        def others(guests: Sequence[Guest]) -> bool:
            return any(other.account is not guest.account and not other.spare for other in guests)

        with self._changed:
            spare = self._free + sum(other.spare or other is guest for other in self._inside)
            return others(self._waiting) or (spare <= 0 and others(self._inside))

    def make_way(self, guest: Guest) -> None:
        """Leave for an urgent guest, or let the one that waits first go before this one if it has had clearly less.

        A helper whose recording does not wait for it leaves for whoever waits.
        """
        with self._changed:
            self._count(guest)
            owed = self._free < 0 and guest.leaves
            first = min(self._waiting, key=_rank, default=None)
            if not owed and (first is None or not _goes_before(first, guest)):
                return
        with self.outside(guest):
            pass

    def _enter(self, guest: Guest) -> None:
        with self._changed:
            self._waiting.append(guest)
        try:
            while not self._let_in(guest):
                guest.alive()
        except BaseException:
            with self._changed:
                if guest in self._waiting:
                    self._waiting.remove(guest)
                self._changed.notify_all()
            raise

    def _let_in(self, guest: Guest) -> bool:
        """Wait a little for this guest's turn; whether it has come."""
        with self._changed:
            self._changed.wait_for(lambda: guest.called_off or guest in self._inside or self._may_enter(guest), LOOK)
            if guest.called_off:
                raise CalledOff
            if guest not in self._inside:  # nobody passed a place on
                if not self._may_enter(guest):
                    return False
                self._free -= 1
                self._let(guest)
            return True

    def _let(self, guest: Guest) -> None:
        """Have a guest inside."""
        if guest in self._waiting:
            self._waiting.remove(guest)
        self._inside.append(guest)
        guest.since, guest.begun = self._clock(), True
        self._changed.notify_all()

    def _may_enter(self, guest: Guest) -> bool:
        """Whether it is this one's turn, and there is a place, or, for an urgent one, somebody who will leave."""
        beyond = not guest.leaves and not self.strict
        room = self._free + (sum(other.leaves for other in self._inside) if beyond else 0)
        return room > 0 and min(self._waiting, key=_rank) is guest

    def _leave(self, guest: Guest) -> None:
        """Give the place back."""
        with self._changed:
            self._pass_on(guest, None)

    def _pass_on(self, guest: Guest, other: Guest | None) -> None:
        """Give the place to another, or back; nothing where the guest has none, as its wait for one was ended."""
        if guest not in self._inside:
            return
        self._count(guest)
        guest.since = None
        self._inside.remove(guest)
        if other is None:
            self._free += 1
            self._changed.notify_all()
        else:
            self._let(other)

    def _count(self, guest: Guest) -> None:
        now = self._clock()
        if guest.since is not None:
            guest.account.used += 0.0 if guest.spare else now - guest.since
            guest.since = now


def _rank(guest: Guest) -> tuple[bool, bool, float]:
    return guest.rank


def _goes_before(waiting: Guest, inside: Guest) -> bool:
    if waiting.spare or inside.spare:
        return not waiting.spare
    if waiting.urgent != inside.urgent:
        return waiting.urgent
    return waiting.used + PATIENCE < inside.used
