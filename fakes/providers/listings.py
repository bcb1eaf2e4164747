"""What clients and gateways ask a service before they ask a model: which models it has.

A few models that each service has had; a fake takes any other as well. No credentials
are needed, and no call is put on record: no model is asked.
Pure. Must not know HTTP framing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .encoding import dumps
from .provider import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .provider import Headers

__all__ = ["LISTINGS", "Listing", "listing_at"]

# Must not come from a clock; any fixed moment will do (2023-11-14).
CREATED_S: Final = 1_700_000_000
CREATED: Final = "2023-11-14T22:13:20Z"

OPENAI_MODELS: Final = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small")
ANTHROPIC_MODELS: Final = {
    "claude-sonnet-4-5": "Claude Sonnet 4.5",
    "claude-haiku-4-5": "Claude Haiku 4.5",
}
GEMINI_MODELS: Final = ("gemini-2.5-pro", "gemini-2.5-flash")
OLLAMA_MODELS: Final = ("llama3.2:latest", "qwen3:latest")
OLLAMA_VERSION: Final = "0.6.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One such question: where it is asked, who asks it, and the answer.

    Args:
        is_for: tells by header and query whether the client is of this service, where
            several services have the path.
        answer: makes the answer out of what varies in the path; text, or JSON.
    """

    route: Route
    answer: Callable[[Mapping[str, str]], object]
    is_for: Callable[[Mapping[str, str], Mapping[str, str]], bool] = lambda *_: True


def listing_at(
    method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str]
) -> tuple[Headers, bytes] | None:
    """Return header fields and body of the answer; None if it is no such question."""
    for listing in LISTINGS:
        # The method first: every call of a model comes by here.
        if method != listing.route.method:
            continue
        params = listing.route.match(path)
        if params is not None and listing.is_for(headers, query):
            answer = listing.answer(params)
            if isinstance(answer, str):
                return [("content-type", "text/plain; charset=utf-8")], answer.encode()
            return [("content-type", "application/json")], dumps(answer).encode()
    return None


def _openai(name: str) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": CREATED_S,
        "owned_by": "system",
    }


def _openai_models(_: Mapping[str, str]) -> object:
    return {"object": "list", "data": [_openai(name) for name in OPENAI_MODELS]}


def _anthropic(name: str) -> dict[str, object]:
    return {
        "type": "model",
        "id": name,
        "display_name": ANTHROPIC_MODELS.get(name, name),
        "created_at": CREATED,
    }


def _anthropic_models(_: Mapping[str, str]) -> object:
    models = [_anthropic(name) for name in ANTHROPIC_MODELS]
    ends = {"first_id": models[0]["id"], "last_id": models[-1]["id"]}
    return {"data": models, "has_more": False, **ends}


def _gemini(name: str) -> dict[str, object]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def _gemini_models(_: Mapping[str, str]) -> object:
    return {"models": [_gemini(name) for name in GEMINI_MODELS]}


def _ollama(name: str) -> dict[str, object]:
    return {
        "name": name,
        "model": name,
        "modified_at": CREATED,
        "size": 2_019_393_189,
        "digest": f"{sum(name.encode()):064x}",
        "details": OLLAMA_DETAILS,
    }


def _ollama_models(_: Mapping[str, str]) -> object:
    return {"models": [_ollama(name) for name in OLLAMA_MODELS]}


def _ollama_model(_: Mapping[str, str]) -> object:
    return {
        "modelfile": "",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": OLLAMA_DETAILS,
        "model_info": {},
        "capabilities": ["completion", "tools", "thinking"],
        "modified_at": CREATED,
    }


def _has_anthropic_key(headers: Mapping[str, str], _: Mapping[str, str]) -> bool:
    return "anthropic-version" in headers or "x-api-key" in headers


def _has_gemini_key(headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    return "x-goog-api-key" in headers or "key" in query


OLLAMA_DETAILS: Final = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "3.2B",
    "quantization_level": "Q4_K_M",
}
# The first that fits answers.
LISTINGS: Final = (
    Listing(
        route=Route("GET", "/v1/models"),
        answer=_anthropic_models,
        is_for=_has_anthropic_key,
    ),
    Listing(
        route=Route("GET", "/v1/models/{model}"),
        answer=lambda params: _anthropic(params["model"]),
        is_for=_has_anthropic_key,
    ),
    Listing(
        route=Route("GET", "/v1/models"), answer=_gemini_models, is_for=_has_gemini_key
    ),
    Listing(
        route=Route("GET", "/v1/models/{model}"),
        answer=lambda params: _gemini(params["model"]),
        is_for=_has_gemini_key,
    ),
    Listing(route=Route("GET", "/v1/models"), answer=_openai_models),
    Listing(
        route=Route("GET", "/v1/models/{model}"),
        answer=lambda params: _openai(params["model"]),
    ),
    Listing(route=Route("GET", "/openai/models"), answer=_openai_models),
    Listing(route=Route("GET", "/openai/v1/models"), answer=_openai_models),
    Listing(route=Route("GET", "/v1beta/models"), answer=_gemini_models),
    Listing(
        route=Route("GET", "/v1beta/models/{model}"),
        answer=lambda params: _gemini(params["model"]),
    ),
    Listing(route=Route("GET", "/api/tags"), answer=_ollama_models),
    Listing(route=Route("GET", "/api/ps"), answer=lambda _: {"models": []}),
    Listing(
        route=Route("GET", "/api/version"), answer=lambda _: {"version": OLLAMA_VERSION}
    ),
    Listing(route=Route("POST", "/api/show"), answer=_ollama_model),
    Listing(route=Route("GET", "/"), answer=lambda _: "Ollama is running"),
    Listing(route=Route("HEAD", "/"), answer=lambda _: ""),
)
