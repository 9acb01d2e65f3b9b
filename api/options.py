"""The options of a job: what clients may choose, checked once when they come in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from api.languages import LANGUAGES
from api.states import Priority
from pipeline.models.catalog import Catalog
from pipeline.options import AsrOptions, PipelineOptions, SpeakerCount

MOST_SPEAKERS: Final = 100
LONGEST_PROMPT: Final = 1000
"""Characters; Whisper keeps about 220 tokens of it."""
LONGEST_NAME: Final = 255
ENGLISH_ONLY: Final = ".en"
"""How the names of models end that know no other language."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def _refused(detail: str, field: str = "") -> PydanticCustomError:
    """An error about a field of the object, or about the value itself."""
    return PydanticCustomError("refused", "{detail}", {"detail": detail, "field": field})


def _known_language(code: str) -> str:
    if code not in LANGUAGES:
        message = "this is no language that is known; give its ISO 639 code: en, de, yue, …"
        raise _refused(message)
    return code


def display_name(text: str) -> str:
    """What people call a recording, as text that can be shown; it is never a path or an argument."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:LONGEST_NAME] or "recording"


Storable = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text that Postgres can store: it knows no NUL."""
Language = Annotated[
    str, AfterValidator(_known_language), WithJsonSchema({"type": "string", "enum": sorted(LANGUAGES)})
]
MetadataKey = Annotated[Storable, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[Storable, Field(max_length=512)]
Hint = Annotated[Storable, Field(min_length=1, max_length=64)]


class Strict(BaseModel):
    """A body: unknown fields and values of another type are refused, and so is NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class JobOptions(Strict):
    """What shapes a transcript, and who is told of it."""

    model: Annotated[Storable, Field(max_length=200)] | None = Field(
        None, description="Name of a recognizer; by default the installation's."
    )
    language: Language | None = Field(None, description="ISO 639 code; by default it is detected.")
    task: Literal["transcribe", "translate"] = Field(
        "transcribe", description="`translate` gives English, whatever is spoken."
    )
    num_speakers: Annotated[int, Field(ge=1, le=MOST_SPEAKERS)] | None = Field(
        None, description="Exactly so many; not together with bounds."
    )
    min_speakers: Annotated[int, Field(ge=1, le=MOST_SPEAKERS)] | None = None
    max_speakers: Annotated[int, Field(ge=1, le=MOST_SPEAKERS)] | None = None
    strict: bool = Field(
        default=False,
        description="Fail where the number of speakers cannot be honoured, instead of a warning in the result.",
    )
    channels: Literal["auto", "mix", "separate"] = Field(
        "auto", description="`separate`: one party on each channel. `auto` finds out."
    )
    prompt: Annotated[Storable, Field(max_length=LONGEST_PROMPT)] | None = Field(
        None, description="Text that precedes the recording, to set style and spelling."
    )
    vocabulary: Annotated[list[Hint], Field(max_length=100)] = Field(
        [], description="Words and names that are likely to be said."
    )
    callback_endpoints: Annotated[list[UUID], Field(max_length=10)] = Field(
        [], description="Webhook endpoints that are told of this job; by default all that want such events."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        lower, upper = self.min_speakers, self.max_speakers
        if self.num_speakers is not None and (lower is not None or upper is not None):
            message = "give either the exact number of speakers or bounds, not both"
            raise _refused(message, "num_speakers")
        if lower is not None and upper is not None and lower > upper:
            message = f"min_speakers ({lower}) is larger than max_speakers ({upper})"
            raise _refused(message, "min_speakers")
        if self.model is not None and self.model.endswith(ENGLISH_ONLY):
            if self.language not in {None, "en"}:
                message = f"{self.model} knows English only"
                raise _refused(message, "language")
            if self.task == "translate":
                message = f"{self.model} knows English only and cannot translate"
                raise _refused(message, "task")
        return self


class SubmissionOptions(JobOptions):
    """What goes with a recording."""

    name: Annotated[str, Field(max_length=4096)] | None = Field(
        None, description="What people call it; by default the name of the file."
    )
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50)] = Field(
        {}, description="Text by key, given back and to be searched by."
    )
    priority: Priority = Field(Priority.INTERACTIVE, description="`backfill` waits for whatever is `interactive`.")

    def job_options(self) -> dict[str, Any]:
        """What is stored with the job: what differs from the defaults, as plain values."""
        return self.model_dump(mode="json", include=set(JobOptions.model_fields), exclude_defaults=True)


def pipeline_options(options: Mapping[str, Any]) -> PipelineOptions:
    """The options of a job as the pipeline takes them; the model and limits are the worker's to choose.

    Raises:
        InvalidOption: they are not what was stored with a job.
    """
    return PipelineOptions(
        channels=options.get("channels", "auto"),
        speakers=SpeakerCount(
            exactly=options.get("num_speakers"),
            at_least=options.get("min_speakers"),
            at_most=options.get("max_speakers"),
            strict=options.get("strict", False),
        ),
        asr=AsrOptions(
            language=options.get("language"),
            task=options.get("task", "transcribe"),
            initial_prompt=options.get("prompt"),
            hotwords=" ".join(options.get("vocabulary", ())) or None,
        ),
    )


@cache
def recognizers() -> frozenset[str]:
    """Names of the models that recognize speech."""
    return frozenset(model.name for model in Catalog.load().models.values() if model.kind == "asr")
