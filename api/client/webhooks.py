"""Webhook endpoints: who is told of what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from api.client.connection import Call, Connection, Json, given, moment, segment

PATH = "v1/webhook-endpoints"


class WebhookEndpoints:
    """The tenant's endpoints. Secrets are in the answers of `create` and `rotate` and in no others."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, url: str, events: Sequence[str] = (), description: str = "") -> Json:
        """Make an endpoint that is told of these types of events, or of all."""
        return self._post(PATH, {"url": url, "events": list(events), "description": description})

    def list(self) -> Sequence[Json]:
        """All endpoints, the newest first."""
        found: Sequence[Json] = self._connection.json(Call(method="GET", path=PATH))["items"]
        return found

    def get(self, endpoint_id: UUID | str) -> Json:
        """One endpoint."""
        return self._connection.json(Call(method="GET", path=_of(endpoint_id)))

    def change(
        self,
        endpoint_id: UUID | str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Json:
        """Change what is given. To disable an endpoint drops what is on its way to it."""
        wanted = given(
            url=url, events=None if events is None else list(events), description=description, enabled=enabled
        )
        return self._connection.json(Call(method="PATCH", path=_of(endpoint_id), body=wanted))

    def delete(self, endpoint_id: UUID | str) -> None:
        """Take an endpoint away."""
        self._connection.send(Call(method="DELETE", path=_of(endpoint_id)))

    def rotate(self, endpoint_id: UUID | str) -> Json:
        """Give an endpoint a new secret; for 24 hours both sign."""
        return self._post(_of(endpoint_id, "rotate-secret"), None)

    def test(self, endpoint_id: UUID | str) -> Json:
        """Send an event of the type `webhook.test`; gives its `event_id`."""
        return self._post(_of(endpoint_id, "test"), None)

    def deliveries(self, endpoint_id: UUID | str) -> Iterator[Json]:
        """What was sent and what was answered, the newest first; pages are fetched as they are needed."""
        return self._connection.pages(_of(endpoint_id, "deliveries"))

    def replay(self, endpoint_id: UUID | str, event_id: UUID | str) -> int:
        """Deliver an event once more; gives the number of deliveries."""
        return self._replay(endpoint_id, {"event_id": str(event_id)})

    def replay_range(self, endpoint_id: UUID | str, *, after: datetime, before: datetime) -> int:
        """Deliver all events from `after` until before `before` once more; gives the number of deliveries."""
        return self._replay(endpoint_id, given(after=moment(after), before=moment(before)))

    def _replay(self, endpoint_id: UUID | str, wanted: Json) -> int:
        return int(self._post(_of(endpoint_id, "replay"), wanted)["deliveries"])

    def _post(self, path: str, body: Json | None) -> Json:
        return self._connection.json(Call(method="POST", path=path, body=body))


def _of(endpoint_id: UUID | str, *more: str) -> str:
    return "/".join((PATH, segment(endpoint_id), *more))
