"""Bodies of the routes of webhook endpoints."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, RootModel

from api.events import EventType
from api.http.schemas import Shown
from api.options import Storable, Strict
from api.webhooks.deliveries import DeliveryState
from api.webhooks.endpoints import Endpoint
from api.webhooks.history import Delivery

Url = Annotated[str, Field(max_length=2048, description="An https address; redirects are not followed.")]
Subscribed = Literal[
    EventType.JOB_SUCCEEDED,
    EventType.JOB_FAILED,
    EventType.JOB_CANCELLED,
    EventType.JOB_DEAD,
    EventType.RECORDING_DELETED,
]
Events = Annotated[list[Subscribed], Field(max_length=10)]
Description = Annotated[Storable, Field(max_length=500, description="A note for people.")]


class NewEndpoint(Strict):
    """A place to post events to."""

    url: Url
    events: Events = Field([], description="Types of events it wants; empty for all.")
    description: Description = ""


class EndpointChanges(Strict):
    """What is to be otherwise; what is left out, or null, stays."""

    url: Url | None = None
    events: Events | None = Field(None, description="Types of events it wants; empty for all.")
    description: Description | None = None
    enabled: bool | None = None


class ReplayOne(Strict):
    """One event, once more."""

    event_id: UUID = Field(description="The `webhook-id`, or the id of a delivery.")


class ReplayRange(Strict):
    """All events of a stretch of time that are meant for the endpoint, whether it had them or not."""

    after: AwareDatetime = Field(description="The first moment.")
    before: AwareDatetime = Field(description="The first moment that is not meant any more.")


class Replay(RootModel[ReplayOne | ReplayRange]):
    """What is to be delivered once more."""


class EndpointShown(Shown):
    """A webhook endpoint."""

    id: UUID
    url: str
    description: str
    events: list[EventType]
    enabled: bool
    disabled_reason: str | None
    previous_secret_until: AwareDatetime | None = Field(
        description="Until then, the secret before the last rotation signs as well."
    )
    created_at: AwareDatetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """As it is shown."""
        return cls.model_validate(endpoint, from_attributes=True)


class EndpointWithSecret(EndpointShown):
    """A webhook endpoint with its secret, which is shown this once."""

    secret: str = Field(description="`whsec_` and base64, as libraries for Standard Webhooks take it.")


class EndpointList(Shown):
    """All endpoints."""

    items: list[EndpointShown]


class AttemptShown(Shown):
    """One post."""

    number: int
    at: AwareDatetime
    status: int | None = Field(description="What the endpoint answered; null where nothing came.")
    error: str | None = Field(description="What stopped it, in a word; null where an answer came.")
    seconds: float


class DeliveryShown(Shown):
    """One event on its way to the endpoint."""

    id: UUID
    event_id: UUID = Field(description="The `webhook-id`.")
    type: EventType
    replay: int = Field(description="0 for the first delivery of an event, then counted.")
    state: DeliveryState
    next_attempt_at: AwareDatetime | None = Field(description="Null once it has ended.")
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    attempts: list[AttemptShown]

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """As it is shown."""
        return cls.model_validate(delivery, from_attributes=True)


class DeliveryPage(Shown):
    """Some deliveries, the newest first."""

    items: list[DeliveryShown]
    next_cursor: str | None = Field(description="Gives the next page; null on the last.")


class SentTest(Shown):
    """A test is on its way."""

    event_id: UUID = Field(description="Its `webhook-id`.")


class Replayed(Shown):
    """Replays are on their way."""

    deliveries: int


BODIES: Final[tuple[type[BaseModel], ...]] = (NewEndpoint, EndpointChanges, Replay)
