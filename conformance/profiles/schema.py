"""What an implementation says about itself, as a strict schema.

A profile declares forms, bounds and vocabulary; checks are generic and ask only this.
The forms cover the public protocols of today (EventSource, AG-UI, OpenAI, Anthropic,
Vercel UI stream, MCP, A2A, LangGraph, Durable Streams), so that a stranger's endpoint
can be described without writing Python. Unknown keys are refused, and so are values
of another type than declared. What spans several sections is judged in `rules`.

Not every form has a check yet; `capabilities` says which of them are judged.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue, PositiveInt

from .invariants import Invariant
from .strictness import STRICT
from .values import (
    LONGEST_S,
    MOST_CHARACTERS,
    GrammarText,
    HeaderName,
    HeaderValue,
    IdPlace,
    JsonSchema,
    PathText,
    Pointer,
    Seconds,
    Status,
    Text,
)


class _Section(BaseModel):
    model_config = STRICT


class EventMatch(_Section):
    """An event by its type and, where that is not enough, by what is inside it.

    `where` are values that it has, `has` are places where it has any value. Without
    `type` it may be of any (an OpenAI error chunk is known by its `error` alone).
    """

    type: Text | None = None
    where: dict[Pointer, JsonValue] = {}
    has: tuple[Pointer, ...] = ()


class Capture(_Section):
    """What to keep of an answer: the value of a header or at a pointer into JSON.

    With `event` it is taken from the first event of that type; the pointer '' is all
    of its data (MCP HTTP+SSE sends the address of its messages so). What a stream is
    asked for tells nothing but headers and events; other answers have no events.
    """

    header: HeaderName | None = None
    pointer: Pointer | None = None
    event: Text | None = None


class SideRequest(_Section):
    """A request beside the one for the stream, and what to keep of its answer.

    Each name in `captures` is a placeholder in everything that comes later.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str
    query: dict[str, str] = {}
    headers: dict[HeaderName, HeaderValue] = {}
    body: JsonValue = None
    captures: dict[str, Capture] = {}


class InvalidRequest(_Section):
    """A request that the target must refuse before any stream byte.

    `body`, `path` and `query` stand in the place of those of a valid request, `headers`
    beside its own. The texts at the places that `lengths` names in `body` are filled up
    or cut to so many characters. Any other text that is not empty, at the place that
    `{prompt}` has in a valid body, is replaced by the prompt, so that the model's
    journal shows a request that was let pass. An empty `content_type` is none at all;
    without a body there is one only if it is given.
    """

    name: str
    query: dict[str, str] | None = None
    headers: dict[HeaderName, HeaderValue] = {}
    body: JsonValue = None
    lengths: dict[Pointer, Annotated[int, Field(ge=0, le=MOST_CHARACTERS)]] = {}
    raw_body: str | None = None
    content_type: HeaderValue | None = None
    method: Annotated[str, Field(pattern=r"^[A-Z]{1,20}$")] | None = None
    path: PathText | None = None
    status: Annotated[int, Field(ge=400, le=599)]
    code: str | None = None


class Endpoint(_Section):
    """How a stream is asked for.

    Placeholders in `path`, `query`, `headers` and `body` are filled in: `{prompt}` with
    the probe's user text, `{session}` with a UUID that is the same in all that is asked
    about a stream, `{uuid}` with one that no other request has.

    `captures` keeps what the stream tells: a header or a value in an event. Cancel,
    resume and the requests of `sides` can name it. One that is called `session` takes
    the place of the fresh UUID.

    `setup` are requests before it (LangGraph makes a thread, MCP 2025-11-25 a
    session); `follow_up` are requests once the stream is open (MCP HTTP+SSE and
    LangGraph v2 ask there).
    """

    method: Literal["GET", "POST", "REPORT"] = "GET"
    path: PathText
    body: JsonValue = None
    query: dict[str, str] = {}
    headers: dict[HeaderName, HeaderValue] = {}
    content_type: HeaderValue = "application/json"
    accept: HeaderValue = "text/event-stream"
    setup: tuple[SideRequest, ...] = ()
    captures: dict[str, Capture] = {}
    follow_up: tuple[SideRequest, ...] = ()
    invalid: tuple[InvalidRequest, ...] = ()


