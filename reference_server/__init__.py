"""Reference server: Server-Sent Events from LangGraph pipelines, resumable.

It must not import the conformance suite or the fake providers: they meet over HTTP.
"""

from .app import create_app
from .settings import Settings

__all__ = ["Settings", "create_app"]
