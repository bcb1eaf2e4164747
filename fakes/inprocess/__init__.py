"""Fake providers without a socket and without real time.

    fakes = InProcess(Library(...))
    client = openai.OpenAI(http_client=httpx2.Client(transport=fakes.transport(httpx2)))

Everything else is as on a socket: the same scripts, faults, journal and control API.
For code that makes its own clients there are `add_route` for a respx router, and
`Application` for whatever speaks ASGI.
"""

from __future__ import annotations

from .asgi import Application
from .errors import BrokenOffError
from .fakes import InProcess
from .respx import add_route

__all__ = ["Application", "BrokenOffError", "InProcess", "add_route"]