class StreamId(_Section):
    """Where the id of a stream stands, other than as the whole of a header.

    `last_segment_of`: a header with an address that ends in it (LangGraph's
    `Location`); `event` with `pointer`: in the first event of that type (OpenAI's
    `response.created`, A2A's `task`); `request`: a pointer into the request's own
    body, where the client has chosen it (CopilotKit, Vercel, MCP).
    """

    last_segment_of: HeaderName | None = None
    event: Text | None = None
    pointer: Pointer | None = None
    request: Pointer | None = None


class Response(_Section):
    """What the head of a stream response must carry.

    `headers` maps a name to the comma-separated tokens it must contain. The id of the
    stream is all of `stream_id_header`, or else where `stream_id` says.
    """

    headers: dict[HeaderName, tuple[str, ...]] = {}
    stream_id_header: HeaderName | None = None
    stream_id: StreamId | None = None
    compression: Literal["never", "on-request"] = "never"


class TypeLocation(_Section):
    """Where an event's type stands.

    `event-field`: the `event:` field; `json-pointer`: a string in the data, at
    `pointer`, or at the first of `pointers` that leads to something; `both`: both, and
    they must agree; `present-key`: the one of `keys` that the data object, or the
    object at `pointer` in it, has (A2A); `none`: events have no type (OpenAI chunks),
    all count as `default`.

    An event that matches one of `named`, by the type that stands there and by what is
    inside it, has that name for its type in all of the profile: the first one that
    fits. So a grammar can tell apart what a protocol tells apart by a value.

    `event_field` pins the `event:` field of every event, `event_fields` those of some
    types; with `event_field_optional` it may also be left out (MCP); with `data_only`
    there is none, on heartbeats neither. `known` are types that come besides those of
    the grammar and the payloads; a `*` at the end of one, or of a payload's name,
    stands for any rest (Vercel's `data-*`, LangGraph's `messages|*`).
    """

    location: Literal["event-field", "json-pointer", "both", "present-key", "none"]
    pointer: Pointer | None = None
    pointers: tuple[Pointer, ...] = ()
    named: dict[Text, EventMatch] = {}
    event_field: HeaderValue | None = None
    event_fields: dict[Text, HeaderValue] = {}
    event_field_optional: bool = False
    data_only: bool = False
    keys: tuple[Text, ...] = ()
    default: Text = "message"
    known: tuple[Text, ...] = ()


class Framing(_Section):
    """How frames are written: line ends, what stands in `data:`, and the type."""

    line_end: Literal["lf", "crlf", "cr", "any", "any-one"] = "any"
    data: Literal["json", "text"] = "json"
    max_line_bytes: PositiveInt = 64 * 1024
    type: TypeLocation


class Ids(_Section):
    """Form of event ids.

    `stream-sequence`: `<stream><separator><n>`; `sequence`: `<n>`; `ascending`: `<n>`,
    with any start and any step (OpenAI's `sequence_number`); `opaque`: any string,
    unique in the stream. `location` is the `id:` field or a pointer into data. With
    `only_on`, events of other types have none (Durable Streams' `control`).
    """

    form: Literal["stream-sequence", "sequence", "ascending", "opaque", "none"] = "none"
    location: IdPlace = "id-field"
    only_on: tuple[Text, ...] = ()
    separator: Text = "-"
    first: Annotated[int, Field(ge=0)] = 1
    step: PositiveInt = 1
    min_entropy_bits: Annotated[int, Field(ge=0)] = 0


class Retry(_Section):
    """The reconnection time in ms on the first event with an id of every response."""

    first_event_ms: PositiveInt


class Heartbeat(_Section):
    """What keeps an idle connection open, and how often.

    A heartbeat that is an event is known by its `event:` field (form `event`), or by
    its type or its literal data (form `json`); what else is inside it is for the
    payload of its type to say.

    `promised = false`: they may come, at any time or never (AG-UI, Anthropic). With
    `opens` every response begins with one; in a resumed response the value at
    `cursor_value` in it is that of the event at the cursor. `fatal_forms` names forms
    that this protocol's own client dies of; none may come.
    """

    form: Literal["comment", "event", "json", "none"]
    event: HeaderValue | None = None
    data: str | None = None
    type: Text | None = None
    promised: bool = True
    opens: bool = False
    cursor_value: Pointer | None = None
    interval_s: Seconds = 15.0
    tolerance_s: Seconds = 0.5
    fatal_forms: tuple[Literal["comment", "event", "json"], ...] = ()


