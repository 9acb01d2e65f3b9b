"""Requests to a running API: how many submissions a second it takes, and what an upload costs it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import httpx

PIECE = bytes(1 << 20)
RESIDENT_PAGE = 4096


def submit_by_address(address: str, key: str, *, seconds: float, clients: int) -> list[float]:
    """Seconds of each JSON submission that `clients` at once make for a while; each must be accepted."""
    taken: list[float] = []
    until = time.monotonic() + seconds

    def run() -> None:
        # The plainest client there is: it runs on the cores of what it measures.
        connection = HTTPConnection(address.removeprefix("http://"), timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        body = json.dumps({"url": "https://recordings.example.com/call.wav", "priority": "backfill"})
        with closing(connection):
            while time.monotonic() < until:
                began = time.perf_counter()
                connection.request("POST", "/v1/recordings", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status != HTTPStatus.ACCEPTED:
                    message = f"a submission was answered with {answer.status}"
                    raise RuntimeError(message)
                taken.append(time.perf_counter() - began)

    with ThreadPoolExecutor(clients) as pool:
        for running in [pool.submit(run) for _ in range(clients)]:
            running.result()
    return sorted(taken)


def upload(address: str, key: str, process: int, megabytes: int) -> tuple[float, float]:
    """Send a large file; seconds, and megabytes by which the API's memory grew at most."""
    before, peak, over = resident(process), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], resident(process))

    def body() -> Iterator[bytes]:
        head = '--b\r\nContent-Disposition: form-data; name="file"; filename="large.wav"\r\n\r\n'
        yield head.encode()
        for _ in range(megabytes):
            yield PIECE
        yield b"\r\n--b--\r\n"

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "multipart/form-data; boundary=b"}
    try:
        httpx.post(
            f"{address}/v1/recordings", content=body(), headers=headers, timeout=600, trust_env=False
        ).raise_for_status()
    finally:
        over.set()
        watcher.join()
    return time.perf_counter() - began, peak[0] - before


def resident(process: int) -> float:
    """Megabytes that a process holds in memory."""
    return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * RESIDENT_PAGE / 1e6
