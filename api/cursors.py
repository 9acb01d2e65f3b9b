"""Where a list goes on: signed, so that what comes back is what was given out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from api.errors import InvalidCursor

_DIGEST_BYTES: Final = 16


class Cursors:
    """Makes and reads cursors.

    Args:
        keys: secrets of any form; the first signs, all are believed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [hmac.digest(key.encode(), b"hansard cursor", "sha256") for key in keys]

    def make(self, tenant_id: UUID, view: Sequence[object], position: Sequence[str | int]) -> str:
        """A cursor for a tenant's list; `view` is all that shapes the list (its name, its filters)."""
        payload = json.dumps([_digest(view), list(position)], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(_sign(self._keys[0], tenant_id, payload) + payload).rstrip(b"=").decode()

    def read(self, cursor: str, tenant_id: UUID, view: Sequence[object]) -> list[str | int]:
        """The position in a list.

        Raises:
            InvalidCursor: it was not made here, for this tenant and this view.
        """
        try:
            raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except ValueError:
            raise InvalidCursor from None
        signature, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if not any(hmac.compare_digest(signature, _sign(key, tenant_id, payload)) for key in self._keys):
            raise InvalidCursor
        made_for, position = json.loads(payload)
        if made_for != _digest(view):
            message = "the cursor belongs to a list with other filters; begin again without it"
            raise InvalidCursor(message)
        return list(position)


def _sign(key: bytes, tenant_id: UUID, payload: bytes) -> bytes:
    return hmac.digest(key, tenant_id.bytes + payload, "sha256")[:_DIGEST_BYTES]


def _digest(view: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps([str(part) for part in view]).encode()).hexdigest()[:16]
