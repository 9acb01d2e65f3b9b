"""The description of the API is exact: whatever is sent, what comes back is what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from sqlalchemy import select

from api.http.app import create_app
from api.jobs.transition import NOW
from api.states import JobState
from api.tables import jobs
from tests.unit.api.http.applications import unconnected

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api.bootstrap import Service

CASES: Final = 40
"""Of each operation, right ones and wrong ones; there are 35."""
CHECKS: Final = [
    # Not `positive_data_acceptance`: no schema says that a URL must not be private, or that a model must be known.
    *(not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance),
    *(response_schema_conformance, negative_data_rejection, unsupported_method),
]
DESCRIPTION: Final = create_app(unconnected()).openapi()
OPERATIONS: Final = [(method, path) for path, methods in DESCRIPTION["paths"].items() for method in methods]
TAKING_VALUES: Final = [
    (method, path)
    for method, path in OPERATIONS
    if DESCRIPTION["paths"][path][method].keys() & {"parameters", "requestBody"}
]


@pytest.fixture
def description(app: FastAPI) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture
def key(tenant: UUID, key_for: Callable[..., str]) -> str:
    """An administrator's."""
    return key_for(tenant)


@pytest.fixture
def known(service: Service, tenant: UUID, queued: Callable[..., UUID]) -> Callable[[Any], None]:
    """Puts, in half of the cases, ids that are somebody's in the place of those that are nobody's."""

    def put(case: Any) -> None:
        # Nobody works here: who follows a job that waits follows it for ever.
        ended = {"state": JobState.CANCELLED, "finished_at": NOW} if case.path.endswith("/events") else {}
        for name, value in (case.path_parameters or {}).items():
            if name in {"recording_id", "job_id"} and isinstance(value, str) and value[-1:] in "02468ace":
                job = queued(tenant_id=tenant, **ended)
                with service.database.system() as connection:
                    found = connection.execute(select(jobs.c.recording_id).where(jobs.c.id == job)).scalar_one()
                case.path_parameters[name] = str(job if name == "job_id" else found)

    return put


def ask(operation: Any, mode: GenerationMode, key: str, prepare: Callable[[Any], None]) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
    def answers(case: Any) -> None:
        prepare(case)
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

    answers()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_requests_are_answered_as_described(
    description: Any, method: str, path: str, key: str, known: Callable[[Any], None]
) -> None:
    operation = description[path][method]
    ask(operation, GenerationMode.POSITIVE, key, known)
    if (method, path) in TAKING_VALUES:
        ask(operation, GenerationMode.NEGATIVE, key, lambda case: None)
