"""Calls of models: which script one follows, what its quota says, and every refusal.

A call is put on the record, its script chosen and made a plan, and a performance
attached that plays it. Must not encode anything itself.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from .calls.call import Outcome
from .calls.gates import Gates
from .errors import RequestError, ScriptError
from .keys import FIELD, key_of_field
from .net.http1 import Framing, encode_response
from .performance.delivery import deliver
from .performance.drip import narrow
from .performance.engine import Performance
from .performance.lingering import Lingering
from .plan.player import make_plan
from .providers import DEFAULT, name_at, params_of, provider_at
from .providers.listings import listing_at
from .providers.provider import Received
from .script.directives import correlation_key, parse_blocks, script_for
from .script.rules import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .calls.call import Call
    from .namespaces import Namespace
    from .net.http1 import Request
    from .net.link import Link, Timers
    from .performance.delivery import Delivery
    from .plan.player import Plan
    from .providers.provider import Ask, Provider
    from .script import Quota, Script
    from .script.directives import Block

__all__ = ["ModelApi"]

# A refusal may quote the request; the journal keeps that much of it.
MAX_REFUSAL: Final = 500


class ModelApi:
    """Answers the requests to models of every provider, out of a namespace."""

    def __init__(self, *, seed: int, timers: Timers) -> None:
        """Take what everything said derives from, and the clock it is said by."""
        self._seed = seed
        self._timers = timers
        self._lingering = Lingering()

    def shut_down(self) -> None:
        """Stop the models that no client listens to; connections stop the others."""
        self._lingering.shut_down()

    def refuse(self, error: RequestError, link: Link) -> None:
        """Answer what is no request at all, then hang up."""
        headers, body = DEFAULT.refuse(error, seed=self._seed, fingerprint="")
        link.write(encode_response(error.status, headers, body, keep_alive=False))
        link.finish(keep_alive=False)

    def handle(self, request: Request, link: Link, space: Namespace) -> None:
        """Put one call on the record, then play it or refuse it."""
        told = listing_at(request.method, request.path, request.headers, request.query)
        if told is not None:
            keep = request.keep_alive
            link.write(encode_response(200, *told, keep_alive=keep))
            link.finish(keep_alive=keep)
            return
        visit = _Visit(
            request=request, link=link, provider=provider_at(request.path), space=space
        )
        try:
            params = params_of(visit.provider, visit.request.method, visit.request.path)
            ask = visit.provider.read(visit.received(params))
            blocks = parse_blocks(ask.texts)
            key = correlation_key(blocks, key_of_field(visit.request.headers))
        except (RequestError, ScriptError) as error:
            call = self._begin(None, None, visit)
            self._refuse_call(call, error, visit)
            return
        call = self._begin(key, ask, visit)
        try:
            self._answer(ask, blocks, call, visit)
        except (RequestError, ScriptError) as error:
            self._refuse_call(call, error, visit)
        except BaseException as error:
            # A mistake of ours: a wait for the call's end is told of it.
            if call.outcome is None:
                call.refusal = f"failed in the fakes: {error!r}"[:MAX_REFUSAL]
                call.end(Outcome.FAULTED, self._timers.time())
            raise

    def _answer(
        self, ask: Ask, blocks: Sequence[Block], call: Call, visit: _Visit
    ) -> None:
        """Play one call.

        Raises:
            ScriptError: when its script cannot be followed.
            RequestError: when there is none for it.
        """
        plan = self._plan(ask, blocks, call, visit)
        # Before it is counted: a call that is refused costs nothing.
        delivery = self._delivery(ask, plan, visit)
        if plan.script.quota is not None:
            plan = self._charged(plan, plan.script.quota, call, visit)
            delivery = self._delivery(ask, plan, visit)
        self._play(plan, delivery, call, visit)

    def _delivery(self, ask: Ask, plan: Plan, visit: _Visit) -> Delivery:
        return deliver(
            ask.reply(plan.answer, self._seed),
            Framing.of(visit.request),
            stream=ask.stream,
            wire=plan.script.wire,
        )

    def _begin(self, key: str | None, ask: Ask | None, visit: _Visit) -> Call:
        return visit.space.journal.begin(
            key=key,
            provider=name_at(visit.request.path),
            model=ask.model if ask else None,
            stream=ask.stream if ask else False,
            at=self._timers.time(),
            request=visit.request,
        )

    def _refuse_call(
        self, call: Call, error: RequestError | ScriptError, visit: _Visit
    ) -> None:
        if isinstance(error, ScriptError):
            error = _as_refusal(error, call, visit)
        call.status = error.status
        call.refusal = str(error)[:MAX_REFUSAL]
        call.end(Outcome.REFUSED, self._timers.time())
        self._send_refusal(error, visit)

    def _plan(
        self, ask: Ask, blocks: Sequence[Block], call: Call, visit: _Visit
    ) -> Plan:
        """Choose the script and make it a plan.

        Raises:
            ScriptError: when it cannot be followed.
            RequestError: when there is none for this call.
        """
        script = self._script(ask, blocks, call, visit)
        if script.hold and call.key is None:
            raise ScriptError(
                "hold: expected call=KEY in a directive of the request, or the header "
                f"field {FIELD}, which name the gate to release"
            )
        return make_plan(
            script,
            seed=self._seed,
            fingerprint=visit.fingerprint,
            prompt_tokens=ask.prompt_tokens,
            max_tokens=ask.max_tokens,
            stream=ask.stream,
        )

    def _script(
        self, ask: Ask, blocks: Sequence[Block], call: Call, visit: _Visit
    ) -> Script:
        """Choose: put for the key, in the prompt, for the next call, or by a rule."""
        space = visit.space
        put = space.keys.script(call.key, call.turn) if call.key is not None else None
        if put is not None:
            call.script = "put"
            return put
        if blocks:
            call.script = "directives"
            return script_for(blocks, call.turn, space.library)
        told = space.following.follow()
        if told is not None:
            place, script = told
            call.script = f"next.{place}"
            return script
        followed = space.rulebook.follow(
            Facts(
                texts=ask.texts,
                model=ask.model,
                provider=visit.provider.name,
                headers=visit.request.headers,
            )
        )
        call.script = followed.source
        return followed.script

    def _play(self, plan: Plan, delivery: Delivery, call: Call, visit: _Visit) -> None:
        script = plan.script
        link = narrow(visit.link, script.wire, script.drip, self._timers)
        performance = Performance(
            plan=plan,
            delivery=delivery,
            call=call,
            gates=_gates_of(call, plan, visit.space),
            queues=visit.space.queues,
            lingering=self._lingering,
            link=link,
            timers=self._timers,
        )
        link.attach(performance)
        performance.start()

    def _charged(self, plan: Plan, quota: Quota, call: Call, visit: _Visit) -> Plan:
        """Count the call against its quota."""
        tokens = plan.prompt_tokens + plan.answer.size
        charge = visit.space.quotas.charge(
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


def _as_refusal(error: ScriptError, call: Call, visit: _Visit) -> RequestError:
    """Tell whose mistake it is: the prompt's, or a script's that the prompt is not."""
    if call.script in {None, "directives"}:
        param, code, words = visit.provider.prompt_field, "invalid_directive", ""
    elif call.script == "put":
        param, code, words = None, "invalid_script", f"script put for {call.key!r}: "
    else:
        param, code, words = None, "invalid_script", f"script {call.script}: "
    return RequestError(f"{words}{error}", param=param, code=code)


def _gates_of(call: Call, plan: Plan, space: Namespace) -> Gates:
    """Return the gates of the key; a call that is never held needs none."""
    if call.key is None or not plan.script.hold:
        return Gates()
    return space.keys.gates(call.key)


class _Visit:
    """A request on its connection, the provider it is for, and its namespace."""

    __slots__ = ("fingerprint", "link", "provider", "request", "space")

    def __init__(
        self, *, request: Request, link: Link, provider: Provider, space: Namespace
    ) -> None:
        self.request = request
        self.link = link
        self.provider = provider
        self.space = space
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
