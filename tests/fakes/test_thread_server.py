"""`fakes.ThreadServer`: a server for tests without an event loop of their own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from streamproof.fakes import Library, Rule, Script, Settings, ThreadServer
from streamproof.fakes.errors import ScriptError, StartError
from streamproof.fakes.inprocess import InProcess
from streamproof.fakes.recording import load_recordings
from streamproof.fakes.script import Say

SAYS_HI = Library(scripts={"default": Script(say=(Say(text="hi"),))})


def test_it_serves_a_synchronous_sdk_with_scripts_made_in_python() -> None:
    with ThreadServer(Settings(library=SAYS_HI)) as server:
        sdk = openai.OpenAI(api_key="any", base_url=f"{server.url}/v1")
        answer = sdk.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hello"}]
        )
        sdk.close()

    assert answer.choices[0].message.content == "hi"


def test_it_leaves_no_thread_and_no_port() -> None:
    with ThreadServer() as server:
        url = server.url
        assert httpx.get(f"{url}/_fakes/health").status_code == 200
        names = [thread.name for thread in threading.enumerate()]
        assert "streamproof-fakes" in names

    assert [t.name for t in threading.enumerate()].count("streamproof-fakes") == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/_fakes/health")
    with pytest.raises(StartError, match="not running"):
        _ = server.url


def test_two_run_side_by_side_and_one_starts_again() -> None:
    first, second = ThreadServer(), ThreadServer()
    with first, second:
        assert first.url != second.url
    with first:
        assert httpx.get(f"{first.url}/_fakes/health").status_code == 200
    first.close()


def test_what_prevents_the_start_reaches_the_caller(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts.toml"
    scripts.write_text("[scripts.a]\nsayy = 1\n")
    with ThreadServer() as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(StartError, match="cannot listen on"):
            ThreadServer(Settings(port=port)).start()
    with pytest.raises(ScriptError, match="did you mean 'say'"):
        ThreadServer(Settings(scripts=scripts)).start()
    with pytest.raises(StartError, match="got both"):
        ThreadServer(Settings(scripts=scripts, library=SAYS_HI)).start()


def test_what_runs_cannot_be_started_again() -> None:
    with ThreadServer() as server:
        with pytest.raises(StartError, match="running already"):
            server.start()

        assert httpx.get(f"{server.url}/_fakes/health").status_code == 200


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_is_none_is_told_like_one_in_use(port: int) -> None:
    with pytest.raises(
        StartError, match=f"cannot listen on 127.0.0.1:{port}: port must"
    ):
        ThreadServer(Settings(port=port)).start()


def test_a_rule_for_a_script_that_is_not_there_is_refused_at_the_start() -> None:
    library = Library(scripts=SAYS_HI.scripts, rules=(Rule(scripts=("defualt",)),))
    expected = "library: rules.0.scripts.0: unknown script 'defualt', did you mean"
    with pytest.raises(ScriptError, match=expected):
        ThreadServer(Settings(library=library)).start()
    with pytest.raises(ScriptError, match=expected):
        InProcess(library)


def test_it_replays_recordings_too(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(
        '{"cassette": 1, "upstream": "http://x"}\n'
        '{"call": 1, "method": "GET", "target": "/v1/x", "headers": [], "text": ""}\n'
        '{"at_ms": 1, "text": "HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nhi"}\n'
        '{"at_ms": 1, "end": "complete"}\n'
    )
    with ThreadServer(recordings=load_recordings([path])) as server:
        assert httpx.get(f"{server.url}/v1/x").text == "hi"


def test_a_scripts_file_may_be_named_by_a_string(tmp_path: Path) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text('[scripts.default]\nsay = [{ text = "hi" }]\n')
    told: Any = str(path)
    with ThreadServer(Settings(scripts=told)) as server:
        assert httpx.get(f"{server.url}/_fakes/health").status_code == 200
