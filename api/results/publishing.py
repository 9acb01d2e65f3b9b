"""The rows of a result, written in the transaction that ends its job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update

from api.results.quality import quality
from api.storage.store import Stored
from api.tables import speakers, transcripts, turns
from pipeline.formats.native_document import document
from pipeline.types import Transcript


def publish(
    connection: Connection,
    tenant_id: UUID,
    recording_id: UUID,
    job_id: UUID,
    transcript: Transcript,
    files: Mapping[str, Stored],
) -> None:
    """Write transcript, speakers and turns; the result becomes the recording's current one.

    `files` maps the name of each stored file to where it is: all are there before the rows that point to them.
    """
    plain = document(transcript)
    owner = {"tenant_id": tenant_id, "recording_id": recording_id, "job_id": job_id}
    # Two jobs of one recording may end at once, and only the later result is current.
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"result of {recording_id}", 0))))
    connection.execute(update(transcripts).where(transcripts.c.recording_id == recording_id).values(current=False))
    connection.execute(
        insert(transcripts).values(
            **owner,
            language=plain["language"],
            language_confidence=plain["language_confidence"],
            duration=plain["duration"],
            channels=plain["channels"],
            words=len(plain["words"]),
            warnings=plain["warnings"],
            provenance=plain["provenance"],
            artefacts={name: _place(stored) for name, stored in files.items()},
            quality=quality(transcript),
            current=True,
        )
    )
    voices = [owner | _speaker(speaker) for speaker in plain["speakers"]]
    if voices:
        connection.execute(insert(speakers), voices)
    rows = [owner | _turn(number, turn, plain["words"]) for number, turn in enumerate(plain["utterances"])]
    if rows:
        connection.execute(insert(turns), rows)


def _place(stored: Stored) -> dict[str, Any]:
    return {
        "key": stored.key,
        "content_type": stored.content_type,
        "bytes": stored.size,
        "sha256": stored.sha256.hex(),
    }


def _speaker(speaker: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "label": speaker["label"],
        "channel": speaker["channel"],
        "seconds": speaker["speech_seconds"],
        "embedding": speaker["embedding"],
    }


def _turn(number: int, utterance: Mapping[str, Any], words: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "number": number,
        "speaker": utterance["speaker"],
        "channel": utterance["channel"],
        "start_seconds": utterance["start"],
        "end_seconds": utterance["end"],
        "text": utterance["text"],
        "confidence": utterance["confidence"],
        "overlap": utterance["overlap"],
        "words": [words[position] for position in utterance["words"]],
    }
