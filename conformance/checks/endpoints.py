"""Checks of topic `endpoints`: what a protocol serves beside its streams.

Pure. The profile tells the requests and their answers; here they are gone through in
the same order, so that what one answer told can be asked of a later one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..evidence.journal import describe, key_of
from ..evidence.labels import side_step, side_stream
from ..evidence.refusals import (
    described,
    find_wrong_refusal,
    find_wrong_shape,
    is_refused,
    the_answer,
    unlike_schema,
)
from ..evidence.streams import answers, read, the_stream
from ..evidence.untestable import Untestable
from ..evidence.words import last_event
from ..model import Evidence, Exchange, Finding
from ..profiles import Profile
from ..profiles.captures import find_in_answer
from ..profiles.pointer import (
    MISSING,
    first_difference,
    lookup,
    parse_json,
    show,
    without,
)
from ..profiles.schema import Same, Side, SideStep
from ..profiles.typed import Outcome
from .registry import Check, Sample, check


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """One request of a side, and its answer.

    Attributes:
        n: place of the request in its side, from 1.
        captured: JSON values that the answers before had told.
    """

    side: Side
    n: int
    step: SideStep
    exchange: Exchange
    captured: dict[str, object]

    @property
    def name(self) -> str:
        """What the request is called in a message."""
        return f"{self.side.name}, {self.step.name!r}"

    @property
    def is_as_declared(self) -> bool:
        """Tell whether the answer has the declared status."""
        return self.exchange.transcript.status == self.step.expect.status

    def label(self, variant: str) -> str:
        """Return the label of this request in a form that must be refused."""
        return side_step(self.side.name, self.n, variant)


def _visits(evidence: Evidence, profile: Profile) -> list[_Visit]:
    """Return what was asked; `Untestable` if it was nothing.

    A request whose placeholders no answer had told was not made; that the answer did
    not tell is found with the answer.
    """
    names = evidence.facts.get("sides")
    chosen = [s for s in profile.sides if isinstance(names, list) and s.name in names]
    asked = {exchange.label for exchange in evidence.exchanges}
    found: list[_Visit] = []
    for side in chosen:
        _expect_situation(side, evidence, profile)
        captured: dict[str, object] = {}
        for n, step in enumerate(side.requests, 1):
            if (label := side_step(side.name, n)) not in asked:
                continue
            exchange = evidence.exchange(label)
            found.append(
                _Visit(
                    side=side,
                    n=n,
                    step=step,
                    exchange=exchange,
                    captured=dict(captured),
                )
            )
            captured |= _captured(step, exchange)
    if not found:
        raise Untestable(f"the probe asked nothing: {answers(evidence)}")
    return found


_ENDS = {
    "after-complete": Outcome.SUCCESS,
    "after-cancel": Outcome.CANCELLED,
    "after-error": Outcome.ERROR,
}


def _expect_situation(side: Side, evidence: Evidence, profile: Profile) -> None:
    """Raise `Untestable` unless the stream stood where the side's requests want it."""
    if side.when in _ENDS:
        stream = the_stream(evidence, side_stream(side.name), profile)
        if stream.outcome is not _ENDS[side.when]:
            raise Untestable(
                f"{side.name}: expected a stream that ends in {_ENDS[side.when]}, got "
                f"{stream.outcome or 'no end'} after {last_event(stream)}"
            )
    if side.when == "during":
        stream = the_stream(evidence, side_stream(side.name), profile)
        asked = evidence.labelled(f"{side.name}.0")
        last = max((each.transcript.started_at for each in asked), default=0.0)
        if stream.terminal_at is not None and stream.terminal_at < last:
            raise Untestable(
                f"{side.name}: the stream was over before the last request: "
                f"{last_event(stream)}",
                timed=True,
            )


def _captured(step: SideStep, exchange: Exchange) -> dict[str, object]:
    transcript = exchange.transcript
    return {
        name: find_in_answer(capture, transcript.headers, transcript.body)
        for name, capture in step.captures.items()
    }


def _only(
    evidence: Evidence, profile: Profile, is_meant: Callable[[SideStep], object]
) -> list[_Visit]:
    """Return the requests that a check is about, `Untestable` if there is none."""
    visits = [v for v in _visits(evidence, profile) if is_meant(v.step)]
    if not visits:
        raise Untestable("no request of this probe was about that")
    return visits


