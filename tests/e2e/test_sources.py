"""The ways in which a recording comes, beside an upload in one request."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from api.client import ApiError
from tests.e2e.customer import Customer, slug
from tests.e2e.places import bucket_client

if TYPE_CHECKING:
    from api.bootstrap import Service

pytestmark = pytest.mark.weights

BUCKET = "calls-of-a-tenant"


def check(customer: Customer, submitted: dict[str, Any], path: Path, kind: str) -> None:
    """The job succeeds with the words of a recording that is, byte for byte, the one in `path`."""
    job = customer.client.wait(submitted["job"]["id"])
    assert (job["state"], job["error"]) == ("succeeded", None)
    recording = customer.client.recording(submitted["recording"]["id"])["recording"]
    content = path.read_bytes()
    assert (recording["source"]["kind"], recording["bytes"]) == (kind, len(content))
    assert recording["sha256"] == hashlib.sha256(content).hexdigest()
    assert customer.client.transcript(recording["id"], "txt").strip()


def test_a_large_file_is_sent_to_the_object_store_with_a_signed_form(customer: Customer, short: Path) -> None:
    started = customer.http.post("/v1/uploads", json={"name": "by form"}).json()
    assert started["job"]["state"] == "awaiting_upload"
    complete = f"/v1/recordings/{started['recording']['id']}/complete"
    early = customer.http.post(complete)
    assert (early.status_code, slug(early)) == (422, "source-not-found")
    form = started["upload"]
    # To the store itself: no key of the service goes there.
    sent = httpx.post(form["url"], data=form["fields"], files={"file": short.read_bytes()}, trust_env=False)
    assert sent.is_success
    first, second = customer.http.post(complete), customer.http.post(complete)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["job"]["id"] == second.json()["job"]["id"] == started["job"]["id"]
    check(customer, started, short, "upload")


@contextmanager
def serving(content: bytes) -> Iterator[str]:
    """A web server with one file, behind a redirect; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", "/call.wav")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200 if self.path.startswith("/call.wav") else 404)
            self.send_header("Content-Type", "audio/wav")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="source", daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_recording_is_fetched_from_an_address(customer: Customer, short: Path) -> None:
    with serving(short.read_bytes()) as address:
        submitted = customer.client.submit_url(f"{address}/moved?signature=secret", {"metadata": {"from": "web"}})
        assert submitted["recording"]["source"]["url"] == f"{address}/moved"
        check(customer, submitted, short, "url")
        missing = customer.client.submit_url(f"{address}/nothing.wav")
        job = customer.client.wait(missing["job"]["id"])
    assert (job["state"], job["error"]["type"]) == ("failed", "source-not-found")


@pytest.fixture
def bucket(service: Service, short: Path) -> Iterator[str]:
    """A bucket with a recording in it."""
    client = bucket_client(service.settings)
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="2026/call 1.wav", Body=short.read_bytes())
    yield BUCKET
    client.delete_object(Bucket=BUCKET, Key="2026/call 1.wav")
    client.delete_bucket(Bucket=BUCKET)
    client.close()


def test_a_recording_is_taken_from_a_bucket_of_the_tenants_and_from_no_other(
    new_customer: Callable[..., Customer], service: Service, bucket: str, short: Path
) -> None:
    customer = new_customer(source_buckets=[bucket])
    check(customer, customer.client.submit_url(f"s3://{bucket}/2026/call 1.wav"), short, "s3")
    missing = customer.client.submit_url(f"s3://{bucket}/2026/call 2.wav")
    job = customer.client.wait(missing["job"]["id"])
    assert (job["state"], job["error"]["type"]) == ("failed", "source-not-found")
    for refused in (f"s3://{service.settings.s3_bucket}/any", "s3://others/call.wav"):
        with pytest.raises(ApiError) as caught:
            customer.client.submit_url(refused)
        assert caught.value.slug == "bucket-not-allowed"
