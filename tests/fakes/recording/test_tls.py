"""The recorder towards a service with TLS: whom it trusts, and what it speaks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.authority import Authority
from tests.fakes.raw_client import RawClient, chat_request
from tests.fakes.recording.stages import PATIENCE_S, upstream

from streamproof.fakes.recording import RecorderSettings, recorder, recording
from streamproof.fakes.recording.cassette import End
from streamproof.fakes.recording.errors import UpstreamError
from streamproof.fakes.recording.tape import load_cassette
from streamproof.fakes.recording.upstream import Upstream

if TYPE_CHECKING:
    from pathlib import Path

    from streamproof.fakes.recording.cassette import Recording

CHAT = "/v1/chat/completions"
RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def answer(
    request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(RESPONSE)


def settings(port: int, folder: Path, ca_file: Path | None) -> RecorderSettings:
    return RecorderSettings(
        upstream=f"https://127.0.0.1:{port}",
        cassette=folder / "c.jsonl",
        ca_file=ca_file,
    )


async def ask(url: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        return await client.post(CHAT, json={})


def recorded(folder: Path) -> tuple[Recording, ...]:
    return load_cassette(folder / "c.jsonl").recordings


async def test_a_service_with_tls_is_recorded_over_http_1_1(
    authority: Authority, tmp_path: Path
) -> None:
    chosen: list[str | None] = []

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        tls = writer.get_extra_info("ssl_object")
        chosen.append(tls.selected_alpn_protocol())
        await answer(request, reader, writer)

    async with (
        upstream(talk, tls=authority.server) as port,
        recording(settings(port, tmp_path, authority.file)) as url,
    ):
        said = await ask(url)
        (call,) = recorded(tmp_path)

    assert said.text == "hi"
    assert chosen == ["http/1.1"]
    assert call.response == RESPONSE
    assert call.asked.headers[0] == ("host", f"127.0.0.1:{port}")


async def test_reads_over_tls_are_kept_apart(
    authority: Authority, tmp_path: Path
) -> None:
    pieces = (b"HTTP/1.1 200 OK\r\n\r\n", b"one", b"two" * 10_000, b"three")
    arrived = asyncio.Semaphore(0)

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for piece in pieces:
            writer.write(piece)
            await arrived.acquire()

    async with (
        upstream(talk, tls=authority.server) as port,
        recording(settings(port, tmp_path, authority.file)) as url,
    ):
        with await RawClient.connect(url) as client:
            await client.send(chat_request("hi"))
            for place, _ in enumerate(pieces, start=1):
                await client.read_until(b"".join(pieces[:place]))
                arrived.release()
            received = await client.read_to_end()
        (call,) = recorded(tmp_path)
    ends = [sum(map(len, pieces[: place + 1])) for place, _ in enumerate(pieces)]
    read_ends = [
        sum(len(read.data) for read in call.reads[: place + 1])
        for place, _ in enumerate(call.reads)
    ]

    assert received == call.response == b"".join(pieces)
    # The long piece may take several reads; no read has two pieces.
    assert set(ends) <= set(read_ends)
    assert call.end is End.CLOSE


async def test_a_service_of_an_unknown_authority_is_a_502(
    authority: Authority, tmp_path: Path
) -> None:
    async with (
        upstream(answer, tls=authority.server) as port,
        recording(settings(port, tmp_path, None)) as url,
    ):
        said = await ask(url)

    assert said.status_code == 502
    assert said.json()["error"]["message"] == (
        f"the recorder got no answer: cannot trust https://127.0.0.1:{port}: unable to "
        "get local issuer certificate; name its authority's certificate with --ca-file"
    )
    assert recorded(tmp_path) == ()


async def test_a_service_of_another_name_is_a_502(tmp_path: Path) -> None:
    authority = Authority(tmp_path, host="127.0.0.2")
    async with (
        upstream(answer, tls=authority.server) as port,
        recording(settings(port, tmp_path, authority.file)) as url,
    ):
        said = await ask(url)

    assert said.status_code == 502
    assert "cannot trust" in said.json()["error"]["message"]


async def test_a_service_without_tls_is_a_502(
    authority: Authority, tmp_path: Path
) -> None:
    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        raise AssertionError("no request can come")

    async def hang_up(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with recording(settings(port, tmp_path, authority.file)) as url:
            said = await ask(url)

    assert said.status_code == 502
    assert "cannot reach https://127.0.0.1:" in said.json()["error"]["message"]


async def test_a_service_that_takes_too_long_to_be_reached_is_a_502(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay_silent(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr(recorder, "CONNECT_S", 0.01)
    server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with recording(settings(port, tmp_path, authority.file)) as url:
            said = await ask(url)

    assert said.json()["error"]["message"] == (
        "the recorder got no answer: cannot reach "
        f"https://127.0.0.1:{port} within 0.01 s"
    )


@pytest.mark.parametrize("content", ["no certificate", None])
async def test_a_file_without_certificates_is_refused(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UpstreamError, match="expected certificates as PEM, got "):
        async with recording(settings(1, tmp_path, path)):
            pass


def test_certificates_for_a_service_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="an upstream of https, got http, where"):
        Upstream.at("http://localhost", ca_file=tmp_path / "ca.pem")
