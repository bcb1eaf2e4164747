"""Client of the fake provider's control API: its journal, its gates, its clock.

Every time it returns is on the suite's clock. An answer that is not as agreed raises
`ControlError`; must not be used to talk to the target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Self, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from ...errors import ControlError
from ...model import CallEvent, UpstreamCall

CALIBRATIONS = 7
"""The fastest of these readings decides: the error is at most half its round trip."""

MAX_WAIT_S = 60.0
"""The longest wait that the control API takes; longer ones are asked for again."""

ANSWER_S = 10.0
"""An answer takes about 1 ms; this one bounds a provider that hangs."""

_EARLY_S = 0.1
_EXCERPT = 200


class _Health(BaseModel):
    clock: float


class _Event(BaseModel):
    at: float
    name: str
    n: int | None = None


class _Tokens(BaseModel):
    generated: int
    sent: int
    after_peer_gone: int


class _Call(BaseModel):
    key: str | None
    turn: int
    outcome: str | None
    fault: str | None
    peer: str | None
    tokens: _Tokens
    events: list[_Event]


class _Calls(BaseModel):
    calls: list[_Call]


class _Waited(BaseModel):
    reached: bool


class _Put(BaseModel):
    key: str


class _Forgotten(BaseModel):
    forgotten: Annotated[int, Field(ge=0)]


class _Released(BaseModel):
    released: Annotated[int, Field(ge=0)]


_Answer = TypeVar("_Answer", bound=BaseModel)


@dataclass(slots=True)
class Control:
    """One fake provider.

    Attributes:
        client: with the provider's base URL.
        clock: the suite's monotonic clock, in seconds.
        offset_s: what to add to one of its times to have it on the suite's clock.
    """

    client: httpx.AsyncClient
    clock: Callable[[], float]
    offset_s: float = 0.0

    @classmethod
    def at(cls, url: str, clock: Callable[[], float]) -> Self:
        """Prepare for the provider with this base URL."""
        client = httpx.AsyncClient(
            base_url=url,
            # Long polls, one for each waiting probe: the usual 100 are no bound here.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
            # A proxy out of the environment would sit between us and this machine.
            trust_env=False,
        )
        return cls(client=client, clock=clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.client.aclose()

    async def calibrate(self) -> None:
        """Find out how its clock stands to ours."""
        best = float("inf")
        for _ in range(CALIBRATIONS):
            asked = self.clock()
            health = await self._ask(_Health, "GET", "/_fakes/health")
            answered = self.clock()
            if answered - asked < best:
                best = answered - asked
                self.offset_s = (asked + answered) / 2 - health.clock

    async def calls(self, key: str) -> tuple[UpstreamCall, ...]:
        """Return the model calls with this key, in the order in which they came."""
        answer = await self._ask(_Calls, "GET", "/_fakes/calls", params={"key": key})
        return tuple(self._shifted(call) for call in answer.calls)

    async def wait(self, key: str, turn: int, state: str, within_s: float) -> bool:
        """Wait until a model call has reached a state; tell whether it has.

        Args:
            key: the correlation key.
            turn: which of its calls, from 1.
            state: `accepted`, `headers_sent`, `token:N`, `held`, `ended` and so on.
            within_s: how long at most.
        """
        until = self.clock() + within_s
        while True:
            asked = self.clock()
            left = min(max(until - asked, 0.0), MAX_WAIT_S)
            answer = await self._ask(
                _Waited,
                "GET",
                f"/_fakes/calls/{key}/{turn}/wait",
                params={"state": state, "timeout_ms": str(round(left * 1000))},
                within_s=left + ANSWER_S,
            )
            # An early no is final: the call has ended without that state.
            is_final = self.clock() - asked < left - _EARLY_S
            if answer.reached or is_final or self.clock() >= until:
                return answer.reached

    async def release(self, key: str) -> None:
        """Open the gates of this key, those to come included."""
        await self._ask(_Released, "POST", f"/_fakes/gates/{key}/release", json={})

    async def forget(self, key: str) -> None:
        """Let this key be as if it had never been used: calls, turns, script."""
        await self._ask(_Forgotten, "DELETE", f"/_fakes/calls/{key}")

    async def put_script(self, key: str, turns: list[dict[str, object]]) -> None:
        """Let the calls of this key follow a script: what each turn does, as JSON."""
        await self._ask(_Put, "PUT", f"/_fakes/scripts/{key}", json=turns)

    async def _ask(
        self,
        shape: type[_Answer],
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: object = None,
        within_s: float = ANSWER_S,
    ) -> _Answer:
        answer = await self._send(
            method, path, params=params, json=json, within_s=within_s
        )
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as problem:
            found = problem.errors(include_url=False)[0]
            where = ".".join(str(part) for part in found["loc"]) or "the body"
            raise ControlError(
                f"{method} {answer.url}: {where}: {found['msg']}, "
                f"got {answer.text[:_EXCERPT]!r}"
            ) from problem

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: object = None,
        within_s: float = ANSWER_S,
    ) -> httpx.Response:
        try:
            answer = await self.client.request(
                method, path, params=params, json=json, timeout=within_s
            )
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            words = str(problem) or type(problem).__name__
            raise ControlError(
                f"the fake provider's control API at {self.client.base_url} does not "
                f"answer: {words.lower()}; is `streamproof-fakes` running there?"
            ) from problem
        if not answer.is_success:
            raise ControlError(
                f"expected the fake provider to accept {method} {answer.url}, got "
                f"{answer.status_code}: {answer.text[:_EXCERPT]!r}"
            )
        return answer

    def _shifted(self, call: _Call) -> UpstreamCall:
        return UpstreamCall(
            key=call.key or "",
            turn=call.turn,
            outcome=call.outcome,
            fault=call.fault,
            peer=call.peer,
            generated=call.tokens.generated,
            sent=call.tokens.sent,
            after_peer_gone=call.tokens.after_peer_gone,
            events=tuple(
                CallEvent(name=event.name, at=event.at + self.offset_s, n=event.n)
                for event in call.events
            ),
        )
