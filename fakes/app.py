"""The fakes' request handler: provider endpoints and the control API, wired.

Wiring only: which path goes where, and a refusal in the shape its reader expects.
Must not encode anything itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .call import Outcome
from .control import PREFIX, Control, send_json
from .delivery import StreamDelivery, WholeDelivery
from .directives import correlation_key, parse_blocks, script_for
from .engine import Performance
from .errors import RequestError, ScriptError
from .gates import Gates, KeyTable
from .http1 import Framing, encode_response
from .journal import Journal
from .player import make_plan
from .providers import openai_chat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .call import Call
    from .connection import Connection
    from .directives import Block
    from .engine import Timers
    from .http1 import Request
    from .player import Plan
    from .providers.openai_chat import ChatRequest
    from .script import Library

__all__ = ["App"]

# A refusal may quote the request; the journal keeps that much of it.
MAX_REFUSAL: Final = 500


class App:
    """Everything a fake knows, and how it answers."""

    def __init__(
        self, *, seed: int, library: Library, timers: Timers, version: str
    ) -> None:
        """Start with an empty journal and every gate closed."""
        self.journal = Journal()
        self._seed = seed
        self._library = library
        self._timers = timers
        self._keys = KeyTable()
        self._control = Control(
            journal=self.journal, keys=self._keys, timers=timers, version=version
        )

    def handle(self, request: Request, link: Connection) -> None:
        """Answer one request, or attach the performance that does."""
        if request.path.startswith(PREFIX):
            self._handle_control(request, link)
            return
        try:
            _check_endpoint(request)
        except RequestError as error:
            _send_refusal(error, link, keep_alive=request.keep_alive)
        else:
            self._handle_model(request, link)

    def refuse(self, error: RequestError, link: Connection) -> None:
        """Answer what is no request at all, then hang up."""
        _send_refusal(error, link, keep_alive=False)

    def _handle_control(self, request: Request, link: Connection) -> None:
        try:
            self._control.handle(request, link)
        except RequestError as error:
            send_json(request, link, {"error": str(error)}, status=error.status)

    def _handle_model(self, request: Request, link: Connection) -> None:
        """Put one call on the record, then play it or refuse it."""
        try:
            chat = openai_chat.parse_request(request.body, request.headers)
            blocks = parse_blocks(chat.texts)
            key = correlation_key(blocks)
        except (RequestError, ScriptError) as error:
            call = self._begin(None, None)
            self._refuse_call(call, _as_refusal(error), request, link)
            return
        call = self._begin(key, chat)
        try:
            plan = self._plan(chat, blocks, call)
        except ScriptError as error:
            self._refuse_call(call, _as_refusal(error), request, link)
            return
        self._play(plan, chat, call, request, link)

    def _begin(self, key: str | None, chat: ChatRequest | None) -> Call:
        return self.journal.begin(
            key=key,
            provider=openai_chat.NAME,
            model=chat.model if chat else None,
            stream=chat.stream if chat else False,
            at=self._timers.time(),
        )

    def _refuse_call(
        self, call: Call, error: RequestError, request: Request, link: Connection
    ) -> None:
        call.status = error.status
        call.refusal = str(error)[:MAX_REFUSAL]
        call.end(Outcome.REFUSED, self._timers.time())
        _send_refusal(error, link, keep_alive=request.keep_alive)

    def _plan(self, chat: ChatRequest, blocks: Sequence[Block], call: Call) -> Plan:
        """Choose the script: put for the key, else said in the prompt, else default.

        Raises:
            ScriptError: when it cannot be followed.
        """
        script = self._keys.script(call.key) if call.key is not None else None
        if script is None:
            script = script_for(blocks, call.turn, self._library)
        if script.hold and call.key is None:
            raise ScriptError(
                "[[fake:hold]]: expected call=KEY in the request, without it nobody "
                "can release the gate"
            )
        return make_plan(script, seed=self._seed, fingerprint=chat.fingerprint)

    def _play(
        self,
        plan: Plan,
        chat: ChatRequest,
        call: Call,
        request: Request,
        link: Connection,
    ) -> None:
        reply = openai_chat.ChatReply(request=chat, seed=self._seed)
        framing = Framing.of(request)
        deliver = StreamDelivery if chat.stream else WholeDelivery
        performance = Performance(
            plan=plan,
            delivery=deliver(reply, framing),
            framing=framing,
            call=call,
            gates=self._keys.gates(call.key) if call.key is not None else Gates(),
            link=link,
            timers=self._timers,
        )
        link.attach(performance)
        performance.start()


def _check_endpoint(request: Request) -> None:
    if request.path != openai_chat.PATH:
        raise RequestError(
            f"Invalid URL ({request.method} {request.path}); this fake has "
            f"POST {openai_chat.PATH} and {PREFIX}",
            status=404,
        )
    if request.method != "POST":
        raise RequestError(
            f"Not allowed to {request.method} on {request.path} (HINT: expected POST)",
            status=405,
            code="method_not_supported",
        )


def _as_refusal(error: RequestError | ScriptError) -> RequestError:
    if isinstance(error, RequestError):
        return error
    return RequestError(str(error), param="messages", code="invalid_directive")


def _send_refusal(error: RequestError, link: Connection, *, keep_alive: bool) -> None:
    body = openai_chat.encode_error(error)
    headers = [("content-type", "application/json")]
    link.write(encode_response(error.status, headers, body, keep_alive=keep_alive))
    link.finish(keep_alive=keep_alive)
