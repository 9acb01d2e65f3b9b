"""What the service is told from outside. The only module of the service that reads the environment.

Every field is a variable `HANSARD_` + its name in capitals: `database_url` is `HANSARD_DATABASE_URL`.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from ipaddress import ip_network

from pydantic import (
    BaseModel,
    ConfigDict,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from api.errors import InvalidSettings

PREFIX = "HANSARD_"
GIGABYTE = 1_000_000_000
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Not one of ours: prometheus_client looks for it as it is loaded."""
SECRET_KEY_BYTES = 32
_EITHER_ALPHABET = str.maketrans("-_", "+/")


class Settings(BaseModel):
    """All settings, checked when they are read."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr
    """`postgresql://user:password@host:port/name`. The user must be a member of the roles that the migrations make."""
    migration_url: SecretStr | None = None
    """The same for the owner of the tables, who may create roles; by default the `database_url`."""
    database_connections: PositiveInt = 10
    """Most connections a process holds."""

    redis_url: SecretStr
    """`redis://:password@host:port/0`: delivers job ids to workers; holds nothing that could be lost."""

    s3_endpoint: str | None = None
    """`http://host:port` of the object store; by default AWS."""
    s3_public_endpoint: str | None = None
    """The same as clients see it, for presigned uploads and downloads; by default `s3_endpoint`."""
    s3_region: str = "us-east-1"
    s3_bucket: str = "hansard"
    s3_access_key: SecretStr | None = None
    """By default what the AWS libraries find."""
    s3_secret_key: SecretStr | None = None
    s3_timeout_seconds: PositiveFloat = 30.0
    """The object store does not answer where it sends nothing for so long."""

    secret_keys: tuple[SecretStr, ...]
    """Keys of 32 bytes in URL-safe base64, separated by commas: the first encrypts webhook secrets and signs cursors,
    the others still decrypt."""

    max_upload_bytes: PositiveInt = 5 * GIGABYTE
    max_audio_seconds: PositiveFloat = 36_000.0
    """Longest recording, in decoded seconds."""
    min_audio_seconds: PositiveFloat = 0.1
    allow_http_sources: bool = False
    """Also fetch recordings and call webhooks over plain http; for development."""
    allowed_networks: tuple[str, ...] = ()
    """Private networks (`10.0.0.0/8`), separated by commas, that sources and webhooks may nevertheless lie in."""

    lease_seconds: PositiveFloat = 60.0
    """A worker that says nothing for so long has lost its job."""
    heartbeat_seconds: PositiveFloat = 15.0
    hang_seconds: PositiveFloat = 900.0
    """A worker whose work reports nothing for so long ends itself. The longest step is a batch of chunks of 26 s
    through the recognizer: minutes, with a large one on a CPU."""
    sweep_seconds: PositiveFloat = 10.0
    """Between two rounds of the dispatcher."""
    window: PositiveInt = 16
    """Jobs of a pool and a priority that lie in Redis at once; the others wait in Postgres, where their order can still
    change."""
    retention_days: NonNegativeInt = 0
    """Recordings are deleted so many days after they came; 0 keeps them."""
    event_retention_days: NonNegativeInt = 30
    """Events are forgotten so many days after they happened, with their deliveries and attempts, unless one still
    tries; 0 keeps them. Webhooks can be replayed as far back."""
    audit_retention_days: NonNegativeInt = 365
    """So many days after it happened, what the audit log tells goes, and so does the fact that a recording was deleted:
    its id is then answered with 404 instead of 410. 0 keeps both."""

    asr_model: str | None = None
    """Recognizer for jobs that name none; by default the best that suits the machine."""
    pinned_models: tuple[str, ...] = ()
    """Other recognizers, separated by commas, that workers load when they start and keep, as they do `asr_model`."""
    spare_models: PositiveInt = 1
    """Recognizers that a worker holds at once beside those that it keeps, for jobs that name them."""
    model_idle_seconds: PositiveFloat = 900.0
    """Such a recognizer is let go when no job has used it for so long."""
    device: str = "auto"
    """Where workers run models: `auto`, `cpu` or `cuda`."""
    threads: PositiveInt = 1
    """CPU threads of a worker's job: batches of its networks that are at work side by side."""
    places: PositiveInt | None = None
    """Jobs of a process worker that compute at the same time, of those that it has at once; the others wait for their
    turn, interactive ones in front; on a CPU those begin at once, and one of the others leaves at its next step.
    Default: its cores by `threads`, at most eight, from where on Python's lock keeps them waiting: more processes use
    more cores. On a GPU that one job fills: 1."""

    memory_bytes: PositiveInt | None = None
    """Memory that the jobs of a process worker may take together, beside its models, by forecast; a job that does not
    fit beside those at work waits. Default: four fifths of what its container or machine has left with them loaded,
    less half a gigabyte; several workers on one machine without containers of limited memory have to be told."""

    otlp_endpoint: str | None = None
    """`http://host:4318` of a collector that traces are sent to, by OTLP over HTTP; without one there are none. Needs
    the extra `tracing`."""

    @field_validator("otlp_endpoint")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and re.fullmatch(r"https?://[^/?#@]+[^?#@]*", value) is None:
            message = "is no http:// or https:// address"
            raise ValueError(message)
        return value

    @field_validator("secret_keys", "allowed_networks", "pinned_models", mode="before")
    @classmethod
    def _split(cls, value: object, field: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        parts = tuple(part.strip() for part in value.split(",") if part.strip())
        if not parts and field.field_name == "secret_keys":
            message = "names no key"
            raise ValueError(message)
        return parts

    @field_validator("secret_keys")
    @classmethod
    def _keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, key in enumerate(keys, start=1):
            if not _is_key(key.get_secret_value()):
                message = f"key {number} is not {SECRET_KEY_BYTES} bytes in base64"
                raise ValueError(message)
        return keys

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            ip_network(text)  # its errors name the text, and what is wrong with it
        return texts

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the environment.

        Raises:
            InvalidSettings: something is missing or has a value that cannot be used; every such variable is named.
        """
        return cls.from_mapping(os.environ)

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> Settings:
        """Read variables as if they were the environment; raises as `from_environment`."""
        given = {
            name.removeprefix(PREFIX).lower(): value for name, value in variables.items() if name.startswith(PREFIX)
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = [f"HANSARD_{str(found['loc'][0]).upper()}: {found['msg']}" for found in error.errors()]
            raise InvalidSettings("\n".join(lines)) from None


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.translate(_EITHER_ALPHABET), validate=True)) == SECRET_KEY_BYTES
    except ValueError:
        return False


def named_in_environment() -> dict[str, str]:
    """The service's variables that the environment holds."""
    return {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}


def environment_with(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that is told more than this one was."""
    return {**os.environ, **variables}


def share_metrics(folder: str) -> None:
    """Have the processes that this one starts count in one folder, together."""
    os.environ[METRICS_FOLDER] = folder


def shared_metrics() -> str | None:
    """The folder that this process counts in together with others; None where it counts by itself."""
    return os.environ.get(METRICS_FOLDER)