class Terminal(_Section):
    """How a stream says that it is over.

    `event`: one of the events below; `sentinel`: the literal data (`[DONE]`);
    `event-then-sentinel`: both, in this order; `eof`: the end of the body is the
    signal; `eof-after-state`: the end of the body after one of the events below;
    `none`: it is never over (EventSource, the GET stream of MCP).

    With `rotates_after_s` the server ends a response about that long after its start
    though the stream is not over (Durable Streams).
    """

    form: Literal[
        "event", "sentinel", "event-then-sentinel", "eof", "eof-after-state", "none"
    ]
    success: tuple[EventMatch, ...] = ()
    error: tuple[EventMatch, ...] = ()
    cancelled: tuple[EventMatch, ...] = ()
    sentinel: Text | None = None
    close_within_s: Seconds = 1.0
    rotates_after_s: Seconds | None = None


class Refused(_Section):
    """Status (and error code) of one kind of refusal."""

    status: Status
    code: str | None = None


class Resume(_Section):
    """How a reader continues after a drop.

    `last-event-id`: the header on the same endpoint; `query`, `path`, `body`: the
    cursor goes there: under `name`, or in place of `{cursor}`; `full-replay`:
    everything again; `snapshot`: an event of type `snapshot` first (A2A's `task`);
    `ignored`: the header must have no effect.

    `{stream}` in `path`, `query` or `body` is the stream's id.
    """

    form: Literal[
        "last-event-id", "query", "path", "body", "full-replay", "snapshot", "ignored"
    ]
    method: Literal["GET", "POST", "same"] = "same"
    path: PathText | None = None
    name: Text | None = None
    query: dict[str, str] = {}
    body: JsonValue = None
    snapshot: Text | None = None
    sends_body: bool = False
    finished_status: Status = 204
    malformed: Refused | None = None
    future: Refused | None = None
    unknown: Refused | None = None
    second_reader: Literal["takes-over", "shares", "refused"] = "takes-over"


class ExplicitCancel(_Section):
    """One request that cancels a stream.

    `path` or `body` name the stream: by `{stream}`, which is its id, by `{session}` or
    by a capture. `accepted` and `finished` are schemas of the answer's body while the
    stream runs and when it is over. `tells` are values that the terminal event then
    has, such as the reason that `body` gives.
    """

    method: Literal["DELETE", "POST"] = "DELETE"
    path: PathText
    body: JsonValue = None
    accepted_status: Status = 202
    accepted: JsonSchema | None = None
    finished_status: Status = 200
    finished_code: str | None = None
    finished: JsonSchema | None = None
    unknown_status: Status = 404
    unknown_code: str | None = None
    tells: dict[Pointer, JsonValue] = {}


class Cancel(_Section):
    """What ends a run early, and how fast the model call must be closed.

    Every request in `explicit` does it, and each of them is tried.
    """

    on_disconnect: Literal["cancels", "continues"] = "cancels"
    grace_s: Annotated[float, Field(ge=0, le=LONGEST_S)] = 0.0
    within_s: Seconds = 1.0
    explicit: tuple[ExplicitCancel, ...] = ()


AuthForm = Literal["bearer", "query", "cookie", "header", "none"]
NamedForm = Literal["query", "cookie", "header"]


class Auth(_Section):
    """How a request proves who sends it, and how a refusal looks.

    `forms` are all the places that a credential may stand in, each of which is tried;
    requests that are about something else have it in the first one. `names` says what
    the header, the query parameter or the cookie is called.

    `first_decides`: of several credentials the one in the form named first counts,
    whether or not it is good. `comes_first`: a request without a credential is refused
    for that before anything else is looked at, its path and method included.
    `expiry`: what happens to an open stream when its credential runs out.
    `challenge` is the scheme of `WWW-Authenticate` in a refusal; `none`: it has none.
    """

    forms: Annotated[tuple[AuthForm, ...], Field(min_length=1)] = ("bearer",)
    names: dict[NamedForm, HeaderName] = {}
    first_decides: bool = False
    comes_first: bool = False
    rejection: Literal["http", "event"] = "http"
    token: Literal["jwt", "opaque"] = "jwt"
    status: Status = 401
    code: str | None = None
    challenge: HeaderName | None = "Bearer"
    expiry: Literal["closes", "ignored"] = "ignored"


class Limits(_Section):
    """How many streams one user may have, and how the next one is refused."""

    streams_per_user: Annotated[int, Field(ge=1, le=1000)]
    status: Status = 429
    code: str | None = None
    retry_after: bool = True


class RefusalShape(_Section):
    """Where a refused request's JSON keeps its code and message."""

    content_type: str = "application/json"
    code: Pointer = "/error/code"
    message: Pointer = "/error/message"


