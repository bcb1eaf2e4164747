"""Refusals: what is answered instead of a stream, in one table.

    Refusal            the request is answered with a status and a JSON body
    SettingsError      the server cannot start with these settings

Nothing here may know which endpoint refuses or why; the message and the details come
from the caller and must be fit to be shown to any client.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypedDict

from starlette.responses import JSONResponse


class RefusalCode(StrEnum):
    """Stable codes of the JSON error body."""

    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    INVALID_JSON = "INVALID_JSON"
    INVALID_LAST_EVENT_ID = "INVALID_LAST_EVENT_ID"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    STREAM_NOT_FOUND = "STREAM_NOT_FOUND"
    RESUME_WINDOW_EXCEEDED = "RESUME_WINDOW_EXCEEDED"
    TOO_MANY_STREAMS = "TOO_MANY_STREAMS"
    SERVER_BUSY = "SERVER_BUSY"
    SERVER_DRAINING = "SERVER_DRAINING"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


STATUS = {
    RefusalCode.UNAUTHORIZED: 401,
    RefusalCode.FORBIDDEN: 403,
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.METHOD_NOT_ALLOWED: 405,
    RefusalCode.REQUEST_TIMEOUT: 408,
    RefusalCode.BODY_TOO_LARGE: 413,
    RefusalCode.UNSUPPORTED_MEDIA_TYPE: 415,
    RefusalCode.NOT_ACCEPTABLE: 406,
    RefusalCode.INVALID_JSON: 400,
    RefusalCode.INVALID_LAST_EVENT_ID: 400,
    RefusalCode.VALIDATION_ERROR: 422,
    RefusalCode.STREAM_NOT_FOUND: 404,
    RefusalCode.RESUME_WINDOW_EXCEEDED: 410,
    RefusalCode.TOO_MANY_STREAMS: 429,
    RefusalCode.SERVER_BUSY: 503,
    RefusalCode.SERVER_DRAINING: 503,
    RefusalCode.STORE_UNAVAILABLE: 503,
    RefusalCode.INTERNAL_ERROR: 500,
}


class Detail(TypedDict):
    """What is wrong with one field of a request."""

    field: str
    message: str


def error_document(
    code: str, message: str, details: Sequence[Detail] | None = None
) -> dict[str, Any]:
    """Return the body of every answer that is no success."""
    return {"error": {"code": code, "message": message, "details": details}}


class Refusal(Exception):  # noqa: N818 -- an answer, not an error of ours
    """A request that gets a JSON answer instead of a stream.

    Args:
        code: of the table, or one that only a dialect has.
        message: for people.
        status: of a dialect's own code.
        details: what is wrong with which field.
        headers: fields of the answer.
    """

    def __init__(
        self,
        code: RefusalCode | str,
        message: str,
        *,
        status: int | None = None,
        details: Sequence[Detail] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS[RefusalCode(code)] if status is None else status
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def to_response(
        self, names: Mapping[RefusalCode, str] | None = None
    ) -> JSONResponse:
        """Render the answer; a refusal is never cached and never a stream.

        Args:
            names: codes that are called otherwise where the request went.
        """
        code = self.code
        if names and isinstance(code, RefusalCode):
            code = names.get(code, code)
        return JSONResponse(
            error_document(code, self.message, self.details),
            status_code=self.status,
            headers={"Cache-Control": "no-store", **self.headers},
        )


class SettingsError(Exception):
    """The server cannot start like this; the message names the setting."""
