"""What a request is refused with."""

from __future__ import annotations

from starlette.responses import JSONResponse


class Refusal(Exception):  # noqa: N818 -- an answer, not a fault of ours
    """An answer of the refusal's shape."""

    def __init__(self, status: int, code: str, **headers: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): text for name, text in headers.items()}

    def to_response(self) -> JSONResponse:
        """Return it as it is sent."""
        error = {"code": self.code, "message": "refused", "details": None}
        return JSONResponse({"error": error}, self.status, self.headers)
