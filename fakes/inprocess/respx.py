"""Routes of a respx router that the fakes answer.

For code whose clients are made of httpx out of reach of the test, with the services'
real addresses in them. respx does not see clients made of httpx2 (openai 3, anthropic
2): give those a transport.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence

    import respx

    from .fakes import InProcess

__all__ = ["HOSTS", "add_route"]

# Where the SDKs look for the services unless they are told otherwise.
HOSTS: Final = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "localhost:11434",
    "127.0.0.1:11434",
)


def add_route(
    router: respx.Router, fakes: InProcess, hosts: Sequence[str] = HOSTS
) -> respx.Route:
    """Let the fakes answer every request to these hosts (`name` or `name:port`).

    The response's head is waited for synchronously, so a gate before the headers must
    be opened before the call is made.
    """
    transport = fakes.transport()

    def answer(request: httpx.Request) -> httpx.Response:
        response: httpx.Response = transport.handle_request(request)
        return response

    known = "|".join(re.escape(host) for host in hosts)
    return router.route(url__regex=f"^https?://({known})/").mock(side_effect=answer)
