"""One performance on virtual time, with everything it touches in reach."""

from __future__ import annotations

from typing import Any, Self

from tests.fakes.raw_client import names
from tests.fakes.virtual import VirtualLink, VirtualTimers

from streamproof.fakes.calls.gates import Gates
from streamproof.fakes.calls.journal import Journal
from streamproof.fakes.calls.queues import Queues
from streamproof.fakes.net.http1 import Framing
from streamproof.fakes.performance.delivery import deliver
from streamproof.fakes.performance.engine import Performance
from streamproof.fakes.performance.lingering import Lingering
from streamproof.fakes.plan.player import make_plan
from streamproof.fakes.providers.openai_chat import ChatReply, ChatRequest
from streamproof.fakes.script import Say, Script

__all__ = ["THREE", "Stage"]

THREE = (Say(text="a b c"),)


class Stage:
    """One performance; with `beside`, one that shares clock, queues and the like."""

    def __init__(
        self, script: Script, *, stream: bool = True, beside: Stage | None = None
    ) -> None:
        self.link = VirtualLink()
        self.timers: VirtualTimers = beside.timers if beside else VirtualTimers()
        self.gates: Gates = beside.gates if beside else Gates()
        self.queues: Queues = beside.queues if beside else Queues()
        self.lingering: Lingering = beside.lingering if beside else Lingering()
        self.journal: Journal = beside.journal if beside else Journal()
        request = ChatRequest(
            model="m",
            stream=stream,
            texts=("hi",),
            include_usage=False,
            include_obfuscation=False,
            max_tokens=None,
            fingerprint="f",
        )
        self.call = self.journal.begin(
            key="k", provider="p", model="m", stream=stream, at=self.timers.now
        )
        plan = make_plan(script, seed=0, fingerprint="f", stream=stream)
        self.performance = Performance(
            plan=plan,
            delivery=deliver(
                ChatReply(request=request, answer=plan.answer, seed=0),
                Framing(chunked=True, keep_alive=True),
                stream=stream,
                wire=script.wire,
            ),
            call=self.call,
            gates=self.gates,
            queues=self.queues,
            lingering=self.lingering,
            link=self.link,
            timers=self.timers,
        )

    def start(self) -> Self:
        self.performance.start()
        return self

    @property
    def record(self) -> dict[str, Any]:
        return self.call.as_json()

    @property
    def names(self) -> list[str]:
        return names(self.record)

    def times_ms(self, name: str) -> list[float]:
        return [
            round((event["at"] - 1000.0) * 1000, 6)
            for event in self.record["events"]
            if event["name"] == name
        ]
