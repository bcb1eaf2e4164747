"""Reference server: Server-Sent Events from LangGraph pipelines, resumable.

It must not import the conformance suite or the fake providers: they meet over HTTP.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import create_app
    from .settings import Settings

__all__ = ["Settings", "create_app"]


def __getattr__(name: str) -> object:
    # LangGraph takes more than a second to import, and a wrong setting none to say so.
    # Settings bring a package of the `server` extra, which `__main__` may have to name.
    match name:
        case "create_app":
            from .app import create_app  # noqa: PLC0415 -- see above

            return create_app
        case "Settings":
            from .settings import Settings  # noqa: PLC0415 -- see above

            return Settings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
