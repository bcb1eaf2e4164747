"""What an implementation says about itself, as a strict schema.

A profile declares forms, bounds and vocabulary; checks are generic and ask only this.
The forms cover the public protocols of today (EventSource, AG-UI, OpenAI, Anthropic,
Vercel UI stream, MCP, A2A, LangGraph, Durable Streams), so that a stranger's endpoint
can be described without writing Python. Unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import jsonschema
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from .grammar import Grammar, GrammarError


def _json_pointer(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError(f"expected a JSON pointer such as '/type', got {text!r}")
    return text


def _grammar(text: str) -> str:
    try:
        Grammar(text)
    except GrammarError as problem:
        raise ValueError(str(problem)) from problem
    return text


def _json_schema(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as problem:
        raise ValueError(
            f"expected a JSON Schema, but {problem.message} at {problem.json_path}"
        ) from problem
    return schema


Pointer = Annotated[str, AfterValidator(_json_pointer)]
"""A JSON pointer (RFC 6901) into the JSON of one event's data."""

GrammarText = Annotated[str, AfterValidator(_grammar)]
JsonSchema = Annotated[dict[str, JsonValue], AfterValidator(_json_schema)]
Seconds = PositiveFloat


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EventMatch(_Section):
    """An event by its type and, where that is not enough, by values inside it."""

    type: str
    where: dict[Pointer, JsonValue] = {}


class InvalidRequest(_Section):
    """A request that the target must refuse before any stream byte."""

    name: str
    body: JsonValue = None
    raw_body: str | None = None
    content_type: str | None = None
    method: str | None = None
    path: str | None = None
    status: Annotated[int, Field(ge=400, le=599)]
    code: str | None = None


class Endpoint(_Section):
    """How a stream is asked for.

    `{prompt}` in `body`, `query` or `path` is replaced by the probe's user text.
    """

    method: Literal["GET", "POST", "REPORT"] = "GET"
    path: str
    body: JsonValue = None
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    content_type: str = "application/json"
    accept: str = "text/event-stream"
    invalid: tuple[InvalidRequest, ...] = ()


class Response(_Section):
    """What the head of a stream response must carry.

    `headers` maps a name to the comma-separated tokens it must contain.
    """

    headers: dict[str, tuple[str, ...]] = {}
    stream_id_header: str | None = None
    compression: Literal["never", "on-request"] = "never"
    cors: bool = False


class TypeLocation(_Section):
    """Where an event's type stands.

    `event-field`: the `event:` field; `json-pointer`: a string in the data; `both`:
    both, and they must agree; `present-key`: the one of `keys` that the data object
    has (A2A); `none`: events have no type (OpenAI chunks), all count as `default`.
    """

    location: Literal["event-field", "json-pointer", "both", "present-key", "none"]
    pointer: Pointer | None = None
    event_field: str | None = None
    keys: tuple[str, ...] = ()
    default: str = "message"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.location in ("json-pointer", "both") and self.pointer is None:
            raise ValueError(f"location = {self.location!r} needs `pointer`")
        if self.location == "present-key" and not self.keys:
            raise ValueError("location = 'present-key' needs `keys`")
        return self


class Framing(_Section):
    """How frames are written. `event_field` pins the `event:` field of every event."""

    line_end: Literal["lf", "crlf", "cr", "any", "any-one"] = "any"
    data: Literal["json", "text"] = "json"
    max_line_bytes: PositiveInt = 64 * 1024
    type: TypeLocation


class Ids(_Section):
    """Form of event ids.

    `stream-sequence`: `<stream><separator><n>`; `sequence`: `<n>`; `opaque`: any
    string, unique in the stream. `location` is the `id:` field or a pointer into data.
    """

    form: Literal["stream-sequence", "sequence", "opaque", "none"] = "none"
    location: Literal["id-field"] | Pointer = "id-field"
    separator: str = "-"
    first: int = 1
    step: int = 1
    min_entropy_bits: int = 0


class Retry(_Section):
    """The reconnection time in ms on the first event of every response."""

    first_event_ms: PositiveInt


