"""A recording in the body of a request, on its way to the object store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final, Generic, TypeVar
from uuid import UUID

from anyio import to_thread
from fastapi import Request

from api.http.bodies import parse
from api.http.multipart import PartBegun, PartData, PartEnded, read_form
from api.http.pipe import Pipe, PipeClosed
from api.http.problems import Invalid, PayloadTooLarge, ProblemEntry
from api.http.state import Shared
from api.options import SubmissionOptions
from api.recordings.submission import check_model
from api.storage.keys import source_key
from pipeline.errors import SourceTooLarge

FILE: Final = "file"
OPTIONS: Final = "options"
OPTIONS_BYTES: Final = 1 << 20
ENVELOPE_BYTES: Final = 2 << 20
"""What a form may have beside the file."""
CONTENT_TYPE: Final = "application/octet-stream"
# What clients call it says nothing; the decoder finds out.
_READ_BYTES: Final = 1 << 20
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A form that was read to its end."""

    file_name: str
    size: int
    """Bytes of the file."""
    sha256: bytes
    options: SubmissionOptions

    def digest(self) -> bytes:
        """What makes two requests the same: their options and the file's content."""
        options = self.options.model_dump_json().encode()
        return hashlib.sha256(options + b"\0" + self.sha256).digest()


def refuse_too_large(request: Request, max_bytes: int) -> None:
    """Raise `PayloadTooLarge` where the request says itself that it is."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes + ENVELOPE_BYTES:
        raise _too_large(max_bytes)


async def receive(request: Request, parts: Shared, tenant_id: UUID, recording_id: UUID, *, store: bool) -> Received:
    """Read a form, and write its file under the recording's key; or only take its digest, where it is not to be stored.

    Raises:
        Invalid: the form or its options cannot be used.
        PayloadTooLarge: the file is larger than the limit.
        StorageUnavailable: the object store does not answer.
        BodyTooSlow, ClientDisconnect: the client does not send, or is gone.
    """
    settings = parts.service.settings
    key = source_key(tenant_id, recording_id)

    def keep(file: BinaryIO) -> tuple[int, bytes]:
        stored = parts.service.objects.put_stream(key, file, CONTENT_TYPE, max_bytes=settings.max_upload_bytes)
        return stored.size, stored.sha256

    def measure(file: BinaryIO) -> tuple[int, bytes]:
        return _measured(file, settings.max_upload_bytes)

    form = _FormReader(parts, keep if store else measure)
    try:
        async for event in read_form(request):
            await form.take(event)
    except SourceTooLarge:
        raise _too_large(settings.max_upload_bytes) from None
    finally:
        await form.leave()
    return form.received()


class _FormReader:
    """Sorts the parts of a form."""

    def __init__(self, parts: Shared, sink: Callable[[BinaryIO], tuple[int, bytes]]) -> None:
        self._parts = parts
        self._sink = sink
        self._part: PartBegun | None = None
        self._text = bytearray()
        self._options: SubmissionOptions | None = None
        self._transfer: _Transfer[tuple[int, bytes]] | None = None
        self._file: tuple[str, int, bytes] | None = None

    async def take(self, event: PartBegun | PartData | PartEnded) -> None:
        if isinstance(event, PartBegun):
            self._begin(event)
        elif isinstance(event, PartData):
            await self._data(event.data)
        else:
            await self._end()

    async def leave(self) -> None:
        if self._transfer is not None:
            await self._transfer.abandon()

    def received(self) -> Received:
        if self._file is None:
            raise _refused(FILE, "the form has no file")
        name, size, sha256 = self._file
        options = self._options or SubmissionOptions()
        return Received(file_name=name, size=size, sha256=sha256, options=options)

    def _begin(self, part: PartBegun) -> None:
        if part.name not in {FILE, OPTIONS}:
            raise _refused(part.name, f"the form has the parts {FILE!r} and {OPTIONS!r}, no others")
        twice = self._file is not None if part.name == FILE else self._options is not None
        if twice:
            raise _refused(part.name, "the form has this part twice")
        self._part = part
        if part.name == FILE:
            self._transfer = _Transfer(self._sink, self._parts)

    async def _data(self, data: bytes) -> None:
        if self._transfer is not None:
            await self._transfer.send(data)
            return
        self._text += data
        if len(self._text) > OPTIONS_BYTES:
            message = f"the options are larger than the limit of {OPTIONS_BYTES} bytes"
            raise PayloadTooLarge(message)

    async def _end(self) -> None:
        if self._transfer is not None and self._part is not None:
            size, sha256 = await self._transfer.result()
            self._file = (self._part.file_name or "", size, sha256)
            self._transfer = None
            return
        self._options = parse(SubmissionOptions, self._text)
        check_model(self._options, self._parts.service.settings)
        self._text.clear()


class _Transfer(Generic[Result]):
    """A thread that reads a pipe."""

    def __init__(self, sink: Callable[[BinaryIO], Result], parts: Shared) -> None:
        self._pipe = Pipe()
        self._task = asyncio.create_task(to_thread.run_sync(self._run, sink, limiter=parts.uploads))

    def _run(self, sink: Callable[[BinaryIO], Result]) -> Result:
        try:
            return sink(self._pipe.reader())
        finally:
            self._pipe.abandon()

    async def send(self, data: bytes) -> None:
        """Pass bytes on; raises what the thread raised."""
        try:
            await self._pipe.send(data)
        except PipeClosed:
            await self._ended()
            raise

    async def result(self) -> Result:
        """End the pipe, and wait for what the thread gives."""
        self._pipe.end()
        return await self._ended()

    async def _ended(self) -> Result:
        # Shielded: a request that is cancelled has to wait, in `abandon`, until the thread writes no more.
        return await asyncio.shield(self._task)

    async def abandon(self) -> None:
        """Make the thread give up, and wait until it has: it may be writing."""
        self._pipe.abandon()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.exception()


def _measured(file: BinaryIO, max_bytes: int) -> tuple[int, bytes]:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_READ_BYTES):
        digest.update(piece)
        size += len(piece)
        if size > max_bytes:
            raise SourceTooLarge
    return size, digest.digest()


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the file is larger than the limit of {max_bytes} bytes")


def _refused(part: str, detail: str) -> Invalid:
    return Invalid([ProblemEntry(pointer=f"/{part}", detail=detail)])
