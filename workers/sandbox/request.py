"""What the worker asks of the decoder's process: one JSON object on its standard input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pipeline.options import ChannelPolicy, DecodeLimits
from workers.sandbox.limits import SandboxLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Files are descriptors that the process inherits: it learns no path, neither of the upload nor of the result."""

    recording: int
    """Descriptor of the upload, open for reading."""
    flac: int
    """Descriptor of the result, open for writing."""
    parent: int
    """Process id of the worker, without which there is no reason to go on."""
    name: str
    """Name of the recording, for people."""
    channels: ChannelPolicy
    limits: SandboxLimits

    def to_json(self) -> bytes:
        """Write it as one JSON object."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def of(data: bytes) -> Request:
        """Read what `to_json` wrote."""
        fields = json.loads(data)
        limits = fields.pop("limits")
        decode = DecodeLimits(**limits.pop("decode"))
        return Request(limits=SandboxLimits(decode=decode, **limits), **fields)