class Heartbeat(_Section):
    """What keeps an idle connection open, and how often.

    `fatal_forms` names forms that this protocol's own client dies of; none may come.
    """

    form: Literal["comment", "event", "json", "none"]
    event: str | None = None
    data: str | None = None
    type: str | None = None
    interval_s: Seconds = 15.0
    tolerance_s: Seconds = 0.5
    fatal_forms: tuple[Literal["comment", "event", "json"], ...] = ()


class Terminal(_Section):
    """How a stream says that it is over.

    `event`: one of the events below; `sentinel`: the literal data (`[DONE]`);
    `event-then-sentinel`: both, in this order; `eof`: the end of the body is the
    signal; `eof-after-state`: the end of the body after one of the events below.
    """

    form: Literal["event", "sentinel", "event-then-sentinel", "eof", "eof-after-state"]
    success: tuple[EventMatch, ...] = ()
    error: tuple[EventMatch, ...] = ()
    cancelled: tuple[EventMatch, ...] = ()
    sentinel: str | None = None
    close_within_s: Seconds = 1.0


class ResumeRefusal(_Section):
    """Status (and error code) of one kind of refused resume."""

    status: int
    code: str | None = None


class Resume(_Section):
    """How a reader continues after a drop.

    `last-event-id`: the header on the same endpoint; `query`, `path`, `body`: the
    cursor goes there under `name`; `full-replay`: everything again; `snapshot`: a
    snapshot event first; `ignored`: the header must have no effect.
    """

    form: Literal[
        "last-event-id", "query", "path", "body", "full-replay", "snapshot", "ignored"
    ]
    method: Literal["GET", "POST", "same"] = "same"
    path: str | None = None
    name: str | None = None
    sends_body: bool = False
    finished_status: int = 204
    malformed: ResumeRefusal | None = None
    future: ResumeRefusal | None = None
    unknown: ResumeRefusal | None = None
    second_reader: Literal["takes-over", "shares", "refused"] = "takes-over"


class ExplicitCancel(_Section):
    """The request that cancels a stream; `{stream}` in `path` is its id."""

    method: Literal["DELETE", "POST"] = "DELETE"
    path: str
    body: JsonValue = None
    accepted_status: int = 202
    finished_status: int = 200
    unknown_status: int = 404


class Cancel(_Section):
    """What ends a run early, and how fast the model call must be closed."""

    on_disconnect: Literal["cancels", "continues"] = "cancels"
    grace_s: Annotated[float, Field(ge=0)] = 0.0
    within_s: Seconds = 1.0
    explicit: ExplicitCancel | None = None


class Auth(_Section):
    """How a request proves who sends it, and how a refusal looks.

    `expiry`: what happens to an open stream when its credential runs out.
    """

    forms: tuple[Literal["bearer", "query", "cookie", "header", "none"], ...] = (
        "bearer",
    )
    name: str | None = None
    rejection: Literal["http", "event"] = "http"
    token: Literal["jwt", "opaque"] = "jwt"
    algorithm: Literal["HS256"] = "HS256"
    status: int = 401
    challenge: str | None = "Bearer"
    expiry: Literal["closes", "ignored"] = "ignored"


class Limits(_Section):
    """How many streams one user may have, and how the next one is refused."""

    streams_per_user: PositiveInt
    status: int = 429
    code: str | None = None
    retry_after: bool = True


class RefusalShape(_Section):
    """Where a refused request's JSON keeps its code and message."""

    content_type: str = "application/json"
    code: Pointer = "/error/code"
    message: Pointer = "/error/message"


class UpstreamFailure(_Section):
    """Accepted in-stream error codes per kind of upstream failure."""

    http_error: tuple[str, ...]
    rate_limited: tuple[str, ...]
    timeout: tuple[str, ...]
    broken: tuple[str, ...]


