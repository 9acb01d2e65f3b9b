"""One error tree. The class docstring is the default message; whether to retry is the type.

`PermanentError`: the same input fails again. `TransientError`: the same input may succeed later.
`slug` is stable and meant for programs (it is the tail of the problem type on the HTTP edge).
"""

from __future__ import annotations

from typing import ClassVar


class HansardError(Exception):
    """Something went wrong."""

    slug: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class PermanentError(HansardError):
    """The same input will fail again."""


class TransientError(HansardError):
    """The same input may succeed later."""


class OutOfMemory(TransientError):
    """There is not enough memory, on the GPU or beside it; use a smaller model, or fewer jobs at once."""

    slug = "out-of-memory"


class DeviceLost(TransientError):
    """The GPU has failed, and this process cannot use it any more; another process may."""

    slug = "device-lost"


class InvalidOption(PermanentError):
    """An option has a value that cannot be used."""

    slug = "validation-error"


class MissingDependency(PermanentError):
    """A package that this feature needs is not installed."""

    slug = "missing-dependency"


class MalformedFile(PermanentError):
    """The file is not in the format it should be in."""

    slug = "malformed-file"


class AudioError(PermanentError):
    """The recording cannot be used."""


class SourceNotFound(AudioError):
    """The recording does not exist or cannot be read."""

    slug = "source-not-found"


class EmptyFile(AudioError):
    """The file has no bytes."""

    slug = "empty-file"


class UnsupportedFormat(AudioError):
    """The file is not in an audio or video format that can be decoded."""

    slug = "unsupported-format"


class NoAudioStream(AudioError):
    """The file holds no audio stream."""

    slug = "no-audio-stream"


class CorruptMedia(AudioError):
    """The audio is damaged and cannot be decoded."""

    slug = "corrupt-media"


class EncryptedMedia(AudioError):
    """The audio is encrypted."""

    slug = "encrypted-media"


class AudioTooShort(AudioError):
    """The recording is too short."""

    slug = "audio-too-short"


class NoSpeech(AudioError):
    """The recording holds no speech."""

    slug = "no-speech"


class InvalidWaveform(AudioError):
    """The samples are not audio."""

    slug = "invalid-waveform"


class AudioTooLong(AudioError):
    """The recording is longer than the limit."""

    slug = "audio-too-long"


class TooManyChannels(AudioError):
    """The recording has more channels than the limit."""

    slug = "too-many-channels"


class SourceTooLarge(AudioError):
    """The file has more bytes than the limit."""

    slug = "source-too-large"


class SpeakerCountUnreachable(PermanentError):
    """The recording does not hold as many distinguishable voices as were asked for."""

    slug = "speaker-count-unreachable"


class ModelError(HansardError):
    """A model cannot be used."""


class UnknownModel(ModelError, PermanentError):
    """No model of that name is in the catalog."""

    slug = "unknown-model"


class ModelUnavailable(ModelError, TransientError):
    """The weights could not be had from any of their sources."""

    slug = "model-unavailable"


class ModelCorrupt(ModelError, PermanentError):
    """The weights do not have the digest the catalog promises."""

    slug = "model-corrupt"