class UpstreamFailure(_Section):
    """Accepted in-stream error codes per kind of upstream failure; none named: any."""

    http_error: tuple[str, ...] = ()
    rate_limited: tuple[str, ...] = ()
    timeout: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


class Errors(_Section):
    """How a failure after the headers is told, and how upstream faults map to it.

    `codes` are all that an error event may have; none named: any. `timeout_s` bounds a
    mute model call; `retries_upstream` says that a rate-limited model call is tried
    again, honouring `Retry-After`.
    """

    code: Pointer
    message: Pointer
    retryable: Pointer | None = None
    cancelled: str | None = None
    codes: tuple[Text, ...] = ()
    upstream: UpstreamFailure = UpstreamFailure()
    timeout_s: Seconds = 60.0
    retries_upstream: bool = False


class Order(_Section):
    """The grammar of a complete stream, over event types.

    An error terminal may cut it anywhere after `error_after` (a type of the grammar),
    or from the very start when that is empty. Events of the types in `anywhere` may
    come at any place before the end; the grammar does not speak of them.
    """

    grammar: GrammarText
    error_after: str = ""
    anywhere: tuple[Text, ...] = ()


class Latency(_Section):
    """Bounds in s: response head, first event, and one token from model to reader."""

    head_s: Seconds = 0.5
    first_event_s: Seconds = 0.5
    token_s: Seconds = 0.25


class TokenText(_Section):
    """Where the model's own text reappears in the stream, and in what portions.

    A target that gathers words shows `words` of them in one event; with `end`, once
    they end in that text (50 words and a blank line, for paragraphs).
    """

    type: Text
    text: Pointer
    words: Annotated[int, Field(ge=1, le=1000)] = 1
    end: str = ""


_CallNumber = Annotated[int, Field(ge=1, le=1000)]


class Answer(_Section):
    """What the model has to say in some calls of a run, or else the run fails."""

    calls: Annotated[tuple[_CallNumber, ...], Field(min_length=1)]
    text: Text


class Steering(_Section):
    """How probes tell the fake model what to do, and what of it a reader sees.

    `prompt`: directives in the user text reach the model; `key`: the user text has
    room for the key of a script (some 70 characters), and the script goes to the fake
    provider; `none`: neither, and every check that needs it is inapplicable.

    A successful run makes `calls_per_run` model calls, numbered from 1; a call that is
    tried again keeps its number. `shown` says which of them show their text, as
    `token` events; the others are hidden. `answers` are needed for success.
    """

    mode: Literal["prompt", "key", "none"] = "none"
    calls_per_run: _CallNumber = 1
    shown: (
        Literal["all", "none"] | Annotated[tuple[_CallNumber, ...], Field(min_length=1)]
    ) = "all"
    token: TokenText | None = None
    answers: tuple[Answer, ...] = ()


SideTime = Literal[
    "alone", "before", "during", "after-complete", "after-cancel", "after-error"
]


class Same(_Section):
    """A value in an answer that is the same as another one.

    It stands at `pointer` of the answer. The other one was captured before as
    `capture`, or stands at `to` in the events of type `event` of the side's stream: in
    the last of them, in all of them as a `list` or `joined` to one text, or it is their
    `count`. `but` are places in both values that may differ.
    """

    pointer: Pointer = ""
    capture: Text | None = None
    event: Text | None = None
    to: Pointer = ""
    take: Literal["last", "list", "joined", "count"] = "last"
    but: tuple[Pointer, ...] = ()


class Expected(_Section):
    """What the answer to a request must be: `payload` is the schema of its body."""

    status: Status
    code: str | None = None
    payload: JsonSchema | None = None
    same: tuple[Same, ...] = ()


class SideStep(SideRequest):
    """One request of a side and the answer to it.

    `foreign` is how the same request of another user is refused; without it the
    request is not about anything that one user owns.
    """

    name: Text
    expect: Expected
    foreign: Refused | None = None


class Side(_Section):
    """What the protocol serves beside its streams: requests in their order.

    They are made `alone`; or `before` a stream, which is then read to its end; or
    `during` one; or after one that was completed, cancelled, or whose model failed.
    `{prompt}` makes the model say the same as in that stream.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    when: SideTime = "alone"
    requests: Annotated[tuple[SideStep, ...], Field(min_length=1)]


class Profile(_Section):
    """One implementation's promises."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Text
    source: Text
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
    sides: tuple[Side, ...] = ()
    latency: Latency | None = None
    steering: Steering = Steering()
