"""Is this answer a refusal of the status, code and shape that the profile declares?

Pure. Must not know what was refused or why: the topic modules say what they expect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from ..evidence.untestable import Untestable
from ..model import Evidence, Exchange, Finding
from ..profiles import Profile
from ..profiles.pointer import MISSING, lookup, parse_json, show
from ..wire import Transcript
from .schemas import breach_of
from .streams import answer, is_event_stream, read
from .words import is_given_up

_SHOWN = 160  # characters of a body that a message quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a refusal says: the JSON values of code and message, or `MISSING`."""

    code: object
    message: object


def the_answer(evidence: Evidence, label: str) -> Exchange:
    """Return the exchange of this label; raise `Untestable` if none was brought."""
    try:
        return evidence.exchange(label)
    except KeyError:
        raise Untestable(f"the probe brought no exchange {label!r}") from None


def told(exchange: Exchange, profile: Profile) -> Told:
    """Read code and message where the profile says that refusals keep them."""
    shape = profile.refusal
    document = parse_json(exchange.transcript.body.decode("utf-8", "replace"))
    if shape is None or document is MISSING:
        return Told(code=MISSING, message=MISSING)
    return Told(
        code=lookup(document, shape.code), message=lookup(document, shape.message)
    )


def is_refused(exchange: Exchange) -> bool:
    """Tell whether the answer is an HTTP error."""
    status = exchange.transcript.status
    return status is not None and 400 <= status < 600  # noqa: PLR2004 -- 4xx and 5xx


def find_wrong_refusal(
    exchange: Exchange,
    profile: Profile,
    *,
    statuses: Iterable[int],
    code: str | None = None,
    to: str,
) -> Iterator[Finding]:
    """Find what is wrong unless the answer is a refusal with one of these statuses.

    `code` is demanded where one is given and the profile says where to look for it;
    `to` says in a few words what was asked, such as "a resume with a foreign id".
    """
    allowed = sorted(set(statuses))
    wanted = " or ".join(str(status) for status in allowed)
    wanted += f" {code}" if code is not None else ""
    seen = read(exchange, profile)
    transcript = exchange.transcript
    if transcript.status not in allowed:
        yield seen.find(
            f"{to} to be refused with {wanted}",
            described(transcript),
            at=transcript.head_at,
            timed=transcript.status is None and is_given_up(seen),
        )
    elif code is not None and profile.refusal is not None and _has_body(exchange):
        found = told(exchange, profile).code
        if found != code:
            yield seen.find(
                f"{to} to be refused with {code!r} at {profile.refusal.code}",
                f"{show(found)} in {described(transcript)}",
                at=transcript.head_at,
            )


def find_wrong_shape(exchange: Exchange, profile: Profile) -> Iterator[Finding]:
    """Find what is wrong unless a refusal is JSON with code and message as declared.

    An answer that is no refusal, or that HTTP gives no body (to HEAD), has no shape.
    """
    shape = profile.refusal
    if shape is None or not is_refused(exchange) or not _has_body(exchange):
        return
    seen, transcript = read(exchange, profile), exchange.transcript
    essence = (transcript.header("Content-Type") or "").partition(";")[0].strip()
    if essence.lower() != shape.content_type.lower():
        yield seen.find(
            f"a refusal as {shape.content_type}",
            described(transcript),
            at=transcript.head_at,
        )
        return
    if parse_json(transcript.body.decode("utf-8", "replace")) is MISSING:
        yield seen.find(
            "a refusal that is one JSON document", described(transcript), offset=0
        )
        return
    said = told(exchange, profile)
    for pointer, value in ((shape.code, said.code), (shape.message, said.message)):
        if not isinstance(value, str) or not value:
            yield seen.find(
                f"a text at {pointer} of the refusal",
                f"{show(value)} in {described(transcript)}",
                offset=0,
            )


def unlike_schema(
    exchange: Exchange, profile: Profile, schema: Mapping[str, JsonValue]
) -> Iterator[Finding]:
    """Find what is wrong unless an answer is one JSON document of this schema."""
    seen, transcript = read(exchange, profile), exchange.transcript
    essence = (transcript.header("Content-Type") or "").partition(";")[0].strip()
    document = parse_json(transcript.body.decode("utf-8", "replace"))
    if essence.lower() != "application/json" or document is MISSING:
        yield seen.find(
            "a JSON document as application/json", described(transcript), offset=0
        )
    elif breach := breach_of(schema, document):
        yield seen.find(
            "a body as its schema has it", f"{breach} in {described(transcript)}"
        )


def find_telltales(
    exchange: Exchange, other: Exchange, profile: Profile, *, masks: Iterable[str] = ()
) -> Iterator[Finding]:
    """Find a difference by which a client could tell two refusals apart.

    Compared are status, code and message; `masks` are texts that each side may well
    repeat from its own request, such as the stream id.
    """
    ours, theirs = exchange.transcript, other.transcript
    said, other_said = told(exchange, profile), told(other, profile)
    for what, left, right in (
        ("status", ours.status, theirs.status),
        ("code", said.code, other_said.code),
        ("message", _masked(said.message, masks), _masked(other_said.message, masks)),
    ):
        if left != right:
            yield read(exchange, profile).find(
                f"the same {what} as for {other.label!r}: {show(right)}",
                show(left),
                at=ours.head_at,
            )


def described(transcript: Transcript) -> str:
    """Word an answer for a message: its head and the beginning of its body."""
    text = answer(transcript)
    if transcript.status is None or not transcript.body:
        return text
    if is_event_stream(transcript):
        return f"{text}, a stream with {len(transcript.events)} events"
    body = transcript.body.decode("utf-8", "replace")
    shown = body if len(body) <= _SHOWN else f"{body[:_SHOWN]}…"
    return f"{text}: {shown}"


def _has_body(exchange: Exchange) -> bool:
    return exchange.request.method != "HEAD"


def _masked(message: object, masks: Iterable[str]) -> object:
    if not isinstance(message, str):
        return message
    # Longest first, so that a stream id does not break up the event id it is part of.
    for mask in sorted(masks, key=len, reverse=True):
        if mask:
            whole = rf"(?<![\w-]){re.escape(mask)}(?![\w-])"
            message = re.sub(whole, "<id>", message)
    return message
