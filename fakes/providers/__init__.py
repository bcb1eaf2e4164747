"""Wire formats of real services: one package each, and which path is whose.

A provider turns a request into what is asked for, and the parts of an answer into
frames and bodies; `provider` says how. It must not know sockets, clocks or scripts'
timing. A new provider is a package and a line in `PROVIDERS`.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from ..errors import RequestError
from .anthropic import Anthropic
from .gemini import Gemini
from .ollama import Ollama
from .openai_chat import OPENAI_CHAT
from .openai_embeddings import OPENAI_EMBEDDINGS
from .openai_responses import OPENAI_RESPONSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .provider import Provider

__all__ = ["DEFAULT", "PROVIDERS", "name_at", "params_of", "provider_at"]

# The shape of a refusal that belongs to no provider: what most clients can read.
DEFAULT: Final[Provider] = OPENAI_CHAT
PROVIDERS: Final[tuple[Provider, ...]] = (
    DEFAULT,
    OPENAI_RESPONSES,
    OPENAI_EMBEDDINGS,
    Anthropic(),
    Gemini(),
    Ollama(),
)
# Several services list their models here, and it looks like none of our paths.
_MODELS: Final = re.compile(r"/v1/models(/[^:]*)?")
# Below this a path is like none of ours: half of it is different.
ALIKE: Final = 0.5


def provider_at(path: str) -> Provider:
    """Return the provider with that path, or the one whose path looks most like it."""
    for provider in PROVIDERS:
        if any(route.match(path) is not None for route in provider.routes):
            return provider
    if _MODELS.fullmatch(path):
        return DEFAULT
    nearest = max(PROVIDERS, key=lambda provider: _likeness(provider, path))
    return nearest if _likeness(nearest, path) >= ALIKE else DEFAULT


def name_at(path: str) -> str | None:
    """Return the name of the provider with that path; None if it is no provider's."""
    for provider in PROVIDERS:
        if any(route.match(path) is not None for route in provider.routes):
            return provider.name
    return None


def params_of(provider: Provider, method: str, path: str) -> Mapping[str, str]:
    """Return what varies in the path of a request to one of its routes.

    Raises:
        RequestError: 404 for a path, 405 for a method that the provider does not have.
    """
    here = [(route, route.match(path)) for route in provider.routes]
    found = [(route, params) for route, params in here if params is not None]
    if not found:
        near = max(provider.routes, key=lambda route: _ratio(route.path, path))
        known = ", ".join(
            f"{route.method} {route.path}"
            for other in PROVIDERS
            for route in other.routes
        )
        raise RequestError(
            f"Invalid URL ({method} {path}), did you mean {near.method} {near.path}; "
            f"this fake has {known} and /_fakes/",
            status=404,
        )
    for route, params in found:
        if route.method == method:
            return params
    methods = ", ".join(route.method for route, _ in found)
    raise RequestError(
        f"Not allowed to {method} on {path} (HINT: expected {methods})",
        status=405,
        code="method_not_supported",
    )


def _likeness(provider: Provider, path: str) -> float:
    return max(_ratio(route.path, path) for route in provider.routes)


def _ratio(known: str, path: str) -> float:
    # A path may be of any length, and comparing takes its square.
    return difflib.SequenceMatcher(None, known, path[:200]).ratio()
