"""The application on real servers, and clients with keys of two tenants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api import keys
from api.keys import Scope
from tests.integration.conftest import add_tenant

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api.bootstrap import Service


@pytest.fixture
def app(service: Service) -> FastAPI:
    from api.http.app import create_app

    return create_app(service)


@pytest.fixture
def key_for(service: Service) -> Callable[..., str]:
    """Makes a key; of all scopes unless some are given."""

    def make(owner: UUID, *scopes: Scope, **values: Any) -> str:
        with service.database.system() as connection:
            return keys.create_key(connection, owner, "test", scopes or list(Scope), **values).text

    return make


@pytest.fixture
def client(app: FastAPI, tenant: UUID, key_for: Callable[..., str]) -> Iterator[TestClient]:
    """A client of the tenant's, in front of a started application."""
    headers = {"Authorization": f"Bearer {key_for(tenant)}"}
    with TestClient(app, headers=headers, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def stranger(service: Service, client: TestClient, key_for: Callable[..., str]) -> TestClient:
    """A client of another tenant's, at the same application."""
    headers = {"Authorization": f"Bearer {key_for(add_tenant(service))}"}
    return TestClient(client.app, headers=headers, raise_server_exceptions=False)
