"""What the service asks of an object store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object that was written."""

    key: str
    size: int
    """Bytes."""
    sha256: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadForm:
    """Where a client may send one file by itself, as a multipart form, and the fields that go before the file."""

    url: str
    fields: Mapping[str, str]


class ObjectStore(Protocol):
    """All methods raise `StorageUnavailable` where the store does not answer."""

    def put(self, key: str, content: bytes, content_type: str) -> Stored:
        """Write an object of a few megabytes at most."""

    def put_stream(self, key: str, content: BinaryIO, content_type: str, *, max_bytes: int) -> Stored:
        """Write what a file gives until it ends, in parts of some megabytes; nothing is kept where it is too large.

        Raises:
            SourceTooLarge: it has more than `max_bytes`.
        """

    def get(self, key: str) -> bytes:
        """Read a whole object; raises `ObjectNotFound`."""

    def download(self, key: str, into: BinaryIO) -> int:
        """Copy an object into a file, piece by piece; its bytes. Raises `ObjectNotFound`."""

    def size(self, key: str) -> int:
        """Bytes of an object; raises `ObjectNotFound`."""

    def delete_all(self, prefix: str) -> int:
        """Remove every object below a prefix, in every version; how many versions there were.

        What `put_stream` has written of an object that is not complete goes too, and completing it fails.
        """

    def upload_form(self, key: str, *, max_bytes: int, valid: timedelta) -> UploadForm:
        """Let somebody without credentials write this one object, of 1 to `max_bytes` bytes."""

    def download_url(self, key: str, *, valid: timedelta, file_name: str) -> str:
        """Let somebody without credentials read this one object."""

    def check(self) -> None:
        """Do nothing, where the store answers and has the bucket."""
