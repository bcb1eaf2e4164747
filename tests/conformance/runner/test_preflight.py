"""Before a run it is clear whether anyone is there, and if not, what to do."""

import socket
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from streamproof.conformance.errors import UsageError
from streamproof.conformance.runner.preflight import (
    expect_base_url,
    why_control_is_unreachable,
    why_target_is_unreachable,
)


class Answer(BaseHTTPRequestHandler):
    """Answers every GET with one body; the health address with 200, others 404."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_fakes/health" else 404)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as above
        pass


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Given", (Answer,), {"body": request.param})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://example.org/base/", "https://example.org/base"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_base_url_is_taken_without_its_trailing_slash(text: str, url: str) -> None:
    assert expect_base_url(text, what="the target") == url


@pytest.mark.parametrize(
    "text",
    [
        "localhost:8000",
        "ftp://x",
        "http://",
        "http://x:port",
        "http://[::1",
        "http://x?a=b",
        "",
    ],
)
def test_anything_else_is_the_users_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"^the target: expected a base URL"):
        expect_base_url(text, what="the target")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "http://me:secret@x",
            "ftp://me:secret@x",
            "me:secret@x",
            "http://me:secret@",
        ),
        *("http://me:secret@x:port", "http://me:secret#@x", "http://me:secret?@x"),
    ],
)
def test_a_password_in_a_url_is_not_shown(text: str) -> None:
    with pytest.raises(UsageError) as problem:
        expect_base_url(text, what="the target")

    assert "secret" not in str(problem.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://x:port", "with a port from 0 to 65535, got 'port'"),
        ("http://x:70000", "with a port from 0 to 65535, got '70000'"),
        ("http://x/?a=b", "without query, got one"),
        ("http://x/#a", "without fragment, got one"),
        ("http://:secret@x", "without user, got one"),
        ("http://me@x", "without user, got one"),
    ],
)
def test_what_is_wrong_in_a_url_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError) as problem:
        expect_base_url(text, what="the target")

    assert str(problem.value) == f"the target: expected a base URL {said}"


def test_a_forgotten_scheme_is_suggested() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'http://localhost:8000'\?"):
        expect_base_url("localhost:8000", what="the target")


async def test_a_target_that_listens_is_reachable() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        assert await why_target_is_unreachable(url) == ""


async def test_a_target_that_does_not_listen_is_told_with_the_systems_words() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    assert await why_target_is_unreachable(url) == (
        f"cannot connect to the target at {url}: connection refused"
    )


async def test_of_a_name_with_several_addresses_one_reason_is_told() -> None:
    problem = await why_target_is_unreachable(f"http://localhost:{free_port()}")

    assert problem.endswith(": connection refused")


async def test_a_name_that_nobody_has_is_told() -> None:
    problem = await why_target_is_unreachable("http://nobody.invalid")

    assert problem.startswith("cannot connect to the target at http://nobody.invalid: ")
    assert "OSError" not in problem


@pytest.mark.parametrize("answering", [b'{"status": "ok"}'], indirect=True)
async def test_a_fake_provider_that_is_well_is_reachable(answering: str) -> None:
    assert await why_control_is_unreachable(answering) == ""


@pytest.mark.parametrize("answering", [b"<html>", b"[]", b"{}"], indirect=True)
async def test_another_server_is_not_taken_for_a_fake_provider(answering: str) -> None:
    problem = await why_control_is_unreachable(answering)

    assert problem == (
        f"no fake provider answers at {answering}: "
        "got an answer for /_fakes/health that is no health report"
    )


@pytest.mark.parametrize("answering", [b'{"status": "ill"}'], indirect=True)
async def test_a_fake_provider_that_is_not_well_is_told(answering: str) -> None:
    assert (await why_control_is_unreachable(answering)).endswith(": it is not well")


@pytest.mark.parametrize("answering", [b""], indirect=True)
async def test_a_server_without_the_control_api_is_told_with_its_status(
    answering: str,
) -> None:
    problem = await why_control_is_unreachable(f"{answering}/v1")

    assert problem.endswith(": got status 404 for /_fakes/health")


async def test_a_fake_provider_that_is_not_there_is_told() -> None:
    problem = await why_control_is_unreachable(f"http://127.0.0.1:{free_port()}")

    assert problem.endswith(": connection refused")


async def test_something_that_speaks_no_http_is_no_fake_provider() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def hang_up() -> None:
            for _ in range(2):  # the look whether it listens, then the question
                server.accept()[0].close()

        thread = Thread(target=hang_up)
        thread.start()
        problem = await why_control_is_unreachable(
            f"http://127.0.0.1:{server.getsockname()[1]}"
        )
        thread.join()

    assert "no fake provider answers at" in problem
