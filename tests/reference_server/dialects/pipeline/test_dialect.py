"""What the dialect says of a model that fails."""

from __future__ import annotations

import httpx
import pytest
from tests.reference_server.asgi import Client
from tests.reference_server.model import (
    DONE,
    Answer,
    Body,
    Call,
    ScriptedModel,
    chunk,
    hold_first_token,
    play,
    respond,
    stalled,
)

ERROR = "UPSTREAM_ERROR"
LIMITED = "UPSTREAM_RATE_LIMITED"


def finished(reason: str) -> Answer:
    """Answer with one token and a finish reason."""
    return respond(chunk("a"), chunk(finish=reason), DONE)


class TestUpstreamFailure:
    """A failure of the model is a terminal event."""

    @pytest.mark.parametrize(
        ("answer_with", "code", "tokens", "retryable"),
        [
            pytest.param(respond(status=500), ERROR, 0, True, id="500"),
            pytest.param(respond(status=400), ERROR, 0, False, id="400"),
            pytest.param(respond(status=429), LIMITED, 0, True, id="429"),
            pytest.param(respond(status=503), ERROR, 0, True, id="503"),
            pytest.param(respond(status=529), ERROR, 0, True, id="529"),
            pytest.param(finished("length"), ERROR, 1, False, id="length"),
            pytest.param(finished("content_filter"), ERROR, 1, False, id="filter"),
            pytest.param(finished("error"), ERROR, 1, True, id="reason error"),
            pytest.param(finished("tool_calls"), ERROR, 1, True, id="tool calls"),
            pytest.param(respond(chunk("a"), chunk("b")), ERROR, 2, True, id="cut off"),
            pytest.param(
                respond(chunk("a"), DONE), ERROR, 1, True, id="no finish reason"
            ),
            pytest.param(
                respond(chunk("a"), chunk(finish="stop")),
                *(ERROR, 1, True),
                id="no terminator",
            ),
            pytest.param(
                respond(chunk("a"), b'data: {"error": {"message": "SECRET"}}\n\n'),
                *(ERROR, 1, True),
                id="error object",
            ),
            pytest.param(
                respond(chunk("a"), b"data: {SECRET\n\n"),
                *(ERROR, 1, True),
                id="JSON",
            ),
            pytest.param(
                respond(b"<html>SECRET</html>", content_type="text/html"),
                *(ERROR, 0, True),
                id="no event stream",
            ),
        ],
    )
    async def test_ends_the_stream_with_one_terminal_error(
        self,
        client: Client,
        model: ScriptedModel,
        answer_with: Answer,
        code: str,
        tokens: int,
        retryable: bool,  # noqa: FBT001 -- parametrised
    ) -> None:
        model.answer = answer_with

        stream = await client.open().finish()

        assert stream.types == ["node-enter", *["token-stream"] * tokens, "error"]
        error = stream.events[-1].data
        assert error["delta"]["code"] == code
        assert error["delta"]["retryable"] is retryable
        assert error["progress"]["etaMs"] == 0
        assert b"SECRET" not in stream.body
        assert b"127.0.0.1" not in stream.body
        assert stream.is_complete
        assert (await client.observe())["slots"] == {}

    async def test_of_the_connection_is_never_tried_again_after_tokens(
        self, client: Client, model: ScriptedModel
    ) -> None:
        @play
        async def dropped(_call: Call) -> Body:
            yield chunk("a")
            raise httpx.ReadError("SECRET http://10.0.0.1")

        model.answer = dropped

        stream = await client.open().finish()

        assert stream.types == ["node-enter", "token-stream", "error"]
        assert stream.events[-1].data["delta"]["code"] == "UPSTREAM_ERROR"
        assert b"SECRET" not in stream.body
        assert len(model.calls) == 1

    async def test_is_tried_again_while_the_model_is_overloaded(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.script = {1: respond(status=429, retry_after="2"), 2: respond(status=529)}

        stream = await client.open().finish()

        assert len(stream.events) == 56
        assert [c.started_at for c in model.calls[:3]] == pytest.approx([0, 2, 3.25])
        assert len(model.calls) == 16

    async def test_is_reported_at_once_when_the_model_asks_for_too_much_patience(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = respond(status=429, retry_after="31")

        stream = await client.open().finish()

        assert stream.events[-1].data["delta"]["code"] == "UPSTREAM_RATE_LIMITED"
        assert stream.events[-1].at == pytest.approx(0)

    async def test_by_silence_before_the_first_token_is_a_timeout(
        self, client: Client, model: ScriptedModel
    ) -> None:
        await client.restart(upstream_first_token_timeout_s=2)
        model.answer = hold_first_token

        stream = await client.open().finish()

        assert stream.events[-1].data["delta"] == {
            "status": "error",
            "code": "UPSTREAM_TIMEOUT",
            "message": "the language model took too long to answer",
            "retryable": True,
        }
        assert stream.events[-1].at == pytest.approx(2)
        assert model.calls[0].left_at == pytest.approx(2)

    async def test_by_silence_after_tokens_is_a_timeout_of_the_whole_call(
        self, client: Client, model: ScriptedModel
    ) -> None:
        await client.restart(upstream_first_token_timeout_s=2)
        model.answer = stalled

        stream = await client.open().finish()

        assert stream.events[-1].data["delta"]["code"] == "UPSTREAM_TIMEOUT"
        assert stream.events[-1].at == pytest.approx(60)

    async def test_of_our_own_making_is_an_internal_error(
        self,
        client: Client,
        model: ScriptedModel,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def explode(_call: Call) -> httpx.Response:
            raise ZeroDivisionError("SECRET")

        model.answer = explode

        stream = await client.open().finish()

        assert stream.events[-1].data["delta"] == {
            "status": "error",
            "code": "INTERNAL_ERROR",
            "message": "an internal error ended the run",
            "retryable": False,
        }
        assert b"SECRET" not in stream.body
        assert "ZeroDivisionError" in caplog.text

    async def test_in_a_later_node_keeps_everything_before_it(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.script[3] = respond(chunk("x"), status=500)

        stream = await client.open().finish()

        assert len(stream.events) == 2 * 4 + 2
        assert stream.events[-1].data["node"] == "source-retrieval"
