"""What a probe works with: verbs that read like its description.

One context serves one execution of one probe: its users, its steering keys, its
exchanges. Must not judge, and must not know what any probe is about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import anyio
from anyio.abc import TaskGroup
from pydantic import JsonValue

from ...errors import ControlError
from ...model import Evidence, Request, UpstreamCall
from ...profiles import Profile
from ...profiles.captures import find_in_stream
from ...profiles.placeholders import CURSOR, PROMPT, SESSION, STREAM, UUID
from ...profiles.pointer import MISSING
from ...profiles.requests import (
    cancel_request,
    resume_request,
    start_request,
    unfilled,
    with_credential,
)
from ...profiles.typed import parse_id
from ...steering import TWO_TOKENS, Script, Word, is_shown, write_script
from .control import Control
from .ids import make_uuid, unknown_id
from .live import Leave, LiveExchange, Order
from .missing import MissingError
from .surroundings import Surroundings
from .tokens import Credential

PLAIN_PROMPT = "Please answer in one short sentence."
"""What is asked of a model that is not steered."""

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
    _streams: dict[str, LiveExchange] = field(default_factory=dict)
    _bare: dict[str, Request] = field(default_factory=dict)
    _script_of: dict[str, Script] = field(default_factory=dict)
    _uuids: int = 0
    _scripts: dict[str, Script] = field(default_factory=dict)
    _left_out: dict[str, str] = field(default_factory=dict)
    _released: set[str] = field(default_factory=set)
    _put: dict[str, object] = field(default_factory=dict)
    _ready: set[str] = field(default_factory=set)
    _readying: anyio.Lock = field(default_factory=anyio.Lock)

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

    async def _ready_keys(self) -> None:
        """Make every new key ready: unused, its script put if the prompt has no room.

        An earlier run of the same seed has used the same keys, and the provider counts
        their turns. The fact `scripts` holds the scripts that were put by key, for
        the probe that sends a request again.
        """
        if not self.is_steered:
            return
        is_put = self.profile.steering.mode == "key"
        async with self._readying:
            for key, script in tuple(self._scripts.items()):
                if key in self._ready:
                    continue
                await self._control.forget(key)
                if is_put:
                    self._put[key] = script.json()
                    await self._control.put_script(key, script.json())
                self._ready.add(key)
        if is_put:
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

    async def reaches_for(
        self, stream: LiveExchange, script: Script, state: str
    ) -> bool:
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
        self,
        stream: LiveExchange,
        script: Script,
        tokens: int,
        within_s: float = math.inf,
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
    ) -> LiveExchange:
        """Start a stream and return at once, while it is carried out.

        `extra_s` is for what makes it last longer than its script says.
        """
        request = self.request(script)
        return await self.send(
            label,
            request,
            user=user,
            script=script,
            extra_s=extra_s + self.seconds(script),
        )

    def request(self, script: Script) -> Request:
        """Return the request that `start` would send, without a credential."""
        prefix = self.surroundings.target.prefix
        return start_request(self.profile, prefix, self.fresh_values(script))

    def fresh_values(self, script: Script) -> dict[str, JsonValue]:
        """Return the placeholders of a new request: prompt, session and UUID.

        The session is the same in all that is asked about the stream of one script.
        """
        self._uuids += 1
        return {
            PROMPT: self.prompt(script),
            SESSION: make_uuid(f"{script.key} session"),
            UUID: make_uuid(f"{self.name} {self.nonce} {self._uuids}"),
        }

    def values(self, stream: LiveExchange) -> dict[str, JsonValue]:
        """Return the placeholders of a new request about a stream, as far as known."""
        values = self.fresh_values(self._script_of[stream.label])
        stream_id = self.stream_id(stream)
        if stream_id is not None:
            values[STREAM] = stream_id
        for name, capture in self.profile.endpoint.captures.items():
            found = find_in_stream(capture, stream.headers, stream.events)
            if found is not MISSING:
                values[name] = cast("JsonValue", found)
        return values

    async def resume(
        self, label: str, stream: LiveExchange, after: str, *, user: str = "a"
    ) -> LiveExchange:
        """Come back to a stream after one of its events."""
        return await self.send(
            label,
            self.resume_request(stream, after),
            user=user,
            script=self._script_of.get(stream.label),
            extra_s=stream.order.deadline_s - self.patience_s,
        )

    def resume_request(self, stream: LiveExchange, after: str) -> Request:
        """Return the request that `resume` would send, without a credential.

        Raises:
            MissingError: the stream has not told what the request must name.
        """
        resume = self.profile.resume
        values: dict[str, JsonValue] = {CURSOR: after}
        if resume is not None and resume.path is not None:
            values = self.values(stream) | values
            if names := unfilled(resume.path, values):
                raise MissingError(_untold(names))
        prefix = self.surroundings.target.prefix
        return resume_request(self.profile, prefix, self._bare[stream.label], values)

    async def cancel(
        self,
        label: str,
        stream: LiveExchange,
        *,
        form: int = 0,
        user: str = "a",
        is_unknown: bool = False,
    ) -> LiveExchange | None:
        """Ask for the end of a stream and wait for the answer.

        `form` counts the requests that the profile declares for it. With `is_unknown`
        a stream is named that is none. Returns None, having noted why, where the stream
        has not told what the request must name.
        """
        request = self.cancel_request(stream, form, is_unknown=is_unknown)
        if request is None:
            self.leave_out(label, "the stream has not told what the cancel must name")
            return None
        answer = await self.send(label, request, user=user)
        await answer.over()
        return answer

    def cancel_request(
        self, stream: LiveExchange, form: int = 0, *, is_unknown: bool = False
    ) -> Request | None:
        """Return the request that `cancel` would send, without a credential."""
        explicit = () if self.profile.cancel is None else self.profile.cancel.explicit
        values = self.values(stream)
        if not explicit or unfilled([explicit[form].path, explicit[form].body], values):
            return None
        if is_unknown:
            own = {PROMPT, UUID}
            values = {
                name: value if name in own else unknown_id(str(value))
                for name, value in values.items()
            }
        return cancel_request(explicit[form], self.surroundings.target.prefix, values)

    async def send(  # noqa: PLR0913 -- one parameter per thing that probes vary
        self,
        label: str,
        request: Request,
        *,
        user: str = "a",
        credential: Credential | None = None,
        http_version: str = "1.1",
        script: Script | None = None,
        extra_s: float = 0.0,
    ) -> LiveExchange:
        """Send any request and return at once, while it is carried out.

        Args:
            label: of the exchange; a later one of the same label replaces it.
            request: a credential of `user` is put where the profile says.
            user: in whose name.
            credential: if given, the request is sent as it is, with this for any
                `$TOKEN` in it.
            http_version: of the request.
            script: of the stream that it is about, for what is asked about it later.
            extra_s: how long the answer takes, beyond the general patience.
        """
        await self._ready_keys()
        self._bare[label] = request
        if script is not None:
            self._script_of[label] = script
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
        around = self.surroundings
        stream = LiveExchange(order, self.profile, around.clock, around.allowance)
        self._streams[label] = stream
        self.group.start_soon(stream.run)
        return stream

    def stream_id(self, stream: LiveExchange) -> str | None:
        """Return the id of a stream: from its header, or else from an event's id."""
        name = self.profile.response.stream_id_header
        if name is not None:
            return stream.header(name)
        found = (parse_id(id_, self.profile) for id_ in stream.ids)
        return next((id_.stream for id_ in found if id_ and id_.stream), None)

    def seconds(self, script: Script) -> float:
        """Return how long the models of a run take."""
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


def _untold(names: list[str]) -> str:
    words = ", ".join(f"{{{name}}}" for name in names)
    return f"the stream has not told the value of {words}"


async def _cancel_after(stream: LiveExchange, scope: anyio.CancelScope) -> None:
    await stream.over()
    scope.cancel()
