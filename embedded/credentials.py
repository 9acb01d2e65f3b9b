"""Passwords and keys, made at random on the first start and kept for the next ones."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from pipeline.errors import MalformedFile


def _token() -> str:
    # 256 bits, in characters that need no quoting in URLs, configuration files and SQL.
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """What clients show to servers, and what servers encrypt with."""

    database_password: str = field(default_factory=_token)
    redis_password: str = field(default_factory=_token)
    access_key: str = field(default_factory=lambda: "HANSARD" + secrets.token_hex(8).upper())
    secret_key: str = field(default_factory=_token)
    object_encryption_key: str = field(default_factory=lambda: secrets.token_hex(32))
    """Of objects stored encrypted: lost with it."""
    object_signing_key: str = field(default_factory=_token)
    """Parts of the object store show tokens signed with it to one another."""

    @classmethod
    def kept_in(cls, file: Path) -> Self:
        """Those in `file`, which only its owner can read; made where it does not exist.

        Raises:
            MalformedFile: the file holds something else.
        """
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            made = cls()
            _write(file, json.dumps(asdict(made), indent=2) + "\n")
            return made
        except ValueError as error:
            message = f"{file} does not hold credentials: {error}"
            raise MalformedFile(message) from None
        names = {each.name for each in fields(cls)}
        if not isinstance(found, dict) or found.keys() != names or not all(isinstance(v, str) for v in found.values()):
            message = f"{file} does not hold these credentials: {', '.join(sorted(names))}"
            raise MalformedFile(message)
        return cls(**found)


def _write(file: Path, text: str) -> None:
    """All or nothing, also when the power fails: databases are made with what is written here."""
    partial = file.with_name(file.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
