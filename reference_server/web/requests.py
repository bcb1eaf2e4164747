"""Reading a request to start a stream, in the order in which it may be refused.

It must not know about users, limits or runs.
"""

import json
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from ..refusals import Refusal, RefusalCode

_STREAM_TYPES = frozenset({"text/event-stream", "text/*", "*/*"})


class GenerationRequest(BaseModel):
    """Body of a request to start a stream."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    prompt: Annotated[str, Field(min_length=1, max_length=20_000)]
    # Accepted for clients that send them; the pipeline has none yet.
    options: dict[str, Any] | None = None


async def read_generation_request(
    request: Request, max_bytes: int
) -> GenerationRequest:
    """Read and validate the body.

    Raises:
        Refusal: 413, 415, 406, 400 or 422, whichever comes first.
        starlette.requests.ClientDisconnect: the client left before its body ended.
    """
    _check_length(request.headers, max_bytes)
    _check_content_type(request.headers)
    check_accept(request.headers)
    document = _parse_json(await _read_body(request, max_bytes))
    try:
        return GenerationRequest.model_validate(document)
    except ValidationError as error:
        raise _invalid(error) from error


def check_accept(headers: Headers) -> None:
    """Refuse a client that says it cannot read an event stream.

    Raises:
        Refusal: NOT_ACCEPTABLE.
    """
    accepted = ",".join(headers.getlist("accept"))
    if accepted and not _accepts_stream(accepted):
        raise Refusal(
            RefusalCode.NOT_ACCEPTABLE,
            "expected Accept to allow text/event-stream",
        )


def _accepts_stream(accept: str) -> bool:
    for media_range in accept.split(","):
        name, *parameters = (part.strip().lower() for part in media_range.split(";"))
        if name in _STREAM_TYPES and not any(map(_is_zero_weight, parameters)):
            return True
    return False


def _is_zero_weight(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name == "q" and value.strip("0.") == ""


def _check_length(headers: Headers, max_bytes: int) -> None:
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > max_bytes:
        raise _too_large(max_bytes)


def _check_content_type(headers: Headers) -> None:
    content_type = headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(
            RefusalCode.UNSUPPORTED_MEDIA_TYPE,
            "expected Content-Type: application/json",
        )


async def _read_body(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _parse_json(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(
            RefusalCode.INVALID_JSON, "expected a JSON document in UTF-8"
        ) from error


def _refuse_constant(name: str) -> NoReturn:
    # NaN and Infinity are numbers for Python and none for JSON (RFC 8259, section 6).
    raise ValueError(f"expected a number of JSON, got {name}")


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(
        RefusalCode.BODY_TOO_LARGE,
        f"expected a body of at most {max_bytes} bytes",
        # The rest of the body is not worth reading.
        headers={"Connection": "close"},
    )


def _invalid(error: ValidationError) -> Refusal:
    details = [
        {"field": ".".join(map(str, item["loc"])) or "body", "message": item["msg"]}
        for item in error.errors(include_url=False, include_input=False)
    ]
    fields = ", ".join(detail["field"] for detail in details)
    return Refusal(
        RefusalCode.VALIDATION_ERROR, f"invalid request body: {fields}", details=details
    )
