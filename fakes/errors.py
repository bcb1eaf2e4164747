"""The exceptions of this package, told apart by who is at fault.

    FakesError
    ├── ScriptError     a script or directive that does not say anything we know
    ├── RequestError    a request that is not HTTP, or not one the provider takes
    ├── RecordingError  a cassette or an upstream that cannot be used (recording)
    ├── BrokenOffError  a response that did not come to its end (inprocess)
    └── StartError      the server cannot start as it was told to

Must not import anything local: every other module may raise these.
"""

from __future__ import annotations

__all__ = ["FakesError", "RequestError", "ScriptError", "StartError"]


class FakesError(Exception):
    """Base of everything this package raises on purpose."""


class ScriptError(FakesError):
    """A script, directive or control request that cannot be followed."""


class StartError(FakesError):
    """The server cannot start; the message is one line for the terminal."""


class RequestError(FakesError):
    """A request that is refused, with what the refusal has to say.

    Args:
        message: what was expected and what came instead.
        status: HTTP status code of the refusal.
        param: request field at fault, in the provider's spelling.
        code: machine-readable reason, in the provider's spelling.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        """Keep the four parts apart, as a provider renders them."""
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
