"""What a webhook says. Thin: ids, states and where the result is; what was said is fetched with a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from api.events import EventType

DETAIL_CHARACTERS: Final = 1000
"""Of an error's message, at most. A control character takes 6 bytes in JSON: 6 kB of the 20 kB that a body may have."""
ID_CHARACTERS: Final = 100
_IDS: Final = ("job_id", "recording_id", "endpoint_id", "state")


def body_of(kind: str, happened_at: datetime, data: Mapping[str, Any]) -> bytes:
    """The body of an event's webhook, as compact JSON in UTF-8; always the same bytes for the same event.

    Only named fields are taken out of `data`: whatever else may lie in the outbox is not sent.
    """
    told: dict[str, Any] = {key: str(data[key])[:ID_CHARACTERS] for key in _IDS if key in data}
    if "job_id" in told:
        told["error"] = _error(data.get("error"))
        succeeded = kind == EventType.JOB_SUCCEEDED
        told["result"] = f"/v1/recordings/{told['recording_id']}/transcript" if succeeded else None
    event = {"type": kind, "timestamp": _iso(happened_at), "data": told}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _error(error: Mapping[str, Any] | None) -> dict[str, str] | None:
    if not error:
        return None
    return {"type": str(error["type"])[:ID_CHARACTERS], "detail": str(error["detail"])[:DETAIL_CHARACTERS]}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
