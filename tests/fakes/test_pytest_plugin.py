"""`pytest_plugin`: fixtures, as tests of somebody else's project use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproof.fakes.pytest_plugin import namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]

INI = """
[pytest]
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""
SAYS_HI = """
from fakes import Library, Script
from streamproof.fakes.script import Hold, Say, Stall

LIBRARY = Library(scripts={"default": Script(say=(Say(text="hi"),))})
"""


@pytest.fixture
def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    pytester.makeini(INI)
    # Half of a short run is spent on plugins of other people.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = (
        "streamproof.fakes.pytest_plugin",
        "pytest_asyncio.plugin",
        "xdist.plugin",
    )
    load = [option for plugin in plugins for option in ("-p", plugin)]

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(SAYS_HI + source)
        return pytester.runpytest_subprocess(*load, *options)

    return run


def test_sdks_find_the_fakes_of_their_test(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
import anthropic, ollama, openai, pytest
from google import genai

def test_all(fake_llm):
    fake_llm.put_library(LIBRARY)
    user = [{"role": "user", "content": "hello"}]
    with openai.OpenAI() as client:
        told = client.chat.completions.create(model="m", messages=user)
        assert told.choices[0].message.content == "hi"
        assert client.responses.create(model="m", input="hello").output_text == "hi"
    with anthropic.Anthropic() as client:
        told = client.messages.create(model="m", messages=user, max_tokens=9)
        assert told.content[0].text == "hi"
    client = genai.Client()
    assert client.models.generate_content(model="m", contents="hello").text == "hi"
    client.close()
    assert ollama.Client().chat(model="m", messages=user).message.content == "hi"
    assert [call.provider for call in fake_llm.calls()] == [
        "openai_chat", "openai_responses", "anthropic", "gemini", "ollama"
    ]

@pytest.mark.asyncio
async def test_async(fake_llm, async_fake_llm):
    async with openai.AsyncOpenAI() as client:
        await client.responses.create(model="m", input="[[fake:say call=k]]")
    assert (await async_fake_llm.wait_for("k")).outcome == "completed"
    assert len(fake_llm.calls()) == 1
""",
        "-W",
        "ignore::ResourceWarning",
    )

    result.assert_outcomes(passed=2)


def test_tests_that_run_side_by_side_do_not_meet(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
import httpx, os, pytest

@pytest.mark.parametrize("number", range(8))
def test_alone(fake_llm, number):
    for turn in range(1, number + 2):
        prompt = f"[[fake:say text=t{number} call=same]]"
        body = {"model": "m", "stream": False,
                "messages": [{"role": "user", "content": prompt}]}
        answer = httpx.post(f"{os.environ['OLLAMA_HOST']}/api/chat", json=body)
        assert answer.json()["message"]["content"] == f"t{number}"
    assert [call.turn for call in fake_llm.calls("same")] == list(range(1, number + 2))
""",
        "-n",
        "2",
    )

    result.assert_outcomes(passed=8)


def test_a_stream_that_nobody_closed_fails_the_test_unless_it_is_allowed(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
import httpx, os, pytest

LEFT = []

def leak():
    body = {"model": "m", "prompt": "[[fake:stall after=1]]"}
    client = httpx.Client(base_url=os.environ["OLLAMA_HOST"])
    request = client.build_request("POST", "/api/generate", json=body)
    LEFT.extend([client.send(request, stream=True), client])

def test_leaks(fake_llm):
    leak()

@pytest.mark.fake_llm_leaks
def test_may_leak(fake_llm):
    leak()

def test_the_end():
    for left in LEFT:
        left.close()
"""
    )

    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*AssertionError: expected *"])


def test_a_failed_test_shows_its_calls(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
import httpx, os

def test_fails(fake_llm):
    body = {"model": "gpt-9", "messages": [{"role": "user", "content": "hi"}]}
    httpx.post(f"{os.environ['OLLAMA_HOST']}/api/chat", json=body)
    assert False

def test_fails_before_any(fake_llm):
    assert False
"""
    )

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*calls of the fake LLM*", "*ollama*gpt-9*completed*"])
    result.stdout.fnmatch_lines(["*calls of the fake LLM*", "none arrived"])


def test_scripts_and_seed_come_from_the_settings_of_pytest(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    pytester.makeini(INI + "fakes_scripts = scripts.toml\nfakes_seed = 7\n")
    pytester.path.joinpath("scripts.toml").write_text(
        '[scripts.default]\nsay = [{ text = "from the file" }]\n'
    )
    result = run(
        """
import httpx, os

def test_file(fake_llm):
    body = {"model": "m", "prompt": "hi", "stream": False}
    answer = httpx.post(f"{os.environ['OLLAMA_HOST']}/api/generate", json=body)
    assert answer.json()["response"] == "from the file"
"""
    )

    result.assert_outcomes(passed=1)


def test_a_namespace_is_named_after_its_test_and_is_no_other_s() -> None:
    names = {
        namespace_of(f"tests/test_it.py::test_{'long_' * 30}{end}")
        for end in ("[a b]", "[a-b]", "[é]")
    }

    assert len(names) == 3
    assert all(len(name) <= 64 and name.isascii() for name in names)


def test_a_failing_test_that_closed_its_client_ends_nobody_elses_run(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
def test_closed(fake_llm):
    fake_llm.close()
    assert False

def test_after(fake_llm):
    pass
"""
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*calls of the fake LLM*", "none arrived"])


def test_a_leak_is_reported_with_the_calls(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
import httpx

def test_leaks(fake_llm):
    body = {"model": "m", "stream": True, "messages": [
        {"role": "user", "content": "[[fake:stall after=0 ms=60000]]"}]}
    request = httpx.Request(
        "POST", fake_llm.url + "/v1/chat/completions", json=body,
        headers={"authorization": "Bearer k"})
    global client
    client = httpx.Client()
    client.send(request, stream=True)
    fake_llm.wait_for(state="accepted")
"""
    )

    result.stdout.fnmatch_lines(["*calls of the fake LLM*", "call 1 openai_chat m:*"])
