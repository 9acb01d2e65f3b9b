"""What the decoder's process may say. It may have been taken over by the file it reads: nothing is taken on trust."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.errors import AudioError

LONGEST_LINE = 65_536
"""Bytes of one message; the longest honest one has a few kilobytes of notices."""
REFUSALS: dict[str, type[AudioError]] = {kind.slug: kind for kind in AudioError.__subclasses__()}
"""The errors that a recording can be refused with."""


class Unintelligible(Exception):
    """The process said something that it cannot have to say."""


Code = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=1_000)]
Name = Annotated[str, Field(max_length=200)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Ready(_Message):
    """The process is confined and begins to read."""

    event: Literal["ready"]


class Progress(_Message):
    """Seconds decoded, out of those expected."""

    event: Literal["progress"]
    done: Seconds
    total: Seconds


class FoundNotice(_Message):
    """As `pipeline.types.Notice`."""

    code: Code
    message: Sentence


class FoundMedia(_Message):
    """As `pipeline.audio.MediaInfo`."""

    uri: Name
    format: Name
    codec: Name
    sample_rate: Count
    channels: Count
    audio_streams: Count
    has_video: bool
    seconds: Seconds | None
    promised: bool
    bytes: Count


class Finished(_Message):
    """The FLAC file is complete."""

    event: Literal["decoded"]
    media: FoundMedia
    notices: Annotated[list[FoundNotice], Field(max_length=20)]


class Refused(_Message):
    """The recording cannot be used."""

    event: Literal["refused"]
    slug: Annotated[str, Field(pattern=r"^[a-z-]{1,40}$")]
    message: Sentence

    def error(self) -> AudioError:
        """Give the error that the process met.

        Raises:
            Unintelligible: there is no such error.
        """
        if self.slug not in REFUSALS:
            message = "no recording is refused with this slug"
            raise Unintelligible(message)
        return REFUSALS[self.slug](self.message)


class MachineFailed(_Message):
    """The disk or the process itself failed, which is not the recording's fault."""

    event: Literal["machine_failed"]
    message: Sentence


Ending = Finished | Refused | MachineFailed
Message = Ready | Progress | Ending
_READER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="event")])


def read_message(line: bytes) -> Message:
    """Read one line.

    Raises:
        Unintelligible: it is none of the messages.
    """
    try:
        return _READER.validate_json(line)
    except ValidationError as error:
        message = f"not a message: {error.error_count()} mistakes in {len(line)} bytes"
        raise Unintelligible(message) from None
