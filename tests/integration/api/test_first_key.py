"""How a new installation, or one whose keys have all ended, gets a key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest
from sqlalchemy import func, insert, select, update

from api import keys
from api.bootstrap import Service
from api.first_key import TENANT, first_key
from api.keys import KeyRing, Scope
from api.tables import api_keys, tenants
from tests.integration.conftest import add_tenant


def names_of_tenants(service: Service) -> list[str]:
    with service.database.system() as connection:
        return list(connection.execute(select(tenants.c.name)).scalars())


def number_of_keys(service: Service) -> int:
    with service.database.system() as connection:
        return connection.execute(select(func.count()).select_from(api_keys)).scalar_one()


def test_a_new_installation_gets_one_key_for_everything(service: Service) -> None:
    made = first_key(service.database)
    assert made is not None
    assert KeyRing(service.database).look_up(made).scopes == set(Scope)
    assert names_of_tenants(service) == [TENANT]
    assert first_key(service.database) is None
    assert number_of_keys(service) == 1


def test_a_key_of_anybody_is_enough(service: Service) -> None:
    owner = add_tenant(service, name="acme")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with service.database.system() as connection:
        keys.create_key(connection, owner, "k", [Scope.READ], expires_at=tomorrow)
    assert first_key(service.database) is None
    assert names_of_tenants(service) == ["acme"]


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_keys_that_have_ended_keep_nobody_out(service: Service, column: str) -> None:
    assert first_key(service.database) is not None
    with service.database.system() as connection:
        connection.execute(update(api_keys).values({column: func.clock_timestamp()}))
    again = first_key(service.database)
    assert again is not None
    assert KeyRing(service.database).look_up(again).scopes == set(Scope)
    assert names_of_tenants(service) == [TENANT]


def test_a_failure_on_the_way_leaves_nothing_in_the_way(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("api.first_key.create_key", fail)
        with pytest.raises(ZeroDivisionError):
            first_key(service.database)
    assert names_of_tenants(service) == []
    assert first_key(service.database) is not None


def test_a_tenant_of_that_name_is_taken_for_it(service: Service) -> None:
    with service.database.system() as connection:
        connection.execute(insert(tenants).values(name=TENANT))
    assert first_key(service.database) is not None
    assert names_of_tenants(service) == [TENANT]


def test_of_several_who_ask_at_once_one_gets_it(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [key for key in pool.map(lambda _: first_key(service.database), range(8)) if key is not None]
    assert len(made) == number_of_keys(service) == 1
