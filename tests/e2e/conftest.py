"""The whole service, started once for all tests of a process, and tenants who use it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.e2e.customer import Customer
from tests.e2e.recordings import clip, repeated

if TYPE_CHECKING:
    from api.bootstrap import Service
    from embedded.system import System
    from pipeline.models import ModelStore

MODEL = "whisper-tiny.en"
MODELS = ("segmentation-3.0", "campplus", MODEL)
KEPT = frozenset(
    {"HANSARD_CACHE", "HANSARD_MODELS", "HANSARD_OFFLINE", "HANSARD_TESTDATA", "HANSARD_KEDA_CRDS"}
)  # fmt: skip
"""Variables of the library, and of tests that may come later in this process."""
SHORT_SECONDS = 15.0
"""The first words are said after 6.7 s."""
LONG_SECONDS = 120.0


@pytest.fixture(scope="session")
def model(weights: Callable[[str], Path]) -> str:
    """Name of a small recognizer, when everything that it needs beside it is there too."""
    for name in MODELS:
        weights(name)
    return MODEL


@pytest.fixture(scope="session")
def cache(store: ModelStore) -> Path:
    """The folder that `HANSARD_CACHE` names."""
    return store.cache.parent


@pytest.fixture(scope="session")
def no_settings() -> Iterator[None]:
    """Nothing in the environment that names servers of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("HANSARD_") and name not in KEPT:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the system keeps what it keeps."""
    return tmp_path_factory.mktemp("system") / "data"


@pytest.fixture(scope="session")
def system(model: str, no_settings: None, data: Path) -> Iterator[System]:
    """What `hansard up` runs; it also takes recordings from this machine, and calls webhooks on it."""
    from embedded.demo import FOR_LOOPBACK
    from embedded.system import running

    with running(data, model=model, variables=FOR_LOOPBACK) as started:
        yield started


@pytest.fixture(scope="session")
def service(system: System) -> Iterator[Service]:
    """The system's stores."""
    from api.bootstrap import connect

    wired = connect(system.settings)
    yield wired
    wired.database.close()


@pytest.fixture(scope="session")
def new_customer(system: System, service: Service) -> Iterator[Callable[..., Customer]]:
    """Makes a tenant with a key; its limits may be given."""
    from api.keys import Scope, create_key
    from api.tenants import TenantChanges, create_tenant

    with ExitStack() as closing:

        def make(**limits: Any) -> Customer:
            tenant = create_tenant(service.database, f"tenant-{uuid4().hex[:8]}", TenantChanges(**limits))
            with service.database.system() as connection:
                key = create_key(connection, tenant["id"], "test", tuple(Scope)).text
            return closing.enter_context(Customer.of(tenant["id"], system.address, key))

        yield make


@pytest.fixture
def customer(new_customer: Callable[..., Customer]) -> Customer:
    """A tenant of its own for a test."""
    return new_customer()


@pytest.fixture(scope="session")
def conversation(weights: Callable[[str], Path]) -> Path:
    """Thirty seconds of two people on the telephone."""
    return weights("sample-conversation")


@pytest.fixture(scope="session")
def short(conversation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few seconds of it: costs the models next to nothing."""
    return clip(conversation, tmp_path_factory.mktemp("short") / "short.wav", SHORT_SECONDS)


@pytest.fixture(scope="session")
def long(conversation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It over and over: long enough to be interrupted."""
    return repeated(conversation, tmp_path_factory.mktemp("long") / "long.wav", LONG_SECONDS)
