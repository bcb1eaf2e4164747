"""Targets by URL, and TLS."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.conformance.probes.raw_server import (
    CHUNKED,
    read,
    running,
    sending,
    stream_to,
)

from streamproof.conformance.errors import UsageError
from streamproof.conformance.probes.bench.live import Leave
from streamproof.conformance.probes.carriers.connection import Target
from streamproof.conformance.wire import EndingKind


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        (
            "http://127.0.0.1:8000",
            Target(scheme="http", host="127.0.0.1", port=8000),
            "127.0.0.1:8000",
        ),
        ("http://a.b", Target(scheme="http", host="a.b", port=80), "a.b"),
        (
            "https://a.b/api/",
            Target(scheme="https", host="a.b", port=443, prefix="/api"),
            "a.b",
        ),
        ("http://[::1]:80/", Target(scheme="http", host="::1", port=80), "[::1]"),
    ],
)
def test_a_base_url_is_taken_apart(url: str, target: Target, authority: str) -> None:
    assert Target.parse(url) == target
    assert target.authority == authority


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://a.b", "http://", "http://a:b", "http://a/?q=1"]
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected a base URL"):
        Target.parse(url)


def test_a_password_in_the_url_is_not_repeated() -> None:
    with pytest.raises(UsageError) as raised:
        Target.parse("http://me:hidden@a.b")

    assert "hidden" not in str(raised.value)


def certificate(folder: Path) -> Path:
    """Write a key and a certificate for localhost that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def tls_server(pem: Path, done: asyncio.Event) -> tuple[asyncio.Server, Target]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await sending(CHUNKED + b"9\r\ndata: a\n\n\r\n")(reader, writer)
        await done.wait()
        writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    port: int = server.sockets[0].getsockname()[1]
    return server, Target(scheme="https", host="localhost", port=port)


async def test_a_stream_is_read_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    done = asyncio.Event()
    server, target = await tls_server(pem, done)
    async with server, running(stream_to(target)) as stream:
        assert await stream.has_events(1, 5)
        done.set()
        assert await stream.over(5)

    assert stream.exchange().transcript.ending.kind is EndingKind.CLEAN


async def test_a_stream_over_tls_can_be_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    done = asyncio.Event()
    server, target = await tls_server(pem, done)
    async with server, running(stream_to(target)) as stream:
        assert await stream.has_events(1, 5)
        await stream.leave(Leave.FIN)
        done.set()

    assert stream.exchange().transcript.ending.detail == "left by fin"


async def test_a_certificate_that_nobody_vouches_for_is_no_connection(
    tmp_path: Path,
) -> None:
    server, target = await tls_server(certificate(tmp_path), asyncio.Event())
    async with server:
        transcript = (await read(target)).transcript

    assert transcript.ending.kind is EndingKind.NOT_CONNECTED
    assert "certificate" in transcript.ending.detail


async def test_a_server_without_tls_is_no_connection() -> None:
    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    async with server:
        target = Target(scheme="https", host="127.0.0.1", port=port)
        transcript = (await read(target)).transcript

    assert transcript.ending.kind is EndingKind.NOT_CONNECTED
