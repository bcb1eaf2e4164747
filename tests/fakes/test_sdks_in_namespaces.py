"""Real SDKs pointed into a namespace, following rules: nothing but the URL differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from streamproof.fakes import Library, Match, Rule, Script, Settings, ThreadServer
from streamproof.fakes.control.client import Client
from streamproof.fakes.script import Fail, Say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def saying(text: str) -> Script:
    return Script(say=(Say(text=text),))


# Every provider by its name, the model by a pattern, and one call by its header.
RULES = Library(
    rules=(
        Rule(match=Match(header={"x-test": "special"}), scripts=(saying("by header"),)),
        *(
            Rule(match=match, scripts=(saying(said),))
            for match, said in (
                (Match(provider="openai_chat", model="m-*"), "chat"),
                (Match(provider="openai_responses", model="m-*"), "responses"),
                (Match(provider="anthropic", model="m-*"), "messages"),
                (Match(provider="gemini", model="m-*"), "contents"),
                (Match(provider="ollama", model="m-*"), "lines"),
            )
        ),
    )
)


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadServer]:
    with ThreadServer(Settings(library=RULES)) as server:
        yield server


@pytest.fixture
def fakes(server: ThreadServer, request: pytest.FixtureRequest) -> Iterator[Client]:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[-64:]
    with Client(f"{server.url}/_ns/{name}") as client:
        yield client


def openai_chat(url: str) -> str | None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any") as client:
        answer = client.chat.completions.create(
            model="m-1", messages=[{"role": "user", "content": "hi"}]
        )
    return answer.choices[0].message.content


def openai_responses(url: str) -> str:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any") as client:
        return client.responses.create(model="m-1", input="hi").output_text


def anthropic_messages(url: str) -> str:
    with (
        anthropic.Anthropic(base_url=url, api_key="any") as client,
        client.messages.stream(
            model="m-1", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as stream,
    ):
        return stream.get_final_text()


def gemini(url: str) -> str | None:
    options = types.HttpOptions(base_url=url)
    with genai.Client(api_key="any", http_options=options) as client:
        return client.models.generate_content(model="m-1", contents="hi").text


def ollama_chat(url: str) -> str:
    with ollama.Client(host=url) as client:
        answer = client.chat("m-1", [{"role": "user", "content": "hi"}])
    return str(answer.message.content)


@pytest.mark.parametrize(
    ("ask", "said", "source"),
    [
        (openai_chat, "chat", "rules.1"),
        (openai_responses, "responses", "rules.2"),
        (anthropic_messages, "messages", "rules.3"),
        (gemini, "contents", "rules.4"),
        (ollama_chat, "lines", "rules.5"),
    ],
)
def test_an_sdk_reaches_its_namespace_and_its_rule(
    ask: Callable[[str], str | None], said: str, source: str, fakes: Client
) -> None:
    answer = ask(fakes.url)
    call = fakes.wait_for()

    assert answer == said
    assert (call.script, call.outcome) == (source, "completed")
    assert len(fakes.calls()) == 1
    fakes.assert_no_leaked_calls()


def test_a_header_chooses_the_script(fakes: Client) -> None:
    with openai.OpenAI(base_url=f"{fakes.url}/v1", api_key="any") as client:
        answer = client.chat.completions.create(
            model="m-1",
            messages=[{"role": "user", "content": "hi"}],
            extra_headers={"X-Test": "special"},
        )

    assert answer.choices[0].message.content == "by header"
    assert fakes.wait_for().script == "rules.0"


def test_a_sequence_of_a_rule_makes_an_sdk_try_again_with_the_right_pauses(
    fakes: Client,
) -> None:
    busy = Script(fail=Fail(status=429, retry_after_s=0.05))
    fakes.put_library(Library(rules=(Rule(scripts=(busy, busy, saying("at last"))),)))
    answer = openai_chat(fakes.url)

    assert answer == "at last"
    assert [call.status for call in fakes.calls()] == [429, 429, 200]
    fakes.assert_retry_spacing(at_least_ms=50)
    fakes.assert_max_concurrency(1)


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (openai_chat, openai.NotFoundError),
        (openai_responses, openai.NotFoundError),
        (anthropic_messages, anthropic.NotFoundError),
        (gemini, genai.errors.ClientError),
        (ollama_chat, ollama.ResponseError),
    ],
)
def test_a_call_that_fits_no_rule_raises_not_found_with_the_nearest_rule(
    ask: Callable[[str], str | None],
    error: type[Exception],
    fakes: Client,
) -> None:
    fakes.put_library(
        Library(rules=(Rule(match=Match(model="x"), scripts=(saying("no"),)),))
    )

    with pytest.raises(error, match=r"rules.0: expected model to be 'x', got 'm-1'"):
        ask(fakes.url)
    call = fakes.wait_for()
    assert (call.status, call.outcome, call.script) == (404, "refused", None)
