"""What can go wrong on the way to an address that a user has named.

A message never says what lies behind a refused address. `SourceNotFound` and `SourceTooLarge` are the library's own.
"""

from __future__ import annotations

from pipeline.errors import AudioError, PermanentError, TransientError


class UrlNotAllowed(PermanentError):
    """The URL is not one that this service connects to."""

    slug = "url-not-allowed"


class SourceForbidden(AudioError):
    """The server does not give the recording out: the URL lacks a permission, or that has expired."""

    slug = "source-forbidden"


class SourceNotAudio(AudioError):
    """The URL gives a page or a text, not a recording: a direct link to the file is needed."""

    slug = "source-not-audio"


class SourceTlsError(AudioError):
    """No secure connection could be made: the server's certificate is invalid, or it speaks no usable TLS."""

    slug = "source-tls-error"


class SourceTimeout(TransientError):
    """The server of the recording did not answer in time."""

    slug = "source-timeout"


class SourceTooSlow(TransientError):
    """The recording came too slowly."""

    slug = "source-too-slow"


class SourceUnavailable(TransientError):
    """The server of the recording cannot be reached, or cannot give the recording out now."""

    slug = "source-unavailable"
