"""JSON bodies: of the right type, not too large, and exactly what the schema says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from api.http.problems import (
    Invalid,
    MalformedJson,
    PayloadTooLarge,
    ProblemEntry,
    UnsupportedMediaType,
)

JSON_BYTES: Final = 1 << 20
"""Of a body at most: 50 entries of metadata and 100 words fit thirty times."""
JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"
_SHOWN_ERRORS: Final = 20
Body = TypeVar("Body", bound=BaseModel)


def media_type(request: Request) -> str:
    """The type of a request's body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, at_most: int = JSON_BYTES) -> bytes:
    """A whole body; raises `PayloadTooLarge`."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > at_most:
            message = f"the body is larger than the limit of {at_most} bytes"
            raise PayloadTooLarge(message)
    return bytes(content)


def parse(model: type[Body], content: bytes | bytearray) -> Body:
    """Read JSON, strictly.

    Raises:
        MalformedJson: it is not JSON.
        Invalid: it is not what the model says.
    """
    try:
        return model.model_validate_json(bytes(content))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True, include_input=False)
        if found[0]["type"] == "json_invalid":
            message = f"the body is not JSON: {found[0]['msg']}"
            raise MalformedJson(message) from None
        raise Invalid(entries(found)) from None


def entries(errors: Sequence[ErrorDetails]) -> list[ProblemEntry]:
    """The errors of a validation, by JSON pointer."""
    return [_entry(error) for error in errors[:_SHOWN_ERRORS]]


def json_body(model: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """Make a dependency that gives a body of this model.

    It reads strictly in the way of JSON, where FastAPI's own parameters read in the way of Python: there, strictly, no
    text is a UUID. The body is declared with `request_body`.
    """

    async def read(request: Request) -> Body:
        if media_type(request) != JSON:
            message = f"send the body as {JSON}"
            raise UnsupportedMediaType(message)
        return parse(model, await read_body(request))

    return read


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """Declare a JSON body, for a route's `openapi_extra`."""
    return {"requestBody": {"required": True, "content": {JSON: {"schema": reference(model)}}}}


def reference(model: type[BaseModel]) -> dict[str, str]:
    """The place of a model's schema in the description; `schemas_of` puts it there."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def schemas_of(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """Schemas of models, and of what they are made of, by name."""
    _, found = TypeAdapter.json_schemas(
        [(model, "validation", TypeAdapter(model)) for model in models],
        ref_template="#/components/schemas/{model}",
    )
    return dict(found.get("$defs", {}))


def _entry(error: ErrorDetails) -> ProblemEntry:
    place = [str(part) for part in error["loc"]]
    field = error.get("ctx", {}).get("field")
    if field:
        place.append(str(field))
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in place)
    return ProblemEntry(pointer="".join(f"/{part}" for part in escaped), detail=error["msg"])
