"""`server`: starting, stopping, and what it says when it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import ControlClient, RawClient, chat_request

from streamproof.fakes import Server, Settings
from streamproof.fakes.errors import ScriptError, StartError

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_server_takes_a_free_port_and_tells_it() -> None:
    async with Server(Settings()) as server:
        control = ControlClient(server.url)
        assert await control.calls() == []
        await control.close()


async def test_a_port_in_use_is_named(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])

    with pytest.raises(StartError, match=f"cannot listen on 127.0.0.1:{port}: address"):
        await Server(Settings(port=port)).start()


async def test_a_server_that_was_never_started_can_be_closed() -> None:
    server = Server(Settings())
    await server.close()

    with pytest.raises(StartError, match="not running"):
        _ = server.url
    with pytest.raises(StartError, match="not running"):
        _ = server.journal


async def test_a_bad_library_is_found_at_start(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"none\.toml: cannot be read"):
        await Server(Settings(scripts=tmp_path / "none.toml")).start()


async def test_a_waiter_is_answered_on_shutdown(server: Server) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(
            b"GET /_fakes/calls/k/1/wait?state=ended HTTP/1.1\r\nhost: x\r\n\r\n"
        )
        control = ControlClient(server.url)
        await control.calls()
        await control.close()
        await server.close()
        received = await client.read_to_end()

    assert b'"reached":false' in received


async def test_a_client_that_does_not_read_cannot_stop_the_shutdown(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamproof.fakes.net.door.SHUTDOWN_S", 0.05)
    control = ControlClient(server.url)
    with await RawClient.connect(server.url, receive_buffer=4096) as client:
        await client.send(chat_request("[[fake:say tokens=100000 call=k]]"))
        await control.wait("k", "token")
        await control.close()
        await server.close()

    assert server.open_connections == 0
