"""The reply to a fetch: judged by its head, then copied within limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO

import httpcore

from api.outbound.content import JUDGED_BYTES, is_page, is_page_type, media_type
from api.outbound.errors import SourceForbidden, SourceNotAudio, SourceUnavailable
from pipeline.errors import SourceNotFound, SourceTooLarge

GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
REDIRECTS = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much is fetched, and how long that may take."""

    max_bytes: int = 5_000_000_000
    """Largest file, in bytes."""
    connect_seconds: float = 10.0
    """Longest time to look the host up and connect to it, and again for TLS."""
    reply_seconds: float = 60.0
    """Longest time until the reply begins, from the start or the last redirect."""
    read_seconds: float = 30.0
    """Longest silence."""
    total_seconds: float = 7200.0
    """Longest time for everything."""
    least_speed: float = 10_000.0
    """Bytes a second that have to come over every `speed_window`."""
    speed_window: float = 30.0
    """Seconds of waiting over which the speed is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was fetched."""

    bytes: int
    sha256: str
    """Of the bytes, in hexadecimal."""
    content_type: str | None
    """As the server named it, without parameters. Nothing is believed on its account."""


def header(response: httpcore.Response, name: bytes) -> str | None:
    """The first header of that name (in lower case)."""
    for key, value in response.headers:
        if key.lower() == name:
            return value.decode("latin-1").strip()
    return None


def redirect_of(response: httpcore.Response) -> str | None:
    """Where the reply leads on to, if it does."""
    return header(response, b"location") if response.status in REDIRECTS else None


def check_status(status: int) -> None:
    """Refuse every status but 200.

    Raises:
        SourceNotFound: 404 or 410.
        SourceForbidden: another refusal of the request, such as 401 and 403.
        SourceUnavailable: the server cannot answer now, or answers with something else than a file.
    """
    if status == HTTPStatus.OK:
        return
    if status in GONE:
        message = f"The server does not know the recording (status {status})"
        raise SourceNotFound(message)
    if HTTPStatus(400) <= status < HTTPStatus(500) and status not in LATER:
        message = f"The server does not give the recording out (status {status})"
        raise SourceForbidden(message)
    message = f"The server cannot give the recording out now (status {status})"
    raise SourceUnavailable(message)


def check_head(response: httpcore.Response, limits: FetchLimits) -> str | None:
    """Refuse a reply whose headers already say that it is no recording, or too large a one; give its media type.

    Raises:
        SourceNotAudio: it is a page or a text, or compressed although that was declined.
        SourceTooLarge: it says that it has more than `limits.max_bytes`.
    """
    content_type = media_type(header(response, b"content-type"))
    if is_page_type(content_type):
        raise SourceNotAudio
    # Compressed bytes pass a limit that what comes out of them breaks: 5 MB of gzip can hold 5 GB.
    if (header(response, b"content-encoding") or "identity").lower() != "identity":
        message = "The server sent the recording in a Content-Encoding, although that was declined"
        raise SourceNotAudio(message)
    length = header(response, b"content-length")
    if length is not None and length.isdigit() and int(length) > limits.max_bytes:
        raise _too_large(limits)
    return content_type


def copy(chunks: Iterable[bytes], into: BinaryIO, limits: FetchLimits, content_type: str | None) -> Fetched:
    """Write a body into a file as it comes, counting.

    Raises:
        SourceTooLarge: it has more than `limits.max_bytes`; at most that many have been written.
        SourceNotAudio: it begins like a page or a text.
    """
    digest, size, beginning, judged = hashlib.sha256(), 0, b"", False
    for chunk in chunks:
        size += len(chunk)
        if size > limits.max_bytes:
            raise _too_large(limits)
        digest.update(chunk)
        into.write(chunk)
        if not judged:
            beginning += chunk[: JUDGED_BYTES - len(beginning)]
            judged = len(beginning) == JUDGED_BYTES
            if judged and is_page(beginning):
                raise SourceNotAudio
    if not judged and is_page(beginning):
        raise SourceNotAudio
    return Fetched(bytes=size, sha256=digest.hexdigest(), content_type=content_type)


def _too_large(limits: FetchLimits) -> SourceTooLarge:
    return SourceTooLarge(f"The recording is larger than the limit of {limits.max_bytes:,} bytes")
