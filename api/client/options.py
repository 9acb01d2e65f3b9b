"""What can be said about a recording that is submitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict


class SubmitOptions(TypedDict, total=False):
    """The fields of a submission, as the API's description explains them; what is left out, the service decides."""

    name: str
    metadata: Mapping[str, str]
    priority: Literal["interactive", "backfill"]
    model: str
    language: str
    task: Literal["transcribe", "translate"]
    num_speakers: int
    min_speakers: int
    max_speakers: int
    strict: bool
    channels: Literal["auto", "mix", "separate"]
    prompt: str
    vocabulary: Sequence[str]
    callback_endpoints: Sequence[str]
