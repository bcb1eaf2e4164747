"""`net.door`: what prevents a port from being taken, and what to do about it."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from streamproof.fakes import Server, Settings
from streamproof.fakes.errors import StartError
from streamproof.fakes.net import door as doors
from streamproof.fakes.net.door import Door


async def refused(host: str, port: int) -> str:
    with pytest.raises(StartError) as caught:
        await Door.bind(host, port, set())
    return str(caught.value)


async def test_a_port_in_use_calls_for_another_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert await refused("127.0.0.1", port) == (
            f"cannot listen on 127.0.0.1:{port}: address already in use; choose "
            "another port, or 0 for a free one"
        )


async def test_a_port_that_is_none_calls_for_another_port() -> None:
    assert await refused("127.0.0.1", 70_000) == (
        "cannot listen on 127.0.0.1:70000: port must be 0-65535; choose another port, "
        "or 0 for a free one"
    )


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("no.invalid", socket.gaierror(-2, "Name or service not known")),
        ("192.0.2.1", OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))),
        ("192.0.2.1", OSError("could not bind on any address")),
        ("x" * 70, UnicodeError("label too long")),
    ],
)
async def test_a_host_that_is_not_here_calls_for_another_host(
    host: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Door, "_take", fail)
    told = await refused(host, 0)

    assert told.startswith(f"cannot listen on {host}:0: ")
    assert told.endswith("; choose an address of this machine, such as 127.0.0.1")
    assert told.lower() == told


async def test_no_host_is_not_every_host() -> None:
    expected = "expected a host to listen on, got ''; 127.0.0.1 is one"
    assert await refused("", 0) == expected
    with pytest.raises(StartError, match="expected a host"):
        await Server(Settings(host="")).start()


async def test_one_client_is_let_in_at_a_time_and_thousands_may_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting: list[int] = []
    listen = socket.socket.listen

    def watch(taken: socket.socket, backlog: int) -> None:
        waiting.append(backlog)
        listen(taken, backlog)

    monkeypatch.setattr(socket.socket, "listen", watch)
    async with Server(Settings()):
        pass

    # How many are let in in a row is the first number that asyncio is told.
    assert waiting == [1, doors.BACKLOG]
