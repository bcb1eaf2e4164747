"""`providers`: which path is whose, and what is said of the others."""

from __future__ import annotations

import pytest

from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers import PROVIDERS, params_of, provider_at
from streamproof.fakes.providers.provider import Route


def test_what_varies_in_a_path_is_named() -> None:
    route = Route("POST", "/v1beta/models/{model}:{verb}")

    assert route.match("/v1beta/models/gemini-2.5-pro:generateContent") == {
        "model": "gemini-2.5-pro",
        "verb": "generateContent",
    }


@pytest.mark.parametrize("path", ["/v1beta/models/a/b:c", "/v1beta/models/:c", "/"])
def test_a_path_of_another_form_does_not_match(path: str) -> None:
    assert Route("POST", "/v1beta/models/{model}:c").match(path) is None


def test_no_two_providers_have_the_same_name_or_path() -> None:
    routes = [route for provider in PROVIDERS for route in provider.routes]

    assert len({provider.name for provider in PROVIDERS}) == len(PROVIDERS)
    assert len(set(routes)) == len(routes)
    for provider in PROVIDERS:
        assert all(provider_at(route.path) is provider for route in provider.routes)


def test_a_path_that_nobody_has_is_refused_with_the_nearest() -> None:
    path = "/v1/chat/completion"
    provider = provider_at(path)
    with pytest.raises(RequestError, match="POST /v1/chat/completions") as caught:
        params_of(provider, "POST", path)

    assert provider.name == "openai_chat"
    assert caught.value.status == 404


def test_a_method_that_the_path_does_not_have_is_refused() -> None:
    path = "/v1/chat/completions"
    with pytest.raises(RequestError, match="expected POST") as caught:
        params_of(provider_at(path), "GET", path)

    assert caught.value.status == 405
