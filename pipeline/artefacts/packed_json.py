"""JSON in gzip: small, and a damaged byte does not go unnoticed. Floats come back exactly."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from pipeline.artefacts.artefact import Made
from pipeline.errors import MalformedFile

VERSION: Final = 1
MAX_BYTES: Final = 2**29
"""Most bytes of JSON that are unpacked; the words of ten hours take 17 MB."""


def pack(kind: str, value: Mapping[str, Any], made: Made) -> bytes:
    """Write plain values. Raises ValueError where a number is not finite."""
    whole = {"kind": kind, "version": VERSION, "duration": made.duration, "seconds": made.seconds, **value}
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8", "surrogatepass"), mtime=0)


def unpack(kind: str, content: bytes) -> tuple[Mapping[str, Any], Made]:
    """Read what `pack` wrote for the same kind; raises `MalformedFile` for anything else."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            _refuse(kind, f"it unpacks to more than {MAX_BYTES} bytes")
        whole = json.loads(text.decode("utf-8", "surrogatepass"), parse_constant=lambda name: _refuse(kind, name))
        if (whole["kind"], whole["version"]) != (kind, VERSION):
            _refuse(kind, f"it holds a {whole['kind']!r} of version {whole['version']!r}")
        made = Made(duration=float(whole["duration"]), seconds=float(whole["seconds"]))
    except (EOFError, KeyError, OSError, RecursionError, TypeError, ValueError, zlib.error) as error:
        message = f"not a {kind}: {error!r}"
        raise MalformedFile(message) from error
    return whole, made


def _refuse(kind: str, why: str) -> NoReturn:
    message = f"not a {kind}: {why}"
    raise MalformedFile(message)
