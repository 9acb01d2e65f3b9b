from __future__ import annotations

import httpx
import pytest

from api.client import ApiError, Client, RequestRefused, Unreachable
from pipeline.errors import HansardError, InvalidOption
from tests.unit.api.client.service import JOB_ID, KEY, URL, Clock, Service, problem


def error_of(answer: httpx.Response | Exception) -> HansardError:
    with Service(answer).client() as client, pytest.raises(HansardError) as raised:
        client.job(JOB_ID)
    return raised.value


def test_a_problem_is_read_in_full() -> None:
    error = error_of(problem("rate-limited", 429, "slow down", retry_after="90"))
    assert isinstance(error, ApiError)
    assert (error.slug, error.status, error.detail) == ("rate-limited", 429, "slow down")
    assert (error.request_id, error.retry_after) == ("r-1", 90.0)
    assert str(error) == "slow down"


def test_the_fault_of_the_service_is_told_with_the_request_that_it_can_be_found_by() -> None:
    assert str(error_of(problem("internal-error", 500, "try again"))) == "try again (request r-1)"


def test_a_value_that_was_refused_is_a_wrong_option_too() -> None:
    error = error_of(problem("validation-error", 422))
    assert isinstance(error, RequestRefused)
    assert isinstance(error, InvalidOption)


@pytest.mark.parametrize("body", ["<html>Bad Gateway</html>", '"text"', '{"type": 7}', "{", ""])
def test_an_error_that_is_not_hansards_is_one_all_the_same(body: str) -> None:
    error = error_of(httpx.Response(404, text=body))
    assert isinstance(error, ApiError)
    assert (error.slug, error.status) == ("http-404", 404)
    assert "404 Not Found" in str(error)


def test_a_redirect_is_not_followed_with_the_key() -> None:
    error = error_of(httpx.Response(307, headers={"location": "http://elsewhere.test/"}))
    assert isinstance(error, ApiError)
    assert error.slug == "http-307"


def test_a_page_in_place_of_the_api_is_told_as_such() -> None:
    error = error_of(httpx.Response(200, text="<html>Welcome</html>"))
    assert isinstance(error, Unreachable)
    assert "is it the address of the API?" in str(error)


def test_a_service_that_is_down_is_told_after_a_few_tries() -> None:
    clock, service = Clock(), Service(httpx.ConnectError("[Errno 111] Connection refused"))
    with service.client(clock) as client, pytest.raises(Unreachable, match=f"{URL}.*Connection refused") as raised:
        client.job(JOB_ID)
    assert raised.value.slug == "api-unreachable"
    assert clock.slept == [0.25, 0.5, 1.0]


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://host", "http://", "http://me:secret@host", "http://[::1", "/x"]
)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidOption, match="no address"):
        Client(url, KEY)


@pytest.mark.parametrize("key", ["", " ", "hs_live_\u00e9", "one\ntwo"])
def test_what_is_no_key_is_refused_at_once_and_not_shown(key: str) -> None:
    with pytest.raises(InvalidOption, match="API key") as raised:
        Client(URL, key)
    assert key.strip() == "" or key not in str(raised.value)


def test_an_address_may_have_a_path_and_a_key_a_line_end() -> None:
    service = Service(httpx.Response(200, json={}))
    with Client("http://host.test/hansard/\n", KEY + "\n", transport=service) as client:
        client.job(JOB_ID)
    assert service.asked == [f"GET /hansard/v1/jobs/{JOB_ID}"]
    assert service.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_an_id_cannot_lead_elsewhere() -> None:
    service = Service(httpx.Response(200, json={}))
    with service.client() as client:
        client.job("../tenants?x=#")
    assert service.asked == ["GET /v1/jobs/..%2Ftenants%3Fx%3D%23"]
