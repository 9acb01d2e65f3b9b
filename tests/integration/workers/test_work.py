"""Real recordings through both pools' work, into rows and objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, func, select, text

from api.db import READER_ROLE
from api.jobs.lease import Claim
from api.jobs.reaping import reap
from api.outbound.client import OutboundClient
from api.outbound.rules import url_rules
from api.settings import Settings
from api.states import Pool, Priority
from api.storage.foreign import ForeignBuckets
from api.storage.keys import source_key
from api.tables import jobs, outbox, recordings, speakers, stage_outputs, transcripts, turns
from api.webhooks.secrets import make_key
from pipeline.errors import HansardError
from pipeline.memory_budget import MemoryBudget, job_bytes
from pipeline.turnstile import nobody_asks
from workers.context import Context
from workers.execution import execute
from workers.ingest import AUDIO_STAGE, Ingest
from workers.process import MAX_LOSSES, Process
from workers.transcriber import PipelineTranscriber, Transcriber, threads_of_a_job

if TYPE_CHECKING:
    from api.bootstrap import Service
    from api.storage import ObjectStore

Queued = Callable[..., UUID]
RowOf = Callable[[UUID], RowMapping]
FILES = {
    "transcript.json",
    "transcript.rttm",
    "transcript.srt",
    "transcript.vtt",
    "turns.jsonl",
    "segmentation.npz",
    "embeddings.safetensors",
}


class Killed(BaseException):
    """Stands for the end of a worker: nothing catches it."""


class WatchedBudget(MemoryBudget):
    """Remembers who asked for what, and who holds it now."""

    def __init__(self) -> None:
        super().__init__(None)
        self.asked: list[tuple[int, bool]] = []
        self.held = 0

    @contextmanager
    def reserved(self, wanted: int, *, urgent: bool = False, alive: Callable[[], None] = nobody_asks) -> Iterator[None]:
        self.asked.append((wanted, urgent))
        with super().reserved(wanted, urgent=urgent, alive=alive):
            self.held += 1
            yield
            self.held -= 1


def processing(context: Context, transcriber: Transcriber, memory: MemoryBudget | None = None) -> Context:
    """The same, with something that can transcribe."""
    process = Process(transcriber=transcriber, memory=memory or MemoryBudget(None))
    return replace(context, work={**context.work, Pool.PROCESS: process})


@pytest.fixture
def context(service: Service, settings: Settings, tmp_path: Path) -> Context:
    ingest = Ingest(client=OutboundClient(url_rules(settings)), buckets=ForeignBuckets.connect(settings))
    return Context(service=service, work={Pool.INGEST: ingest}, scratch=tmp_path)


@pytest.fixture(scope="module")
def transcriber(weights: Callable[[str], Path]) -> PipelineTranscriber:
    for name in ("segmentation-3.0", "campplus", "whisper-tiny.en"):
        weights(name)
    empty = dict.fromkeys(("database_url", "redis_url"), "none://")
    given = {"secret_keys": make_key(), "asr_model": "whisper-tiny.en"}
    return PipelineTranscriber(Settings.model_validate(empty | given))


@pytest.fixture
def sample(weights: Callable[[str], Path]) -> Path:
    return weights("sample-conversation")


def uploaded(service: Service, queued: Queued, content: bytes, **values: object) -> UUID:
    job = queued(pool=Pool.INGEST, **values)
    with service.database.system() as connection:
        statement = select(recordings).join_from(recordings, jobs).where(jobs.c.id == job)
        recording = connection.execute(statement).mappings().one()
    service.objects.put(source_key(recording["tenant_id"], recording["id"]), content, "audio/wav")
    return job


@pytest.mark.weights
def test_a_recording_becomes_rows_and_objects(
    service: Service, context: Context, transcriber: PipelineTranscriber, queued: Queued, row_of: RowOf, sample: Path
) -> None:
    job = uploaded(service, queued, sample.read_bytes())
    context = processing(context, transcriber)
    assert execute(context, job, Pool.INGEST)
    assert (row_of(job)["state"], row_of(job)["pool"]) == ("queued", "process")
    assert 29 < row_of(job)["audio_seconds"] < 31
    assert execute(context, job, Pool.PROCESS)
    row = row_of(job)
    assert (row["state"], row["progress"], row["error_type"]) == ("succeeded", 1.0, None)
    with service.database.system() as connection:
        result = connection.execute(select(transcripts).where(transcripts.c.job_id == job)).mappings().one()
        said = connection.execute(select(turns).where(turns.c.job_id == job).order_by(turns.c.number)).mappings().all()
        voices = connection.execute(select(speakers).where(speakers.c.job_id == job)).mappings().all()
        told = connection.execute(select(outbox).where(outbox.c.job_id == job)).mappings().one()
    assert set(result["artefacts"]) == FILES
    stored = json.loads(service.objects.get(result["artefacts"]["transcript.json"]["key"]))
    assert [turn["text"] for turn in said] == [utterance["text"] for utterance in stored["utterances"]]
    assert {voice["label"] for voice in voices} == {"SPEAKER_00", "SPEAKER_01"}
    assert sum(len(turn["words"]) for turn in said) == result["words"] > 40
    assert told["type"] == "job.succeeded"
    assert not any(turn["text"] in json.dumps(told["data"]) for turn in said)


@pytest.mark.weights
def test_a_reader_finds_words_with_sql_alone(
    service: Service, context: Context, transcriber: PipelineTranscriber, queued: Queued, sample: Path
) -> None:
    job = uploaded(service, queued, sample.read_bytes())
    context = processing(context, transcriber)
    execute(context, job, Pool.INGEST)
    execute(context, job, Pool.PROCESS)
    with service.database.engine.begin() as connection:
        connection.execute(text(f"SET LOCAL ROLE {READER_ROLE}"))
        words = connection.execute(text("SELECT string_agg(text, ' ') FROM v1_turns")).scalar_one()
        some = max(words.split(), key=len).strip(".,?!").lower()
        found = connection.execute(
            text("SELECT count(*) FROM v1_turns WHERE search @@ plainto_tsquery('simple', :word)"), {"word": some}
        ).scalar_one()
        recordings_seen = connection.execute(text("SELECT count(*) FROM v1_recordings")).scalar_one()
        voices = connection.execute(text("SELECT sum(seconds) FROM v1_speakers")).scalar_one()
    assert found >= 1
    assert recordings_seen == 1
    assert voices > 5


@pytest.mark.weights
@pytest.mark.parametrize("point", ["segmentation kept", "embedding stored", "recognition kept", "result stored"])
def test_a_killed_worker_is_taken_over_where_it_was(
    service: Service,
    context: Context,
    transcriber: PipelineTranscriber,
    queued: Queued,
    row_of: RowOf,
    lease_runs_out: Callable[[UUID], None],
    sample: Path,
    point: str,
) -> None:
    """What the first worker had kept is not computed again, and the result is as if nothing had happened."""

    def kill(reached: str, held: Claim) -> None:
        if reached == point:
            raise Killed

    job = uploaded(service, queued, sample.read_bytes())
    context = processing(context, transcriber)
    execute(context, job, Pool.INGEST)
    with pytest.raises(Killed):
        execute(replace(context, reached=kill), job, Pool.PROCESS)
    assert row_of(job)["state"] == "running"
    with service.database.system() as connection:
        kept = set(connection.execute(select(stage_outputs.c.stage).where(stage_outputs.c.job_id == job)).scalars())
    lease_runs_out(job)
    with service.database.system() as connection:
        assert reap(connection) == [job]
    computed: list[str] = []
    assert execute(replace(context, reached=lambda reached, held: computed.append(reached)), job, Pool.PROCESS)
    assert row_of(job)["state"] == "succeeded"
    assert not {f"{stage} computed" for stage in kept} & set(computed)
    with service.database.system() as connection:
        results = connection.execute(select(func.count()).select_from(transcripts)).scalar_one()
    assert results == 1


@pytest.mark.weights
@pytest.mark.parametrize("priority", list(Priority))
def test_interactive_jobs_are_urgent_to_the_models(
    service: Service,
    context: Context,
    transcriber: PipelineTranscriber,
    queued: Queued,
    sample: Path,
    monkeypatch: pytest.MonkeyPatch,
    priority: Priority,
) -> None:
    asked: list[bool] = []
    memory, threads = WatchedBudget(), threads_of_a_job(service.settings)

    def transcribe(*arguments: Any, urgent: bool, alive: Callable[[], None]) -> None:
        assert memory.held == 1
        asked.append(urgent)
        alive()
        raise HansardError

    job = uploaded(service, queued, sample.read_bytes(), priority=priority)
    monkeypatch.setattr("workers.transcriber._Job.__call__", transcribe)
    context = processing(context, transcriber, memory)
    execute(context, job, Pool.INGEST)
    assert execute(context, job, Pool.PROCESS)
    assert asked == [priority is Priority.INTERACTIVE]
    assert memory.asked == [(job_bytes(30.0, 1, threads), priority is Priority.INTERACTIVE)]


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"", "empty-file"),
        (b"this is not a recording, whatever its name", "unsupported-format"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n", "unsupported-format"),
    ],
)
def test_a_recording_that_cannot_be_used_fails_with_its_error(
    service: Service, context: Context, queued: Queued, row_of: RowOf, content: bytes, slug: str
) -> None:
    job = uploaded(service, queued, content)
    assert execute(context, job, Pool.INGEST)
    assert (row_of(job)["state"], row_of(job)["error_type"]) == ("failed", slug)


def test_an_upload_that_is_missing_fails(context: Context, queued: Queued, row_of: RowOf) -> None:
    job = queued(pool=Pool.INGEST)
    assert execute(context, job, Pool.INGEST)
    assert row_of(job)["error_type"] == "source-not-found"


@pytest.mark.weights
def test_a_recording_is_decoded_once_for_all_its_jobs(
    service: Service, context: Context, queued: Queued, row_of: RowOf, sample: Path
) -> None:
    first = uploaded(service, queued, sample.read_bytes())
    execute(context, first, Pool.INGEST)
    again = queued(pool=Pool.INGEST, recording_id=row_of(first)["recording_id"])

    def decode(*_: object, **__: object) -> Any:
        raise HansardError

    ingest = context.work[Pool.INGEST]
    assert isinstance(ingest, Ingest)
    context = replace(context, work={Pool.INGEST: replace(ingest, decode=decode)})
    assert execute(context, again, Pool.INGEST)
    assert (row_of(again)["state"], row_of(again)["pool"]) == ("queued", "process")


@pytest.mark.weights
@pytest.mark.parametrize("damage", ["gone", "other bytes"])
def test_audio_that_the_store_has_lost_is_decoded_anew(
    service: Service,
    context: Context,
    transcriber: PipelineTranscriber,
    queued: Queued,
    row_of: RowOf,
    sample: Path,
    damage: str,
) -> None:
    job = uploaded(service, queued, sample.read_bytes())
    context = processing(context, transcriber)
    execute(context, job, Pool.INGEST)
    key = audio_of(service, job)
    service.objects.delete_all(key)
    if damage == "other bytes":
        service.objects.put(key, b"fLaC", "audio/flac")
    assert execute(context, job, Pool.PROCESS)
    assert (row_of(job)["state"], row_of(job)["pool"]) == ("queued", "ingest")
    assert execute(context, job, Pool.INGEST)
    assert execute(context, job, Pool.PROCESS)
    assert row_of(job)["state"] == "succeeded"


@pytest.mark.weights
def test_a_store_that_loses_all_audio_is_given_up(
    service: Service, context: Context, queued: Queued, row_of: RowOf, sample: Path
) -> None:
    job = uploaded(service, queued, sample.read_bytes())
    context = processing(context, cast("Transcriber", SimpleNamespace(prepared=lambda *_: nullcontext())))
    for _ in range(MAX_LOSSES):
        assert row_of(job)["state"] == "queued"
        assert execute(context, job, Pool.INGEST)
        service.objects.delete_all(audio_of(service, job))
        assert execute(context, job, Pool.PROCESS)
    assert (row_of(job)["state"], row_of(job)["error_type"]) == ("failed", "audio-missing")


def test_a_long_fetch_shows_that_it_lives_and_can_be_stopped(
    service: Service, context: Context, queued: Queued, row_of: RowOf
) -> None:
    """Between two pieces the worker is told to stop, and lets go of the job without a charge."""
    job = uploaded(service, queued, bytes(4 << 20))
    pieces: list[int] = []

    class Slow:
        """The store, which gives a piece a second."""

        def download(self, key: str, into: BinaryIO) -> int:
            for piece in range(100):
                pieces.append(into.write(bytes(1 << 20)))
                if piece == 2:
                    context.stopping.set()
            return sum(pieces)

    slow = replace(context, service=replace(service, objects=cast("ObjectStore", Slow())))
    assert execute(slow, job, Pool.INGEST)
    assert len(pieces) == 3
    assert (row_of(job)["state"], row_of(job)["attempt"]) == ("queued", 0)


def audio_of(service: Service, job: UUID) -> str:
    """Key of the decoded audio."""
    with service.database.system() as connection:
        statement = select(stage_outputs.c.object_key).where(stage_outputs.c.job_id == job)
        found: str = connection.execute(statement.where(stage_outputs.c.stage == AUDIO_STAGE)).scalar_one()
    return found
