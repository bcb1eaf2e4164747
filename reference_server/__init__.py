"""Reference server: Server-Sent Events from LangGraph pipelines, resumable.

It must not import the conformance suite or the fake providers: they meet over HTTP.
"""

from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    from .app import create_app

__all__ = ["Settings", "create_app"]


def __getattr__(name: str) -> object:
    # LangGraph takes more than a second to import, and a wrong setting none to say so.
    if name == "create_app":
        from .app import create_app  # noqa: PLC0415 -- see above

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
