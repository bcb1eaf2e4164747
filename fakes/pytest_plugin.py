"""Fakes as pytest fixtures: `pytest_plugins = ["streamproof.fakes.pytest_plugin"]`.

One server per session (and per worker of pytest-xdist, on a port of its own); every
test has a namespace of its own there, so tests that run side by side, or use the same
keys, never meet. Must not be imported by anything but pytest.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from .control.client import AsyncClient, Client
from .settings import Settings
from .thread_server import ThreadServer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = ["async_fake_llm", "fake_llm", "fake_llm_server"]

# What the SDKs read when a client is made without arguments. A key of any kind will
# do, but without one they refuse to start.
ADDRESSES: Final = {
    "OPENAI_BASE_URL": "{url}/v1",
    "OPENAI_API_KEY": "fake",
    "ANTHROPIC_BASE_URL": "{url}",
    "ANTHROPIC_API_KEY": "fake",
    "GOOGLE_GEMINI_BASE_URL": "{url}",
    "GEMINI_API_KEY": "fake",
    "OLLAMA_HOST": "{url}",
}
# These would win over the ones above, or lead to another service.
MISLEADING: Final = (
    "ANTHROPIC_AUTH_TOKEN",
    "GOOGLE_API_KEY",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "GOOGLE_GENAI_USE_ENTERPRISE",
    "OLLAMA_API_KEY",
)
# A namespace's name has 64 characters at most, 9 of them for what tells two apart.
MAX_NAME: Final = 55

_CLIENT = pytest.StashKey[Client]()
_LEAKED = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings of the server."""
    parser.addini("fakes_scripts", "TOML file of the fakes' scripts and rules")
    parser.addini("fakes_seed", "seed of everything the fakes generate", default="0")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker that turns the check for leaked calls off."""
    config.addinivalue_line(
        "markers",
        "fake_llm_leaks: calls may still be running when this test ends",
    )


@pytest.fixture(scope="session")
def fake_llm_server(pytestconfig: pytest.Config) -> Iterator[ThreadServer]:
    """Return a server with a port of its own, for the whole session."""
    scripts = pytestconfig.getini("fakes_scripts")
    settings = Settings(
        seed=int(pytestconfig.getini("fakes_seed")),
        scripts=Path(pytestconfig.rootpath, scripts) if scripts else None,
    )
    with ThreadServer(settings) as server:
        yield server


@pytest.fixture
def fake_llm(
    fake_llm_server: ThreadServer,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Client]:
    """Return the fakes of this test alone; SDKs find them without being told.

    When the test ends, no call may still be running: a stream that nobody closed is
    a leak of the code under test (`@pytest.mark.fake_llm_leaks` allows it).
    """
    url = f"{fake_llm_server.url}/_ns/{namespace_of(request.node.nodeid)}"
    for name, value in ADDRESSES.items():
        monkeypatch.setenv(name, value.format(url=url))
    for name in MISLEADING:
        monkeypatch.delenv(name, raising=False)
    with Client(url) as client:
        request.node.stash[_CLIENT] = client
        yield client
        if request.node.get_closest_marker("fake_llm_leaks") is None:
            # With a client of its own: the test may have closed this one.
            with Client(url) as checking:
                try:
                    checking.assert_no_leaked_calls()
                except AssertionError:
                    # After the last test the server is gone before its report is made.
                    request.node.stash[_LEAKED] = _calls_as_text(url)
                    raise


@pytest.fixture
def async_fake_llm(fake_llm: Client) -> AsyncClient:
    """Return the same fakes, to be waited for without holding up the event loop."""
    # It keeps no connection, so there is nothing to close in the test's loop.
    limits = httpx.Limits(max_keepalive_connections=0)
    return AsyncClient(fake_llm.url, transport=httpx.AsyncHTTPTransport(limits=limits))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the calls of a failed test."""
    report = yield
    client = item.stash.get(_CLIENT, None)
    if report.failed and report.when in {"call", "teardown"} and client is not None:
        text = item.stash.get(_LEAKED, None) or _calls_as_text(client.url)
        report.sections.append(("calls of the fake LLM", text))
    return report


def namespace_of(node_id: str) -> str:
    """Name a test's namespace: readable, and no other test's."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", node_id)[-MAX_NAME:].strip("-")
    return f"{readable}-{sha256(node_id.encode()).hexdigest()[:8]}"


def _calls_as_text(url: str) -> str:
    """Tell the calls, with a client of its own: a test may have closed its."""
    try:
        with Client(url) as client:
            calls = client.calls()
    except Exception as error:  # noqa: BLE001 -- it would end the whole session
        return f"cannot be told: {error}"
    return "\n".join(str(call) for call in calls) or "none arrived"
