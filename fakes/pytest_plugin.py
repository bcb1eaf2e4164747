"""Fakes as pytest fixtures, which pytest finds by itself once the package is installed.

One server per session (and per worker of pytest-xdist, on a port of its own); every
test has a namespace of its own there, so tests that run side by side, or use the same
keys, never meet. Nothing happens in a test that asks for none of the fixtures.

Must not be imported by anything but pytest, which does so in every project that has
the package installed: at the top it may import nothing that takes time.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from .. import fakes

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from . import AsyncClient, Client, ThreadServer

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
# Prompts of a test are for the fakes alone: no proxy may get them.
UNPROXIED: Final = ("127.0.0.1", "localhost")
SCRIPTS: Final = "streamproof_fakes_scripts"
SEED: Final = "streamproof_fakes_seed"
# A namespace's name has 64 characters at most, 9 of them for what tells two apart.
MAX_NAME: Final = 55

_CLIENT = pytest.StashKey["Client"]()
_LEAKED = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings of the server."""
    parser.addini(SCRIPTS, "TOML file of the fakes' scripts and rules")
    parser.addini(SEED, "seed of everything the fakes generate", default="0")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker that turns the check for leaked calls off.

    Raises:
        pytest.UsageError: the seed is no whole number.
    """
    config.addinivalue_line(
        "markers",
        "fake_llm_leaks: calls may still be running when this test ends",
    )
    _seed(config)


@pytest.fixture(scope="session")
def fake_llm_server(pytestconfig: pytest.Config) -> Iterator[ThreadServer]:
    """Return a server with a port of its own, for the whole session."""
    scripts = pytestconfig.getini(SCRIPTS)
    settings = fakes.Settings(
        seed=_seed(pytestconfig),
        scripts=Path(pytestconfig.rootpath, scripts) if scripts else None,
    )
    server = fakes.ThreadServer(settings)
    try:
        server.start()
    except fakes.FakesError as error:
        # Said in one line: a traceback would show nothing but our own code.
        pytest.fail(f"{SCRIPTS}: {error}" if scripts else str(error), pytrace=False)
    yield server
    server.close()


@pytest.fixture
def fake_llm(
    fake_llm_server: ThreadServer,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Client]:
    """Return the fakes of this test alone; SDKs find them without being told.

    When the test ends, no call may still be running: a stream that was not closed is
    a leak of the code under test (`@pytest.mark.fake_llm_leaks` allows it).
    """
    url = f"{fake_llm_server.url}/_ns/{namespace_of(request.node.nodeid)}"
    for name, value in ADDRESSES.items():
        monkeypatch.setenv(name, value.format(url=url))
    for name in MISLEADING:
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, _unproxied(os.environ.get(name, "")))
    with fakes.Client(url) as client:
        request.node.stash[_CLIENT] = client
        yield client
        if request.node.get_closest_marker("fake_llm_leaks") is None:
            # With a client of its own: the test may have closed this one.
            with fakes.Client(url) as checking:
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
    return fakes.AsyncClient(fake_llm.url, keeps_connections=False)


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


def _seed(config: pytest.Config) -> int:
    text = config.getini(SEED)
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(
            f"{SEED}: expected a whole number, got {text!r}"
        ) from None


def _unproxied(hosts: str) -> str:
    """Add our address to a list of hosts that are asked without a proxy."""
    told = [host.strip() for host in hosts.split(",") if host.strip()]
    return ",".join([*told, *(host for host in UNPROXIED if host not in told)])


def _calls_as_text(url: str) -> str:
    """Tell the calls, with a client of its own: a test may have closed its."""
    try:
        with fakes.Client(url) as client:
            calls = client.calls()
    except Exception as error:  # noqa: BLE001 -- it would end the whole session
        return f"cannot be told: {error}"
    told = (
        f"{call}\n    {call.request or 'its request is no longer kept'}"
        for call in calls
    )
    return "\n".join(told) or "none arrived"
