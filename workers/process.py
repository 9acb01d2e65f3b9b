"""The second pool's work: from 16 kHz audio to a published result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final, cast

import structlog
from sqlalchemy import Connection, RowMapping, delete, select

from api.errors import ObjectNotFound
from api.jobs import lease
from api.jobs.lease import Claim, Outcome
from api.results.publishing import publish
from api.results.quality import quality
from api.states import Pool, Priority
from api.storage.keys import result_key
from api.storage.store import Stored
from api.tables import recordings, stage_outputs
from pipeline.errors import TransientError
from pipeline.memory_budget import MemoryBudget, job_bytes
from pipeline.types import Notice, Transcript
from pipeline.waveform import Waveform
from workers.checkpoints import JobCheckpoints
from workers.context import Context
from workers.execution import settle
from workers.ingest import AUDIO_STAGE
from workers.keeper import Keeper
from workers.quality_metrics import observe_result
from workers.result_files import result_files
from workers.sandbox.stored_audio import read_flac
from workers.stages import StageSpans, stage
from workers.transcriber import Transcriber, threads_of_a_job
from workers.watched_file import WatchedFile

log = structlog.get_logger()


class AudioMissing(TransientError):
    """The decoded audio is not where it was put, or other than it was; look into the object store, then requeue."""

    slug = "audio-missing"

    def __init__(self, key: str | None = None) -> None:
        super().__init__()
        self.key = key
        """Of the object that is gone or damaged; None where no row tells of one."""


MAX_LOSSES: Final = 3
"""Times that a job's audio may be gone; it is decoded anew, but a store that loses everything loses that, too."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """Transcribes and publishes."""

    transcriber: Transcriber
    memory: MemoryBudget
    """What jobs may take together; one that does not fit beside those at work waits."""

    def __call__(self, context: Context, held: Claim, keeper: Keeper) -> None:
        """Run a job's models, each stage kept as it ends, and end the job with its result."""
        try:
            recording, stored = _audio_of(context, held)
            wanted = job_bytes(recording["duration"], recording["channels"], threads_of_a_job(context.service.settings))
            with (
                self.transcriber.prepared(held.options, keeper.alive) as transcribe,
                self.memory.reserved(wanted, urgent=_urgent(held), alive=keeper.alive),
            ):
                with stage("read"):
                    audio = _read(context, recording, stored, keeper)
                keeper("decode", 1, 1)
                input_hash = _input_hash(stored["sha256"], transcribe.fingerprint)
                checkpoints = JobCheckpoints(context=context, held=held, keeper=keeper, input_hash=input_hash)
                with StageSpans(keeper) as hook:
                    transcript = transcribe(audio, hook, checkpoints, urgent=_urgent(held), alive=keeper.alive)
                context.reached("transcribed", held)
                _publish(context, held, keeper, transcript, checkpoints.loaded)
        except AudioMissing as missing:
            log.warning("audio.missing")
            settle(context, held, partial(_decode_again, held=held, missing=missing))


def _publish(
    context: Context, held: Claim, keeper: Keeper, transcript: Transcript, stages: Mapping[str, bytes]
) -> None:
    """From the transcript to the end of the job."""
    keeper("publish", 0, 1)
    with stage("publish"):
        files = _store(context, held, transcript, stages)
        context.reached("result stored", held)
        keeper("publish", 1, 1)
        settle(context, held, lambda connection: _finish(connection, held, transcript, files))
    context.reached("finished", held)
    _count(held, transcript)


def _urgent(held: Claim) -> bool:
    return held.priority is Priority.INTERACTIVE


def _audio_of(context: Context, held: Claim) -> tuple[RowMapping, RowMapping]:
    audio = select(stage_outputs).where(stage_outputs.c.job_id == held.job_id, stage_outputs.c.stage == AUDIO_STAGE)
    with context.service.database.system() as connection:
        recording = (
            connection.execute(select(recordings).where(recordings.c.id == held.recording_id)).mappings().one_or_none()
        )
        stored = connection.execute(audio).mappings().one_or_none()
    if recording is None or stored is None:
        raise AudioMissing
    return recording, stored


def _decode_again(connection: Connection, held: Claim, missing: AudioMissing) -> Outcome:
    """Forget the audio, for all jobs that share it, and let the first pool make it anew."""
    if lease.failures_of(connection, held, missing) + 1 >= MAX_LOSSES:
        return lease.fail(connection, held, missing)
    bad = (stage_outputs.c.recording_id == held.recording_id, stage_outputs.c.object_key == missing.key)
    connection.execute(delete(stage_outputs).where(*bad))
    return lease.send_back(connection, held, Pool.INGEST, missing)


def _read(context: Context, recording: RowMapping, stored: RowMapping, keeper: Keeper) -> Waveform:
    """Fetch the audio and decode it, with the notices of the first decoding in front."""
    notices = tuple(Notice(found["code"], found["message"]) for found in recording["media"]["notices"])
    with TemporaryDirectory(dir=context.scratch, prefix="process-") as folder:
        path = Path(folder) / "audio.flac"
        with path.open("w+b") as file:
            watched = cast("BinaryIO", WatchedFile(file, keeper.alive))
            try:
                context.service.objects.download(stored["object_key"], watched)
            except ObjectNotFound:
                raise AudioMissing(stored["object_key"]) from None
            file.seek(0)
            if hashlib.file_digest(file, "sha256").digest() != stored["sha256"]:
                raise AudioMissing(stored["object_key"])
        return read_flac(path, name=recording["name"], notices=notices)


def _input_hash(audio: bytes, fingerprint: Mapping[str, Any]) -> str:
    plain = json.dumps({"audio": audio.hex(), **fingerprint}, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def _store(
    context: Context, held: Claim, transcript: Transcript, stages: Mapping[str, bytes]
) -> dict[str, Stored]:  # fmt: skip
    """Put all files of the result where they will be found, before any row says so."""
    owner = (held.tenant_id, held.recording_id, held.job_id, held.fence)
    return {
        file.name: context.service.objects.put(result_key(*owner, file.name), file.content, file.content_type)
        for file in result_files(transcript, stages)
    }


def _finish(connection: Connection, held: Claim, transcript: Transcript, files: Mapping[str, Stored]) -> Outcome:
    """End the job first: where it is no longer ours, nothing else is written."""
    outcome = lease.succeed(connection, held)
    publish(connection, held.tenant_id, held.recording_id, held.job_id, transcript, files)
    return outcome


def _count(held: Claim, transcript: Transcript) -> None:
    models = [model.name for model in transcript.provenance.models if model.kind == "asr"]
    observe_result(
        str(held.tenant_id),
        models[0] if models else "none",
        transcript.duration,
        transcript.provenance.stage_seconds,
        quality(transcript),
    )
