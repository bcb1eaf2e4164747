"""`providers.listings`: what the real SDKs ask before they ask a model."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import anthropic
import httpx
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from streamproof.fakes import ThreadServer
from streamproof.fakes.providers import PROVIDERS
from streamproof.fakes.providers.listings import LISTINGS, listing_at

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadServer() as server:
        yield server.url


def test_openai_lists_and_finds_models(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any") as client:
        names = [model.id for model in client.models.list()]

        assert "gpt-4o-mini" in names
        assert client.models.retrieve("mine").id == "mine"


def test_anthropic_lists_and_finds_models_on_the_same_path(url: str) -> None:
    with anthropic.Anthropic(base_url=url, api_key="any") as client:
        names = [model.id for model in client.models.list()]

        assert "claude-sonnet-4-5" in names
        assert client.models.retrieve("mine").display_name == "mine"


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_gemini_lists_and_finds_models(url: str, version: str) -> None:
    options = types.HttpOptions(base_url=url, api_version=version)
    client = genai.Client(api_key="any", http_options=options)
    names = [model.name for model in client.models.list()]

    assert "models/gemini-2.5-flash" in names
    assert client.models.get(model="mine").name == "models/mine"
    client.close()


def test_ollama_lists_and_shows_models(url: str) -> None:
    client = ollama.Client(host=url)
    closing = contextlib.closing(client._client)

    with closing:
        assert "llama3.2:latest" in [model.model for model in client.list().models]
        assert client.ps().models == []
        assert "tools" in (client.show("mine").capabilities or [])
    assert httpx.get(f"{url}/api/version").json() == {"version": "0.6.0"}
    assert httpx.get(url).text == "Ollama is running"


def test_azure_calls_its_deployment_by_path_and_key(url: str) -> None:
    with openai.AzureOpenAI(
        azure_endpoint=f"{url}/_ns/azure", api_key="any", api_version="2024-10-21"
    ) as client:
        said = client.chat.completions.create(
            model="my-deployment",
            messages=[{"role": "user", "content": "[[fake:say text=hi]]"}],
        )

    assert said.choices[0].message.content == "hi"
    assert said.model == "my-deployment"


def test_a_deployment_names_the_model_of_a_request_without_one(url: str) -> None:
    told = httpx.post(
        f"{url}/openai/deployments/mine/chat/completions?api-version=1",
        json={"messages": [{"role": "user", "content": "hi"}]},
        headers={"api-key": "any"},
    )

    assert told.json()["model"] == "mine"


def test_no_listing_hides_an_endpoint() -> None:
    endpoints = {route for provider in PROVIDERS for route in provider.routes}

    assert not endpoints & {listing.route for listing in LISTINGS}
    assert listing_at("POST", "/v1/models", {}, {}) is None
    assert listing_at("GET", "/v1/model", {}, {}) is None