class Errors(_Section):
    """How a failure after the headers is told, and how upstream faults map to it.

    `timeout_s` bounds a mute model call; `retries_upstream` says that a rate-limited
    model call is tried again, honouring `Retry-After`.
    """

    code: Pointer
    message: Pointer
    retryable: Pointer | None = None
    cancelled: str | None = None
    upstream: UpstreamFailure
    timeout_s: Seconds = 60.0
    retries_upstream: bool = False


class Order(_Section):
    """The grammar of a complete stream, over event types.

    An error terminal may cut it anywhere after `error_after` (a type of the grammar),
    or from the very start when that is empty.
    """

    grammar: GrammarText
    error_after: str = ""


class Sequence(_Section):
    """The values at `pointer` in events of `type` are exactly `values`, in order."""

    kind: Literal["sequence"]
    name: str
    type: str
    pointer: Pointer
    values: tuple[JsonValue, ...]


class Equal(_Section):
    """In every event that has them, the values at both pointers are equal."""

    kind: Literal["equal"]
    name: str
    left: Pointer
    right: Pointer


class Mapping(_Section):
    """The value at `pointer` decides the value at `to`."""

    kind: Literal["mapping"]
    name: str
    pointer: Pointer
    to: Pointer
    values: dict[str, JsonValue]


class Monotonic(_Section):
    """The number at `pointer` never decreases (or never increases) over a stream."""

    kind: Literal["monotonic"]
    name: str
    pointer: Pointer
    direction: Literal["up", "down"] = "up"


class Constant(_Section):
    """The value at `pointer` is the same in every event of a stream."""

    kind: Literal["constant"]
    name: str
    pointer: Pointer


class Bracketed(_Section):
    """Between `opens` and `closes` the value at `pointer` is the opening event's."""

    kind: Literal["bracketed"]
    name: str
    opens: str
    closes: str
    pointer: Pointer


class Joined(_Section):
    """The texts at `pointer` in events of `type`, joined, equal the one at `to`."""

    kind: Literal["joined"]
    name: str
    type: str
    pointer: Pointer
    to_type: str
    to: Pointer


class Count(_Section):
    """The number at `pointer` in `type` equals how many events of `counts` came."""

    kind: Literal["count"]
    name: str
    type: str
    pointer: Pointer
    counts: str


class Final(_Section):
    """In the terminal success event the value at `pointer` is `value`."""

    kind: Literal["final"]
    name: str
    pointer: Pointer
    value: JsonValue


Invariant = Annotated[
    Sequence
    | Equal
    | Mapping
    | Monotonic
    | Constant
    | Bracketed
    | Joined
    | Count
    | Final,
    Field(discriminator="kind"),
]


class Latency(_Section):
    """Bounds in s: response head, first event, and one token from model to reader."""

    head_s: Seconds = 0.5
    first_event_s: Seconds = 0.5
    token_s: Seconds = 0.25


class TokenText(_Section):
    """Where the model's own text reappears in the stream."""

    type: str
    text: Pointer


class Steering(_Section):
    """How probes tell the fake model what to do.

    `prompt`: a directive in the user text reaches the model; `none`: it cannot, and
    every check that needs it is inapplicable. A run makes `calls_per_run` model calls,
    each of which shows its text as `token` events.
    """

    mode: Literal["prompt", "none"] = "none"
    calls_per_run: PositiveInt = 1
    token: TokenText | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode == "prompt" and self.token is None:
            raise ValueError("mode = 'prompt' needs `token`")
        return self


class Profile(_Section):
    """One implementation's promises."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    source: str
    endpoint: Endpoint
    response: Response = Response()
    framing: Framing
    ids: Ids = Ids()
    retry: Retry | None = None
    heartbeat: Heartbeat | None = None
    terminal: Terminal
    resume: Resume | None = None
    cancel: Cancel | None = None
    auth: Auth | None = None
    limits: Limits | None = None
    refusal: RefusalShape | None = None
    errors: Errors | None = None
    order: Order | None = None
    payloads: dict[str, JsonSchema] = {}
    invariants: tuple[Invariant, ...] = ()
    latency: Latency | None = None
    steering: Steering = Steering()