@check("endpoints.status")
def judge_status(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See that each request, in its order, is answered with its status."""
    for visit in _visits(evidence, profile):
        transcript = visit.exchange.transcript
        if not visit.is_as_declared:
            yield read(visit.exchange, profile).find(
                f"{visit.step.expect.status} for {visit.name}",
                described(transcript),
                at=transcript.head_at,
            )


@check("endpoints.code")
def judge_code(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See that each refusal that belongs to the protocol has its code."""
    for visit in _only(evidence, profile, lambda step: step.expect.code):
        if visit.is_as_declared:
            yield from find_wrong_refusal(
                visit.exchange,
                profile,
                statuses=[visit.step.expect.status],
                code=visit.step.expect.code,
                to=visit.name,
            )


@check("endpoints.refusals-are-json")
def judge_refusals_are_json(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that each refusal, of whatever kind, has the declared shape."""
    _visits(evidence, profile)
    names = [f"{side.name}." for side in profile.sides]
    refused = [
        exchange
        for exchange in evidence.exchanges
        if exchange.label.startswith(tuple(names)) and is_refused(exchange)
    ]
    if not refused:
        raise Untestable(f"no request was refused: {answers(evidence)}")
    for exchange in refused:
        yield from find_wrong_shape(exchange, profile)


@check("endpoints.payload")
def judge_payload(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See that each answer has its schema, and what later requests need of it."""
    wants = _only(
        evidence, profile, lambda step: step.expect.payload is not None or step.captures
    )
    for visit in wants:
        if not visit.is_as_declared:
            continue
        schema = visit.step.expect.payload
        if schema is not None:
            yield from unlike_schema(visit.exchange, profile, schema)
        for name, value in _captured(visit.step, visit.exchange).items():
            if value is MISSING:
                capture = visit.step.captures[name]
                place = capture.header or capture.pointer or "the whole answer"
                yield read(visit.exchange, profile).find(
                    f"a value for {{{name}}} at {place} of {visit.name}",
                    described(visit.exchange.transcript),
                )


@check("endpoints.same")
def judge_same(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See that values are the same as in an earlier answer, or in the stream."""
    for visit in _only(evidence, profile, lambda step: step.expect.same):
        if not visit.is_as_declared:
            raise Untestable(f"{visit.name}: {described(visit.exchange.transcript)}")
        body = visit.exchange.transcript.body.decode("utf-8", "replace")
        for rule in visit.step.expect.same:
            value = without(lookup(parse_json(body), rule.pointer), rule.but)
            other = without(_other(rule, visit, evidence, profile), rule.but)
            if (place := first_difference(value, other)) is None:
                continue
            yield read(visit.exchange, profile).find(
                f"{show(lookup(other, place))} at {rule.pointer + place or 'the top'} "
                f"of {visit.name}, as {_source(rule)} has it",
                show(lookup(value, place)),
            )


def _other(rule: Same, visit: _Visit, evidence: Evidence, profile: Profile) -> object:
    """Return the value that another one is held against."""
    if rule.capture is not None:
        return visit.captured.get(rule.capture, MISSING)
    stream = the_stream(evidence, side_stream(visit.side.name), profile)
    events = stream.of_type(rule.event or "")
    values = [lookup(event.data, rule.to) for event in events]
    match rule.take:
        case "count":
            return len(values)
        case "list":
            return values
        case "joined":
            return "".join(text for text in values if isinstance(text, str))
        case "last":
            if not values:
                raise Untestable(f"the stream has no event of type {rule.event}")
            return values[-1]


def _source(rule: Same) -> str:
    if rule.capture is not None:
        return f"the answer before ({{{rule.capture}}})"
    place = f" at {rule.to}" if rule.to else ""
    words = {
        "count": f"the number of {rule.event} events",
        "list": f"the list of the {rule.event} events{place}",
        "joined": f"the joined {rule.event} events{place}",
        "last": f"the last {rule.event} event{place}",
    }
    return words[rule.take]


def _refuses(variant: str, what: str) -> Check:
    """Make the check that each request is refused without a credential, and how.

    A request that is not even answered as declared for its user proves nothing.
    """

    def judge(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
        visits = [v for v in _visits(evidence, profile) if v.is_as_declared]
        if not visits:
            raise Untestable(f"nothing was answered as declared: {answers(evidence)}")
        assert profile.auth is not None  # noqa: S101 -- a capability these checks need
        for visit in visits:
            exchange = the_answer(evidence, visit.label(variant))
            yield from find_wrong_refusal(
                exchange,
                profile,
                statuses=[profile.auth.status],
                code=profile.auth.code,
                to=f"{visit.name} {what}",
            )
            yield from _without_call(evidence, exchange, profile)

    return judge


check("endpoints.needs-credential")(_refuses("none", "without a credential"))
check("endpoints.credential-first")(
    _refuses("none-and-wrong-method", "by another method, without a credential")
)


def _without_call(
    evidence: Evidence, exchange: Exchange, profile: Profile
) -> Iterator[Finding]:
    for call in evidence.calls:
        if call.key == key_of(exchange):
            yield read(exchange, profile).find(
                "no model call for a request without a credential",
                describe(call),
                at=call.at("accepted"),
            )


@check("endpoints.foreign-refused")
def judge_foreign_refused(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that what one user owns is refused to another one."""
    for visit in _only(evidence, profile, lambda step: step.foreign):
        exchange = the_answer(evidence, visit.label("foreign"))
        if not visit.is_as_declared:
            raise Untestable(f"{visit.name}: {described(visit.exchange.transcript)}")
        if exchange.user == visit.exchange.user:
            raise Untestable("the probe had no second user")
        assert visit.step.foreign is not None  # noqa: S101 -- chosen so
        yield from find_wrong_refusal(
            exchange,
            profile,
            statuses=[visit.step.foreign.status],
            code=visit.step.foreign.code,
            to=f"{visit.name} by another user",
        )
