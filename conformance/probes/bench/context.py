"""What a probe works with: verbs that read like its description.

One context serves one execution of one probe: its users, its steering keys, its
exchanges. Must not judge, and must not know what any probe is about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from ...errors import ControlError
from ...model import Evidence, Request, UpstreamCall
from ...profiles import Profile
from ...profiles.requests import (
    cancel_request,
    resume_request,
    start_request,
    with_credential,
)
from ...profiles.typed import parse_id
from ...steering import TWO_TOKENS, Script, Word, is_shown, write_script
from .control import Control
from .missing import MissingError
from .sight import Sight
from .stream import Leave, Order, Stream
from .surroundings import Surroundings
from .tokens import Credential

PLAIN_PROMPT = "Please answer in one short sentence."
"""What is asked of a model that nobody steers."""

SETTLE_S = 0.2
"""How long a thing that must not happen is waited for: a swallowed cancellation goes on
to the next model call within a few ms."""

OPEN_CALL_S = 0.5
"""How long the journal may take to note the end of a call whose stream is over."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One execution of one probe.

    Attributes:
        name: of the probe.
        nonce: makes its users and keys unlike those of any other execution.
        group: where its exchanges are carried out.
        marks: named instants in seconds.
        facts: further JSON values for the checks.
    """

    name: str
    nonce: str
    surroundings: Surroundings
    group: TaskGroup
    marks: dict[str, float] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)
    _streams: dict[str, Stream] = field(default_factory=dict)
    _bare: dict[str, Request] = field(default_factory=dict)
    _scripts: dict[str, Script] = field(default_factory=dict)
    _left_out: dict[str, str] = field(default_factory=dict)
    _released: set[str] = field(default_factory=set)
    _put: dict[str, object] = field(default_factory=dict)

    @property
    def profile(self) -> Profile:
        """What the target says about itself."""
        return self.surroundings.profile

    @property
    def patience_s(self) -> float:
        """By how much a target may be late before it is given up."""
        return self.surroundings.patience_s

    @property
    def is_steered(self) -> bool:
        """Tell whether the model can be told what to do, and its journal be read."""
        return self.surroundings.is_steered

    def can_be_another(self, label: str) -> bool:
        """Tell whether this exchange of another user can be made; if not, note that."""
        credentials = self.surroundings.credentials
        if credentials is not None and credentials.has_users:
            return True
        self.leave_out(label, "there is only one user: give a secret or a command")
        return False

    def mark(self, name: str, at: float | None = None) -> float:
        """Note an instant, now or `at`, in seconds."""
        self.marks[name] = self.surroundings.clock() if at is None else at
        return self.marks[name]

    def leave_out(self, label: str, why: str) -> None:
        """Note that an exchange was not made: the fact `left_out` maps label to why."""
        self._left_out[label] = why
        self.facts["left_out"] = self._left_out

    def user(self, name: str) -> str:
        """Return the full name of one of this probe's users."""
        return f"{self.name}-{self.nonce}-{name}"

    # Steering

    def script(
        self,
        *special: Word,
        always: Iterable[Word] = TWO_TOKENS,
        call: int | None = None,
        part: str = "",
    ) -> Script:
        """Make a script with a key of its own.

        `special` is what one model call does, the one with the number `call` or else
        the first that a reader sees; see `steering.write_script`.
        """
        key = f"{self.name}-{self.nonce}" + (f"-{part}" if part else "")
        steering = self.profile.steering
        script = write_script(steering, key, *special, always=always, call=call)
        self._scripts[key] = script
        return script

    def prompt(self, script: Script) -> str:
        """Return the user text for a script; a plain one where it cannot be steered."""
        if not self.is_steered:
            return PLAIN_PROMPT
        is_key = self.profile.steering.mode == "key"
        return script.marker() if is_key else script.text()

    async def _put_scripts(self) -> None:
        """Put every script at the provider for which the prompt has no room.

        The fact `scripts` holds them by key, for whoever wants to send a request again.
        """
        if not self.is_steered or self.profile.steering.mode != "key":
            return
        for key, script in self._scripts.items():
            if key not in self._put:
                self._put[key] = script.json()
                await self._control.put_script(key, script.json())
        self.facts["scripts"] = self._put

    async def release(self, *scripts: Script) -> None:
        """Let the model go on behind its gates."""
        for script in scripts:
            if self.is_steered and script.key not in self._released:
                self._released.add(script.key)
                await self._control.release(script.key)

    async def reaches(
        self, script: Script, state: str, within_s: float, *, turn: int | None = None
    ) -> bool:
        """Wait until the watched model call, or that turn, has reached a state."""
        turn = script.turn if turn is None else turn
        return await self._control.wait(script.key, turn, state, within_s)

    async def reaches_for(self, stream: Stream, script: Script, state: str) -> bool:
        """Wait until the watched call is in a state, as long as its stream lives.

        A stream that was refused makes no call: there is nothing to wait for.
        """
        with anyio.CancelScope() as scope:
            self.group.start_soon(_cancel_after, stream, scope)
            return await self.reaches(script, state, self.patience_s)
        return await self.reaches(script, state, 0)

    async def settle(self, script: Script) -> None:
        """Give a run that should be over the time to make a further model call."""
        await self.reaches(script, "accepted", SETTLE_S, turn=script.turn + 1)

    async def shows(
        self, stream: Stream, script: Script, tokens: int, within_s: float = math.inf
    ) -> None:
        """Wait until a reader is up to date with a model that has sent so many tokens.

        Of a call that is hidden nothing is to be seen: then it is the model that is
        waited for, and any event.
        """
        if is_shown(self.profile.steering, script.turn):
            await stream.has_tokens(tokens, within_s)
            return
        await self.reaches_for(stream, script, script.token_state(tokens))
        await stream.has_events(1, within_s)

    @property
    def _control(self) -> Control:
        if self.surroundings.control is None:
            raise MissingError("no control URL of a fake provider was given")
        return self.surroundings.control

    # Requests

    async def start(
        self, label: str, script: Script, *, user: str = "a", extra_s: float = 0.0
    ) -> Stream:
        """Start a stream and return at once, while it is carried out.

        `extra_s` is for what makes it last longer than its script says.
        """
        request = self.request(script)
        return await self.send(
            label, request, user=user, extra_s=extra_s + self._seconds(script)
        )

    def request(self, script: Script) -> Request:
        """Return the request that `start` would send, without a credential."""
        prefix = self.surroundings.target.prefix
        return start_request(self.profile, prefix, self.prompt(script))

    async def resume(
        self, label: str, stream: Stream, after: str, *, user: str = "a"
    ) -> Stream:
        """Come back to a stream after one of its events."""
        request = resume_request(
            self.profile,
            self.surroundings.target.prefix,
            self.bare_request(stream),
            after,
        )
        extra_s = stream.order.deadline_s - self.patience_s
        return await self.send(label, request, user=user, extra_s=extra_s)

    async def cancel(self, label: str, stream_id: str, *, user: str = "a") -> Stream:
        """Ask for the end of a stream and wait for the answer."""
        prefix = self.surroundings.target.prefix
        request = cancel_request(self.profile, prefix, stream_id)
        answer = await self.send(label, request, user=user)
        await answer.over()
        return answer

    async def send(
        self,
        label: str,
        request: Request,
        *,
        user: str = "a",
        credential: Credential | None = None,
        http_version: str = "1.1",
        extra_s: float = 0.0,
    ) -> Stream:
        """Send any request and return at once, while it is carried out.

        Args:
            label: of the exchange; a later one of the same label replaces it.
            request: a credential of `user` is put where the profile says.
            user: in whose name.
            credential: if given, the request is sent as it is, with this for any
                `$TOKEN` in it.
            http_version: of the request.
            extra_s: how long the answer takes, beyond the general patience.
        """
        await self._put_scripts()
        self._bare[label] = request
        if credential is None:
            request = with_credential(self.profile, request)
            credential = Credential(await self.surroundings.token(self.user(user)))
        order = Order(
            label=label,
            user=self.user(user),
            target=self.surroundings.target,
            request=request,
            credential=credential.text,
            token=credential.what,
            http_version=http_version,
            deadline_s=self.patience_s + extra_s,
        )
        stream = Stream(order, Sight(profile=self.profile), self.surroundings.clock)
        self._streams[label] = stream
        self.group.start_soon(stream.run)
        return stream

    def bare_request(self, stream: Stream) -> Request:
        """Return the request that started a stream, without its credential."""
        return self._bare[stream.label]

    def stream_id(self, stream: Stream) -> str | None:
        """Return the id of a stream: from its header, or else from an event's id."""
        name = self.profile.response.stream_id_header
        if name is not None:
            return stream.header(name)
        found = (parse_id(id_, self.profile) for id_ in stream.ids)
        return next((id_.stream for id_ in found if id_ and id_.stream), None)

    def _seconds(self, script: Script) -> float:
        if not self.is_steered:
            return self.surroundings.model_s
        return script.seconds

    # The end

    async def evidence(self) -> Evidence:
        """Close what is still open and return all that was found."""
        for stream in self._streams.values():
            if not stream.is_over:
                await stream.leave(Leave.RST)
        return Evidence(
            probe=self.name,
            exchanges=tuple(stream.exchange() for stream in self._streams.values()),
            calls=tuple(await self._calls()),
            marks=self.marks,
            facts=self.facts,
        )

    async def _calls(self) -> list[UpstreamCall]:
        if not self.is_steered:
            return []
        found: list[UpstreamCall] = []
        for key in self._scripts:
            calls = await self._control.calls(key)
            still_open = [call.turn for call in calls if call.outcome is None]
            for turn in still_open:
                await self._control.wait(key, turn, "ended", OPEN_CALL_S)
            found += await self._control.calls(key) if still_open else calls
        return found

    async def clean_up(self) -> None:
        """Release every gate that a broken target may still wait at."""
        # A fake provider that does not answer was reported where it was needed.
        with suppress(ControlError):
            await self.release(*(s for s in self._scripts.values() if s.holds))


async def _cancel_after(stream: Stream, scope: anyio.CancelScope) -> None:
    await stream.over()
    scope.cancel()
