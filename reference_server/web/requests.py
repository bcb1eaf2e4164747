"""Reading a request into the model that says what may be in it, refusals in order.

It must not know about users, limits or runs, nor which model it is.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import NoReturn, TypeVar
from urllib.parse import parse_qs

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from ..refusals import Detail, Refusal, RefusalCode

ModelT = TypeVar("ModelT", bound=BaseModel)


class MediaType(StrEnum):
    """What an endpoint answers with."""

    EVENT_STREAM = "text/event-stream"
    JSON = "application/json"


async def read_body(
    request: Request, model: type[ModelT], *, answer: MediaType, max_bytes: int
) -> ModelT:
    """Read and validate a JSON body.

    Args:
        request: what came.
        model: says what may be in the body; null for an optional member is as absent.
        answer: what will be answered, which the client must accept.
        max_bytes: largest body.

    Raises:
        Refusal: 413, 415, 406, 400 or 422, whichever comes first.
        starlette.requests.ClientDisconnect: the client left before its body ended.
    """
    _check_length(request.headers, max_bytes)
    _check_content(request.headers)
    check_accept(request.headers, answer)
    document = _parse_json(await _read_bytes(request, max_bytes))
    if isinstance(document, dict):
        document = _drop_nulls(document, model)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _invalid(_details_of(error, "body"), "body") from error


def read_query(request: Request, model: type[ModelT], *, answer: MediaType) -> ModelT:
    """Read and validate the query of a request without a body.

    What the model does not know does not matter; what it knows may be there once.

    Raises:
        Refusal: 406 or 422.
    """
    check_accept(request.headers, answer)
    parameters = _parse_query(request.scope["query_string"])
    known = model.model_fields.keys() & parameters.keys()
    repeated = sorted(name for name in known if len(parameters[name]) > 1)
    if repeated:
        message = "expected one value, got several"
        raise _invalid([Detail(field=n, message=message) for n in repeated], "query")
    try:
        return model.model_validate_strings({n: parameters[n][0] for n in known})
    except ValidationError as error:
        raise _invalid(_details_of(error, "query"), "query") from error


def check_accept(headers: Headers, answer: MediaType) -> None:
    """Refuse a client that says it cannot read the answer.

    Raises:
        Refusal: NOT_ACCEPTABLE.
    """
    accepted = ",".join(headers.getlist("accept"))
    if accepted and not _accepts(accepted, answer):
        raise Refusal(RefusalCode.NOT_ACCEPTABLE, f"expected Accept to allow {answer}")


def _accepts(accept: str, answer: MediaType) -> bool:
    ranges = {"*/*", f"{answer.partition('/')[0]}/*", answer}
    for media_range in accept.split(","):
        name, *parameters = (part.strip().lower() for part in media_range.split(";"))
        if name in ranges and not any(map(is_zero_weight, parameters)):
            return True
    return False


def is_zero_weight(parameter: str) -> bool:
    """Tell whether a parameter says that something is not accepted: `q=0`."""
    name, _, value = parameter.partition("=")
    return name == "q" and value.strip("0.") == ""


def _check_length(headers: Headers, max_bytes: int) -> None:
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > max_bytes:
        raise _too_large(max_bytes)


def _check_content(headers: Headers) -> None:
    content_type = headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != MediaType.JSON:
        raise Refusal(
            RefusalCode.UNSUPPORTED_MEDIA_TYPE,
            f"expected Content-Type: {MediaType.JSON}",
        )
    encoding = headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise Refusal(
            RefusalCode.UNSUPPORTED_MEDIA_TYPE,
            "expected a body without Content-Encoding",
        )


async def _read_bytes(request: Request, max_bytes: int) -> bytes:
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


def _parse_query(query: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        whole = Detail(field="query", message="expected percent-encoded UTF-8")
        raise _invalid([whole], "query") from error


def _drop_nulls(
    document: Mapping[str, object], model: type[BaseModel]
) -> dict[str, object]:
    fields = model.model_fields
    return {
        name: value
        for name, value in document.items()
        if value is not None or name not in fields or fields[name].is_required()
    }


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(
        RefusalCode.BODY_TOO_LARGE,
        f"expected a body of at most {max_bytes} bytes",
        # The rest of the body is not worth reading.
        headers={"Connection": "close"},
    )


def _details_of(error: ValidationError, whole: str) -> list[Detail]:
    return [
        Detail(field=".".join(map(str, item["loc"])) or whole, message=item["msg"])
        for item in error.errors(include_url=False, include_input=False)
    ]


def _invalid(details: list[Detail], whole: str) -> Refusal:
    fields = ", ".join(detail["field"] for detail in details)
    return Refusal(
        RefusalCode.VALIDATION_ERROR,
        f"invalid request {whole}: {fields}",
        details=details,
    )
