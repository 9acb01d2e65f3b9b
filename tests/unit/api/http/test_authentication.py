"""Who floods the service with keys that are none keeps nobody else out."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from api.errors import Unauthorized
from api.http.app import create_app
from api.http.state import LOOKUPS_SHARE
from api.keys import KeyRing, Principal, Scope
from tests.unit.api.http.applications import unconnected

KNOWN = "hs_live_known0known0_" + "a" * 43
CONNECTIONS = 8


class Ring(KeyRing):
    """Keys whose look-up takes its time; counts how many are looked up at once."""

    def __init__(self) -> None:
        super().__init__(unconnected().database)
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def was_known(self, presented: str) -> bool:
        return presented == KNOWN

    def look_up(self, presented: str) -> Principal:
        if presented == KNOWN:
            # Of a tenant that may ask for nothing: what comes after this would need the database.
            return Principal(tenant_id=uuid4(), key_prefix="known0known0", scopes=frozenset[Scope]())
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.05)
        with self._lock:
            self.at_once -= 1
        raise Unauthorized


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
def app(ring: Ring) -> FastAPI:
    service = unconnected()
    settings = service.settings.model_copy(update={"database_connections": CONNECTIONS})
    made = create_app(replace(service, settings=settings))
    made.state.shared = replace(made.state.shared, keys=ring)
    return made


async def ask(client: Any, key: str) -> int:
    answer = await client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}"})
    return int(answer.status_code)


def test_a_flood_of_unknown_keys_takes_a_share_of_the_connections_and_delays_no_known_key(
    app: FastAPI, ring: Ring
) -> None:
    flood = [f"hs_live_{number:012}_" + "a" * 43 for number in range(40)]

    async def run() -> tuple[set[int], int, int]:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service.test") as client:
            flooding = [asyncio.create_task(ask(client, key)) for key in flood]
            await asyncio.sleep(0.1)
            known = await ask(client, KNOWN)
            waiting = sum(not task.done() for task in flooding)
            return set(await asyncio.gather(*flooding)), known, waiting

    refused, known, waiting = asyncio.run(run())
    assert refused == {401}
    assert known == 403
    assert waiting > 0
    assert ring.most_at_once == CONNECTIONS // LOOKUPS_SHARE
