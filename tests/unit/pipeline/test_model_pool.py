"""Which models are in memory, and when they go."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from pipeline.errors import ModelUnavailable
from pipeline.model_pool import ModelPool, Name

SOON = 5.0


class Loaded:
    """A model that knows itself, as networks do."""

    def __init__(self, name: Name) -> None:
        self.name = name
        self.itself = self


@dataclass
class Shelf:
    """Loads models, counts that, and may fail or take its time."""

    loads: list[Name] = field(default_factory=list)
    broken: set[Name] = field(default_factory=set)
    opened: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event | None = None

    def load(self, name: Name) -> Loaded:
        self.loads.append(name)
        if self.gate is not None:
            self.opened.set()
            assert self.gate.wait(SOON)
        if name in self.broken:
            message = f"{name} is nowhere"
            raise ModelUnavailable(message)
        return Loaded(name)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(shelf: Shelf, clock: Clock) -> ModelPool[Loaded]:
    """The default is pinned; of the others one fits."""
    return ModelPool(shelf.load, pinned=[None], clock=clock)


@pytest.fixture
def together() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline, "never"
        time.sleep(0.005)


def use(pool: ModelPool[Loaded], *names: Name) -> None:
    for name in names:
        with pool.using(name) as model:
            assert model.name == name


def use_when_possible(pool: ModelPool[Loaded], name: Name, alive: Callable[[], None]) -> None:
    with pool.using(name, alive):
        pass


def test_a_model_is_loaded_once(pool: ModelPool[Loaded], shelf: Shelf) -> None:
    use(pool, "tiny", "tiny", None, "tiny")
    assert shelf.loads == ["tiny", None]


def test_who_comes_while_it_loads_waits_for_it(
    pool: ModelPool[Loaded], shelf: Shelf, together: ThreadPoolExecutor
) -> None:
    shelf.gate = threading.Event()
    users = [together.submit(use, pool, "tiny") for _ in range(3)]
    assert shelf.opened.wait(SOON)
    shelf.gate.set()
    for user in users:
        user.result(SOON)
    assert shelf.loads == ["tiny"]


def test_others_are_used_while_one_loads(pool: ModelPool[Loaded], shelf: Shelf, together: ThreadPoolExecutor) -> None:
    use(pool, None)
    shelf.gate = threading.Event()
    loading = together.submit(use, pool, "tiny")
    assert shelf.opened.wait(SOON)
    use(pool, None)
    shelf.gate.set()
    loading.result(SOON)


def test_the_one_that_was_not_used_for_longest_makes_room(shelf: Shelf, clock: Clock) -> None:
    pool = ModelPool(shelf.load, most=2, clock=clock)
    for name in ("a", "b", "a", "c"):
        clock.now += 1
        use(pool, name)
    assert pool.loaded == ("a", "c")
    use(pool, "a", "c")
    assert shelf.loads == ["a", "b", "c"]


def test_pinned_models_stay_and_take_nobodys_place(pool: ModelPool[Loaded]) -> None:
    use(pool, None, "a", "b")
    assert pool.loaded == (None, "b")


def test_what_is_in_use_does_not_make_room(pool: ModelPool[Loaded], together: ThreadPoolExecutor) -> None:
    asked = threading.Event()
    with pool.using("a"):
        waiting = together.submit(use_when_possible, pool, "b", asked.set)
        assert asked.wait(SOON)
        assert pool.loaded == ("a",)
    waiting.result(SOON)
    assert pool.loaded == ("b",)


def test_whoever_waits_for_room_gets_it_however_many_come_for_what_is_loaded(
    pool: ModelPool[Loaded], together: ThreadPoolExecutor
) -> None:
    stopping, asked = threading.Event(), threading.Event()

    def crowd() -> None:
        while not stopping.is_set():
            with pool.using("a"):
                time.sleep(0.03)

    users = [together.submit(crowd) for _ in range(2)]  # there is always one of them
    until(lambda: pool.loaded == ("a",))
    try:
        together.submit(use_when_possible, pool, "b", asked.set).result(SOON)
    finally:
        stopping.set()
        for user in users:
            user.result(SOON)


def test_pinned_models_are_used_while_somebody_waits_for_room(
    pool: ModelPool[Loaded], together: ThreadPoolExecutor
) -> None:
    use(pool, None)
    asked = threading.Event()
    with pool.using("a"):
        waiting = together.submit(use_when_possible, pool, "b", asked.set)
        assert asked.wait(SOON)
        use(pool, None)
    waiting.result(SOON)


def test_who_waits_can_give_up(pool: ModelPool[Loaded]) -> None:
    def give_up() -> None:
        raise InterruptedError

    with pool.using("a"):
        with pytest.raises(InterruptedError), pool.using("b", give_up):
            pass
        assert pool.loaded == ("a",)
    use(pool, "b")


def test_what_nobody_uses_goes_after_a_while(pool: ModelPool[Loaded], clock: Clock) -> None:
    use(pool, None, "a")
    clock.now = 899.0
    pool.unload_idle()
    assert "a" in pool.loaded
    clock.now = 900.0
    pool.unload_idle()
    assert "a" not in pool.loaded
    assert None in pool.loaded


def test_what_is_used_does_not_go_however_long_that_takes(pool: ModelPool[Loaded], clock: Clock) -> None:
    with pool.using("a"):
        clock.now = 5000.0
        pool.unload_idle()
        assert pool.loaded == ("a",)
    pool.unload_idle()
    assert pool.loaded == ("a",)


def test_it_goes_by_itself(shelf: Shelf) -> None:
    pool = ModelPool(shelf.load, most=2, idle_seconds=0.05)
    use(pool, "a", "b")
    until(lambda: pool.loaded == ())
    use(pool, "a")
    until(lambda: pool.loaded == ())


def test_what_went_is_gone(pool: ModelPool[Loaded]) -> None:
    with pool.using("a") as model:
        seen = weakref.ref(model)
    del model
    use(pool, "b")
    assert seen() is None


def test_what_goes_while_another_goes_is_gone_too(shelf: Shelf, together: ThreadPoolExecutor) -> None:
    class Reluctant(Loaded):
        """Takes its time to go, and the collection that it is part of with it."""

        def __del__(self) -> None:
            going.set()
            assert gone.wait(SOON)

    going, gone = threading.Event(), threading.Event()
    slow = ModelPool(Reluctant)
    with slow.using("a"):
        pass
    letting_go = together.submit(slow.using("b").__enter__)
    assert going.wait(SOON)
    pool = ModelPool(shelf.load)
    with pool.using("a") as model:
        seen = weakref.ref(model)
    del model
    going_too = together.submit(use, pool, "b")
    time.sleep(0.05)
    gone.set()
    letting_go.result(SOON)
    going_too.result(SOON)
    assert seen() is None


def test_a_model_that_cannot_be_loaded_leaves_nothing_behind(pool: ModelPool[Loaded], shelf: Shelf) -> None:
    shelf.broken.add("a")
    with pytest.raises(ModelUnavailable):
        use(pool, "a")
    shelf.broken.clear()
    use(pool, "b", "a")
    assert shelf.loads == ["a", "b", "a"]


def test_who_waited_for_a_load_that_failed_tries_by_itself(
    pool: ModelPool[Loaded], shelf: Shelf, together: ThreadPoolExecutor
) -> None:
    shelf.gate, shelf.broken = threading.Event(), {"a"}
    first, waits = together.submit(use, pool, "a"), threading.Event()
    assert shelf.opened.wait(SOON)
    second = together.submit(use_when_possible, pool, "a", waits.set)
    assert waits.wait(SOON)
    shelf.gate.set()
    for user in (first, second):
        with suppress(ModelUnavailable):
            user.result(SOON)
    assert shelf.loads == ["a", "a"]
