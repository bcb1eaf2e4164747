"""A call's request as the control API shows it: without its secrets.

Pure. Must not know what is asked of the control API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..keys import REDACTED, SECRET_PARAMETERS
from ..recording.redaction import Secrets

if TYPE_CHECKING:
    from ..calls.call import Call

__all__ = ["body_of", "request_as_json"]


def body_of(call: Call) -> bytes | None:
    """Return the body of what a call asked; None if it is no longer kept."""
    request = call.request
    if request is None:
        return None
    secrets = Secrets(request.headers.items(), request.query.items())
    return secrets.redact_body(request.body)


def request_as_json(call: Call) -> dict[str, object] | None:
    """Render what a call asked; None if it is no longer kept."""
    request = call.request
    if request is None:
        return None
    secrets = Secrets(request.headers.items(), request.query.items())
    return {
        "method": request.method,
        "path": secrets.redact_text(request.path),
        "query": {
            name: REDACTED
            if name.lower() in SECRET_PARAMETERS
            else secrets.redact_text(value)
            for name, value in request.query.items()
        },
        "headers": dict(secrets.redact_fields(request.headers.items())),
        "body": secrets.redact_body(request.body).decode("utf-8", "replace"),
        "body_left_out": call.request_left_out,
    }
