"""Sends jobs through the API, over several tenants and both priorities, each until it was accepted."""

from __future__ import annotations

import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Final, Literal, Self
from uuid import UUID

from api.bootstrap import Service
from api.client import ApiError, Client, Pace, SubmitOptions, Unreachable
from api.keys import Scope, create_key
from api.states import JobState
from api.tenants import TenantChanges, create_tenant
from api.webhooks import endpoints
from tests.chaos.consumer import Consumer
from tests.chaos.losing_answers import LosingAnswers
from tests.chaos.observed import Expected
from tests.chaos.orders import POISON, STAGES, Orders, all_orders
from tests.chaos.plan import Plan
from tests.chaos.stubs import recording, transcript_of
from workers.result_files import result_files

KEY: Final = "key"
"""Under this a recording's metadata have the idempotency key that it was sent with."""
TENANTS: Final = 5
SENDERS: Final = 6
"""Submissions under way at once."""
INTERACTIVE_SHARE: Final = 0.6
ADDRESS_SHARE: Final = 0.3
"""Of the jobs, those that give an address to fetch the recording from; the others bring it along."""
LONGEST_PAUSE: Final = 0.25
"""Seconds between two tries; the service asks for more, which a run has not."""
_AGAIN: Final = frozenset({409, 429})
"""What is answered, besides errors of the server, to a request that may yet be accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is sent under one idempotency key, however often."""

    key: str
    name: str
    tenant: int
    by_address: bool
    priority: Literal["interactive", "backfill"]
    orders: Orders | None

    def options(self) -> SubmitOptions:
        """As the API takes them."""
        options: SubmitOptions = {"name": self.name, "metadata": {KEY: self.key}, "priority": self.priority}
        return options if self.orders is None else {**options, "prompt": self.orders.prompt()}


class Submitter:
    """Clients that send a plan's jobs, and know what was accepted."""

    def __init__(self, service: Service, plan: Plan, address: str, consumer: Consumer, folder: Path) -> None:
        self._plan = plan
        self._source = consumer.source
        self._file = folder / "recording.flac"
        self._file.write_bytes(recording())
        self._orders = list(all_orders(plan))
        self._given_up = Event()
        self._open: list[Future[None]] = []
        self.way = LosingAnswers(plan.seed, plan.lost_answers)
        self.sent: set[str] = set()
        """Idempotency keys."""
        self.accepted: dict[UUID, Expected] = {}
        with ExitStack() as closing:
            self._clients = [
                closing.enter_context(self._make_client(service, number, address, consumer.url))
                for number in range(TENANTS)
            ]
            self._senders = closing.enter_context(ThreadPoolExecutor(SENDERS, "sender"))
            self._closing = closing.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._given_up.set()
        self._closing.close()

    def submit(self, number: int) -> None:
        """Begin up to so many more. Raises what an earlier one was refused with."""
        for one in [one for one in self._open if one.done()]:
            self._open.remove(one)
            one.result()
        for _ in range(min(number, self._plan.jobs - len(self.sent))):
            submission = self._next()
            self.sent.add(submission.key)
            self._open.append(self._senders.submit(self._insist, submission))

    @property
    def under_way(self) -> int:
        """Submissions that were begun and have no answer yet."""
        return len(self._open)

    @property
    def done(self) -> bool:
        """Whether all jobs of the plan were accepted."""
        return len(self.sent) == self._plan.jobs and not self._open

    def _next(self) -> Submission:
        number = len(self.sent)
        chance = random.Random(f"{self._plan.seed} {number}")
        return Submission(
            key=f"submission-{number:05d}",
            name=f"recording-{number:05d}",
            tenant=chance.randrange(TENANTS),
            by_address=chance.random() < ADDRESS_SHARE,
            priority="interactive" if chance.random() < INTERACTIVE_SHARE else "backfill",
            orders=self._orders[number] if number < len(self._orders) else None,
        )

    def _insist(self, one: Submission) -> None:
        """Send until there is an answer that says that the job was accepted."""
        while not self._given_up.is_set():
            try:
                answer = self._send(one)
            except (Unreachable, ApiError) as error:
                if isinstance(error, ApiError) and error.status < 500 and error.status not in _AGAIN:
                    raise
                self._given_up.wait(LONGEST_PAUSE)
            else:
                self.accepted[UUID(answer["job"]["id"])] = expected(one.name, _end_of(one.orders))
                return

    def _send(self, one: Submission) -> dict[str, Any]:
        client = self._clients[one.tenant]
        if one.by_address:
            return client.submit_url(self._source, one.options(), idempotency_key=one.key)
        return client.submit_file(self._file, one.options(), idempotency_key=one.key)

    def _make_client(self, service: Service, number: int, address: str, webhook_url: str) -> Client:
        weight = TenantChanges(weight=1.0 + number)
        tenant: UUID = create_tenant(service.database, f"tenant-{number}", weight)["id"]
        with service.database.tenant(tenant) as connection:
            endpoints.create(connection, service.settings, tenant, url=webhook_url)
        with service.database.system() as connection:
            key = create_key(connection, tenant, "chaos", [Scope.WRITE]).text
        pace = Pace(sleep=lambda seconds: time.sleep(min(seconds, LONGEST_PAUSE)))
        return Client(address, key, transport=self.way, pace=pace)


def expected(name: str, state: str) -> Expected:
    """What a recording of that name has to become, if its job has to end in that state."""
    made = transcript_of(name)
    return Expected(
        state=state,
        turns=tuple((one.speaker, one.text) for one in made.utterances),
        speakers=tuple(sorted(made.diarization.labels)),
        files=frozenset(file.name for file in result_files(made, dict.fromkeys(STAGES, b""))),
    )


def _end_of(orders: Orders | None) -> str:
    return str(JobState.DEAD if orders == POISON else JobState.SUCCEEDED)
