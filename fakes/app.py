"""The fakes' request handler: provider endpoints and the control API, wired.

Wiring only: which path goes where, and a refusal in the shape its reader expects.
Must not encode anything itself.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from .call import Outcome
from .control import PREFIX, Control, send_json
from .delivery import deliver
from .directives import correlation_key, parse_blocks, script_for
from .drip import narrow
from .engine import Performance
from .errors import RequestError, ScriptError
from .gates import Gates, KeyTable
from .http1 import Framing, encode_response
from .journal import Journal
from .lingering import Lingering
from .player import make_plan
from .providers import DEFAULT, params_of, provider_at
from .providers.provider import Received
from .queues import Queues
from .quotas import Quotas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .call import Call
    from .delivery import Delivery
    from .directives import Block
    from .http1 import Request
    from .link import Link, Timers
    from .player import Plan
    from .providers.provider import Ask, Provider
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
        self._queues = Queues()
        self._quotas = Quotas()
        self._lingering = Lingering()
        self._control = Control(
            journal=self.journal, keys=self._keys, timers=timers, version=version
        )

    @property
    def is_held(self) -> bool:
        """Whether some call waits at a gate, so that time alone changes nothing."""
        return any(call.is_held for call in self.journal.calls())

    def handle(self, request: Request, link: Link) -> None:
        """Answer one request, or attach the performance that does."""
        if request.path.startswith(PREFIX):
            self._handle_control(request, link)
            return
        provider = provider_at(request.path)
        visit = _Visit(request=request, link=link, provider=provider)
        try:
            params = params_of(provider, request.method, request.path)
        except RequestError as error:
            self._send_refusal(error, visit)
        else:
            self._handle_model(params, visit)

    def shut_down(self) -> None:
        """Stop the models that nobody listens to; connections stop the others."""
        self._lingering.shut_down()

    def refuse(self, error: RequestError, link: Link) -> None:
        """Answer what is no request at all, then hang up."""
        headers, body = DEFAULT.refuse(error, seed=self._seed, fingerprint="")
        link.write(encode_response(error.status, headers, body, keep_alive=False))
        link.finish(keep_alive=False)

    def _handle_control(self, request: Request, link: Link) -> None:
        try:
            self._control.handle(request, link)
        except RequestError as error:
            send_json(request, link, {"error": str(error)}, status=error.status)

    def _handle_model(self, params: Mapping[str, str], visit: _Visit) -> None:
        """Put one call on the record, then play it or refuse it."""
        try:
            ask = visit.provider.read(visit.received(params))
            blocks = parse_blocks(ask.texts)
            key = correlation_key(blocks)
        except (RequestError, ScriptError) as error:
            call = self._begin(None, None, visit)
            self._refuse_call(call, error, visit)
            return
        call = self._begin(key, ask, visit)
        try:
            plan = self._charged(self._plan(ask, blocks, call, visit), call)
            delivery = deliver(
                ask.reply(plan.answer, self._seed),
                Framing.of(visit.request),
                stream=ask.stream,
                wire=plan.script.wire,
            )
        except ScriptError as error:
            self._refuse_call(call, error, visit)
            return
        self._play(plan, delivery, call, visit)

    def _begin(self, key: str | None, ask: Ask | None, visit: _Visit) -> Call:
        return self.journal.begin(
            key=key,
            provider=visit.provider.name,
            model=ask.model if ask else None,
            stream=ask.stream if ask else False,
            at=self._timers.time(),
        )

    def _refuse_call(
        self, call: Call, error: RequestError | ScriptError, visit: _Visit
    ) -> None:
        if isinstance(error, ScriptError):
            error = RequestError(
                str(error),
                param=visit.provider.prompt_field,
                code="invalid_directive",
            )
        call.status = error.status
        call.refusal = str(error)[:MAX_REFUSAL]
        call.end(Outcome.REFUSED, self._timers.time())
        self._send_refusal(error, visit)

    def _plan(
        self, ask: Ask, blocks: Sequence[Block], call: Call, visit: _Visit
    ) -> Plan:
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
        return make_plan(
            script,
            seed=self._seed,
            fingerprint=visit.fingerprint,
            prompt_tokens=ask.prompt_tokens,
            max_tokens=ask.max_tokens,
            stream=ask.stream,
        )

    def _play(self, plan: Plan, delivery: Delivery, call: Call, visit: _Visit) -> None:
        script = plan.script
        link = narrow(visit.link, script.wire, script.drip, self._timers)
        performance = Performance(
            plan=plan,
            delivery=delivery,
            call=call,
            gates=self._gates_of(call, plan),
            queues=self._queues,
            lingering=self._lingering,
            link=link,
            timers=self._timers,
        )
        link.attach(performance)
        performance.start()

    def _gates_of(self, call: Call, plan: Plan) -> Gates:
        """Return the gates of the key; a call that is never held needs none."""
        if call.key is None or not plan.script.hold:
            return Gates()
        return self._keys.gates(call.key)

    def _charged(self, plan: Plan, call: Call) -> Plan:
        """Count the call against its quota, if it has one."""
        quota = plan.script.quota
        if quota is None:
            return plan
        tokens = plan.prompt_tokens + plan.answer.size
        charge = self._quotas.charge(
            call.model or "", quota, tokens=tokens, at=self._timers.time()
        )
        call.when_ended(charge.leave)
        return plan.limited(charge.limits, charge.refusal)

    def _send_refusal(self, error: RequestError, visit: _Visit) -> None:
        headers, body = visit.provider.refuse(
            error, seed=self._seed, fingerprint=visit.fingerprint
        )
        keep = visit.request.keep_alive
        visit.link.write(encode_response(error.status, headers, body, keep_alive=keep))
        visit.link.finish(keep_alive=keep)


class _Visit:
    """A request on its connection, and the provider that it is for."""

    __slots__ = ("fingerprint", "link", "provider", "request")

    def __init__(self, *, request: Request, link: Link, provider: Provider) -> None:
        self.request = request
        self.link = link
        self.provider = provider
        self.fingerprint = sha256(request.body).hexdigest()

    def received(self, params: Mapping[str, str]) -> Received:
        return Received(
            path=self.request.path,
            params=params,
            query=self.request.query,
            headers=self.request.headers,
            body=self.request.body,
            fingerprint=self.fingerprint,
        )
