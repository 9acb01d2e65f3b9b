"""`make bench-service`: the service on this machine, measured where it is not the models that work."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.bootstrap import Service, connect
from api.client import Client, SubmitOptions
from api.states import Pool
from api.tenants import create_tenant
from benchmarks.facts import facts, section
from benchmarks.options import Results
from benchmarks.results import RESULTS, write_section
from benchmarks.service.backfill import beside_backfill
from benchmarks.service.idle_worker import BARE
from benchmarks.service.overhead import Overhead, medians, shown
from benchmarks.service.requests import submit_by_address, upload
from embedded.child import Child
from embedded.consumer import consumer
from embedded.demo import FOR_LOOPBACK
from embedded.system import System, founded, running
from pipeline.models import ModelStore

TITLE = "The service, where it is not the models that work"
MODEL = "whisper-tiny.en"


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Jobs of each kind.")] = 50,
    seconds: Annotated[float, typer.Option(help="How long submissions go on.")] = 15.0,
    clients: Annotated[int, typer.Option(help="At once.")] = 8,
    megabytes: Annotated[int, typer.Option(help="Size of the large upload.")] = 1000,
    results: Results = RESULTS,
) -> None:
    """Measure queue and bookkeeping, submission to webhook, submissions a second, a large upload, and a backfill."""
    found: list[str] = []

    def tell(*lines: str) -> None:
        found.extend(lines)
        print(*lines, sep="\n")

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with idle_workers(Path(folder) / "idle") as service:
            tell(*overhead(service, rounds))
        with running(Path(folder) / "whole", model=MODEL, variables=FOR_LOOPBACK) as system:
            key = str(system.new_key)
            tell(latency(system, key, max(3, rounds // 5)))
            tell(beside_backfill(system.address, key, sample(), Path(folder), max(5, rounds // 2)))
            tell(submissions(system, key, seconds, clients))
            tell(large_upload(system, key, megabytes))
    material = "jobs without audio; then a sample of 30 s, and 20 times that for the backfill"
    told = facts("bench-service", material, f"rounds: {rounds}, recognizer: {MODEL}")
    write_section(results, "bench-service", section(TITLE, told, [f"- {line}" for line in found]))


@contextmanager
def idle_workers(data: Path) -> Iterator[Service]:
    """Servers, and workers of both pools and of the bare task, whose jobs need no work."""
    with founded(data) as foundation:
        children = [
            Child(
                name=str(queue),
                command=(sys.executable, "-m", "benchmarks.service.idle_worker", str(queue)),
                log=data / "logs" / f"{queue}.log",
                environment=foundation.environment,
            )
            for queue in (*Pool, BARE)
        ]
        foundation.stores.supervisor.start(*children)
        service = connect(foundation.settings)
        create_tenant(service.database, "benchmark")
        yield service
        service.database.close()


def overhead(service: Service, rounds: int) -> list[str]:
    """A job without work, beside a bare Celery task."""
    race = Overhead(service)
    seconds = medians({"bare Celery task": race.bare, "job through both pools": race.job}, rounds)
    many = f"{race.many(10 * rounds):.0f} jobs a second through both pools, {10 * rounds} at once"
    return [*shown(seconds, "bare Celery task"), many]


def sample() -> Path:
    """Thirty seconds of two people on the telephone."""
    return ModelStore.from_environment().path("sample-conversation")


def latency(system: System, key: str, rounds: int) -> str:
    """Submission to webhook, and what of it the pipeline's own stages did not take."""
    beyond, whole = list[float](), list[float]()
    with consumer() as listening, Client(system.address, key) as client:
        listening.secret = client.webhooks.create(listening.address)["secret"]
        for number in range(rounds + 1):
            began = time.perf_counter()
            client.submit_file(sample(), SubmitOptions(name=f"sample {number}"))
            event = listening.events.get(timeout=120)
            taken = time.perf_counter() - began
            result = json.loads(client.transcript(event["data"]["recording_id"]))
            if number:
                whole.append(taken)
                beyond.append(taken - clock_seconds(result["provenance"]["stage_seconds"]))
    return (
        f"submission to webhook: {statistics.median(whole):.2f} s, {statistics.median(beyond):.2f} s of it not stages"
    )


def clock_seconds(stages: Mapping[str, float]) -> float:
    """Seconds that stages took by the clock, on a machine that is idle: voices are told apart beside the recognizer."""
    beside = min(stages.get(name, 0.0) for name in ("diarization", "asr"))
    return sum(stages.values()) - beside


def submissions(system: System, key: str, seconds: float, clients: int) -> str:
    """How many JSON submissions a second, while the workers are busy with them."""
    taken = submit_by_address(system.address, key, seconds=seconds, clients=clients)
    last = taken[int(0.99 * (len(taken) - 1))]
    return (
        f"submissions by address: {len(taken) / seconds:.0f} a second from {clients} clients, "
        f"median {1000 * statistics.median(taken):.1f} ms, p99 {1000 * last:.1f} ms"
    )


def large_upload(system: System, key: str, megabytes: int) -> str:
    """What a large upload costs the API."""
    seconds, grown = upload(system.address, key, system.stores.supervisor.pids()["api"], megabytes)
    return f"upload of {megabytes} MB: {seconds:.1f} s, the API's memory grew by {grown:.0f} MB"


if __name__ == "__main__":
    typer.run(main)
