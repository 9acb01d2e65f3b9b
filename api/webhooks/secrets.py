"""Webhook secrets at rest: AES-256-GCM, bound to their endpoint.

A sealed secret names the key it was sealed with, so that keys can be rotated: the first key seals, every key opens,
and `resealing` seals anew what an old key has sealed, until it can be taken away. The endpoint's id is authenticated
with it: a row copied to another endpoint does not open.
"""

from __future__ import annotations

import base64
import hashlib
import secrets as randomness
from collections.abc import Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pipeline.errors import InvalidOption, PermanentError

KEY_BYTES = 32
NONCE_BYTES = 12
ID_DIGITS = 8
_EITHER_ALPHABET = str.maketrans("-_", "+/")


class SecretUnreadable(PermanentError):
    """A stored webhook secret does not open: its key is not configured, or the row was changed."""

    slug = "secret-unreadable"


def make_key() -> str:
    """A new key, in URL-safe base64, as the settings take it."""
    return base64.urlsafe_b64encode(randomness.token_bytes(KEY_BYTES)).decode("ascii")


class SecretBox:
    """Seals and opens webhook secrets.

    Args:
        keys: 32 bytes each, in base64 (URL-safe or not); the newest first.

    Raises:
        InvalidOption: there is no key, or one is not 32 bytes in base64. The message does not repeat it.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            message = "webhook secrets need at least one key to be stored under"
            raise InvalidOption(message)
        decoded = [_decode_key(key) for key in keys]
        self._ciphers = {_key_id(key): AESGCM(key) for key in decoded}
        self._newest = _key_id(decoded[0])
        self.old_key_ids = tuple(key_id for key_id in self._ciphers if key_id != self._newest)
        """Of the keys that open and do not seal any more; a sealed secret begins with the id of its key."""

    def seal(self, secret: str, endpoint_id: UUID) -> str:
        """The secret of an endpoint, encrypted with the newest key: `key id.nonce and ciphertext`."""
        nonce = randomness.token_bytes(NONCE_BYTES)
        sealed = nonce + self._ciphers[self._newest].encrypt(nonce, secret.encode(), _bound_to(endpoint_id))
        return f"{self._newest}.{base64.urlsafe_b64encode(sealed).decode('ascii')}"

    def open(self, sealed: str, endpoint_id: UUID) -> str:
        """The secret again.

        Raises:
            SecretUnreadable: its key is not among the keys, or it was changed or belongs to another endpoint.
        """
        key_id, _, text = sealed.partition(".")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            message = "A webhook secret was stored under a key that is not configured any more"
            raise SecretUnreadable(message)
        try:
            data = base64.b64decode(text, altchars=b"-_", validate=True)
            return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _bound_to(endpoint_id)).decode()
        except (InvalidTag, ValueError):
            message = "A stored webhook secret was changed, or belongs to another endpoint"
            raise SecretUnreadable(message) from None

    def needs_resealing(self, sealed: str) -> bool:
        """Whether it was sealed with another key than the newest."""
        return sealed.partition(".")[0] != self._newest


def _decode_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.translate(_EITHER_ALPHABET), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        message = f"a key for webhook secrets is {KEY_BYTES} bytes in base64"
        raise InvalidOption(message)
    # The same setting signs other things: each use has a key of its own.
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"hansard webhook secrets").derive(key)


def _key_id(key: bytes) -> str:
    # Derived, so that a key and its name cannot be mixed up in the settings. 32 bits of a digest tell nothing of 256.
    return hashlib.sha256(b"key id:" + key).hexdigest()[:ID_DIGITS]


def _bound_to(endpoint_id: UUID) -> bytes:
    return f"webhook-secret:{endpoint_id}".encode()
