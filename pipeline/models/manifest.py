"""What the store writes beside a model: where its files came from and what their digests are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import ModelCorrupt, ModelUnavailable
from pipeline.models.digests import sha256_of, write_atomically

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The record of one stored model."""

    name: str
    source: str
    """Where the files came from, for people."""
    entry: str
    """File that stands for the model; empty for the whole directory."""
    main: str
    """Name of the largest original."""
    originals: Mapping[str, str]
    """SHA-256 of the files as published, by name."""
    files: Mapping[str, str]
    """SHA-256 of the files as kept, by name."""
    size: int
    """Bytes as kept."""

    @property
    def sha256(self) -> str:
        """Digest that stands for the model: of its entry where that is an original, else of its largest file."""
        return self.originals.get(self.entry) or self.originals[self.main]

    def write(self, folder: Path) -> None:
        """Keep the record in the model's folder."""
        write_atomically(folder / MANIFEST_NAME, json.dumps(asdict(self), indent=2).encode())

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """The record in a folder; None where there is none, or one of another shape, by an older or newer version.

        Raises:
            ModelCorrupt: the record is damaged.
            ModelUnavailable: this process may not read it.
        """
        path = folder / MANIFEST_NAME
        try:
            return cls(**json.loads(path.read_bytes()))
        except (FileNotFoundError, NotADirectoryError, TypeError):
            return None
        except OSError as error:
            message = f"{path} cannot be read: {error}"
            raise ModelUnavailable(message) from error
        except ValueError as error:
            message = f"{path} cannot be read: {error}; fetch the model again with: hansard models pull"
            raise ModelCorrupt(message) from error

    def check(self, folder: Path) -> None:
        """Compare every file with its digest.

        Raises:
            ModelCorrupt: a file is missing or differs.
        """
        for name, expected in self.files.items():
            path = folder / name
            if not path.is_file():
                message = f"{path} is missing; fetch it again with: hansard models pull {self.name}"
                raise ModelCorrupt(message)
            found = sha256_of(path)
            if found != expected:
                message = (
                    f"{path} has sha256 {found[:12]}…, not {expected[:12]}…; "
                    f"fetch it again with: hansard models pull {self.name}"
                )
                raise ModelCorrupt(message)
