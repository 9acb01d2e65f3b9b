"""An object store that is a dictionary."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import BinaryIO

from api.errors import ObjectNotFound
from api.storage.store import Stored, UploadForm
from pipeline.errors import SourceTooLarge


class InMemoryStore:
    """`ObjectStore` of a process; what it signs leads nowhere."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}

    def put(self, key: str, content: bytes, content_type: str) -> Stored:
        """Keep it."""
        self.objects[key] = bytes(content)
        self.content_types[key] = content_type
        digest = hashlib.sha256(content).digest()
        return Stored(key=key, size=len(content), sha256=digest, content_type=content_type)

    def put_stream(self, key: str, content: BinaryIO, content_type: str, *, max_bytes: int) -> Stored:
        """Keep all of it."""
        whole = content.read(max_bytes + 1)
        if len(whole) > max_bytes:
            message = f"the file is larger than the limit of {max_bytes} bytes"
            raise SourceTooLarge(message)
        return self.put(key, whole, content_type)

    def get(self, key: str) -> bytes:
        """Look it up."""
        try:
            return self.objects[key]
        except KeyError:
            message = f"there is no object {key}"
            raise ObjectNotFound(message) from None

    def download(self, key: str, into: BinaryIO) -> int:
        """Write it into a file."""
        return into.write(self.get(key))

    def size(self, key: str) -> int:
        """Measure it."""
        return len(self.get(key))

    def delete_all(self, prefix: str) -> int:
        """Forget what lies below a prefix."""
        doomed = [key for key in self.objects if key.startswith(prefix)]
        for key in doomed:
            del self.objects[key], self.content_types[key]
        return len(doomed)

    def upload_form(self, key: str, *, max_bytes: int, valid: timedelta) -> UploadForm:
        """Make up a form."""
        fields = {"key": key, "max-bytes": str(max_bytes), "valid": str(valid)}
        return UploadForm(url="memory://", fields=fields)

    def download_url(self, key: str, *, valid: timedelta, file_name: str) -> str:
        """Make up an address."""
        return f"memory://{key}?file_name={file_name}&valid={valid}"

    def check(self) -> None:
        """Be there."""
