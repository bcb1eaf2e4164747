"""`pytest_plugin`: fixtures, as the tests of another project use them."""

from __future__ import annotations

import subprocess
import sys
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
from streamproof.fakes import Library, Script
from streamproof.fakes.script import Hold, Say, Stall

LIBRARY = Library(scripts={"default": Script(say=(Say(text="hi"),))})
"""


@pytest.fixture
def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    pytester.makeini(INI)
    # Half of a short run is spent on the plugins of other packages.
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


def test_a_stream_that_was_not_closed_fails_the_test_unless_it_is_allowed(
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
    pytester.makeini(
        INI + "streamproof_fakes_scripts = scripts.toml\nstreamproof_fakes_seed = 7\n"
    )
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


def test_a_failing_test_that_closed_its_client_ends_no_other_run(
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


# What a project may call its own packages, and what it may say to have the plugin.
PROJECT = {
    "fakes/__init__.py": "NAME = 'the project fakes'",
    "conformance/__init__.py": "NAME = 'the project conformance'",
    "reference_server.py": "NAME = 'the project server'",
    "tests/fakes.py": "NAME = 'fakes of the tests'",
    "tests/test_names.py": """
import conformance, httpx, os, reference_server
from streamproof.fakes import Script
from streamproof.fakes.script import Say

def test_all_are_here(fake_llm):
    fake_llm.put_script("k", Script(say=(Say(text="hi"),)))
    body = {"model": "m", "prompt": "", "stream": False}
    url = os.environ["OLLAMA_HOST"]
    httpx.post(url + "/api/generate", json=body, headers={"x-fakes-key": "k"})

    assert conformance.NAME == "the project conformance"
    assert reference_server.NAME == "the project server"
    assert [call.outcome for call in fake_llm.calls()] == ["completed"]
""",
    "tests/test_nearest.py": """
import fakes

def test_the_module_beside_a_test_is_nearer():
    assert fakes.NAME == "fakes of the tests"
""",
    "other/test_package.py": """
import fakes

def test_the_package_is_here():
    assert fakes.NAME == "the project fakes"
""",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("conftest", "options"),
    [
        ("", []),
        ('pytest_plugins = ["streamproof.fakes.pytest_plugin"]', []),
        ("", ["-p", "streamproof.fakes.pytest_plugin"]),
    ],
    ids=["found", "named", "named-early"],
)
def test_the_plugin_is_found_beside_a_project_with_the_same_names(
    pytester: pytest.Pytester, conftest: str, options: list[str]
) -> None:
    pytester.makeini(INI + "pythonpath = .\n")
    for name, source in PROJECT.items():
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    pytester.makeconftest(conftest)

    tests = pytester.runpytest_subprocess(*options, "tests")
    other = pytester.runpytest_subprocess(*options, "other")

    tests.assert_outcomes(passed=2)
    other.assert_outcomes(passed=1)


def test_the_plugin_is_cheap_until_a_fixture_is_used() -> None:
    code = """
import pytest, sys
before = set(sys.modules)
import streamproof.fakes.pytest_plugin
print(*sorted(set(sys.modules) - before))
"""
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert told.stdout.split() == [
        "streamproof",
        "streamproof.fakes",
        "streamproof.fakes.pytest_plugin",
    ]


def test_no_fixture_is_active_until_it_is_asked_for(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
import os, threading

def test_plain():
    assert "_ns" not in os.environ.get("OPENAI_BASE_URL", "")
    assert "streamproof-fakes" not in [one.name for one in threading.enumerate()]
"""
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("seed", ["soon", "1.5", ""])
def test_a_bad_seed_is_one_line_of_usage_error(
    run: Callable[..., pytest.RunResult], seed: str
) -> None:
    result = run("", "-o", f"streamproof_fakes_seed={seed}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: streamproof_fakes_seed: expected a whole number, got {seed!r}"]
    )


def test_a_bad_scripts_file_is_one_line(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        "def test_it(fake_llm): pass", "-o", "streamproof_fakes_scripts=nowhere.toml"
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["streamproof_fakes_scripts: *nowhere.toml*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_prompts_of_a_test_go_to_no_proxy(
    run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens there: whatever went to the proxy would fail.
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com")
    result = run(
        """
import httpx, os, openai

def test_proxy(fake_llm):
    user = [{"role": "user", "content": "hello"}]
    with openai.OpenAI(max_retries=0) as client:
        client.chat.completions.create(model="m", messages=user)
    body = {"model": "m", "prompt": "hi", "stream": False}
    httpx.post(f"{os.environ['OLLAMA_HOST']}/api/generate", json=body)
    assert len(fake_llm.calls()) == 2
    assert os.environ["NO_PROXY"] == "example.com,127.0.0.1,localhost"
"""
    )

    result.assert_outcomes(passed=1)
