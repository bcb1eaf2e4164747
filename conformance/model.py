"""The nouns everyone above `wire` shares: requirement, evidence, finding, judgement.

Values only: nothing here connects, reads a clock or decides a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .wire import Transcript

CREDENTIAL = "$TOKEN"
"""What stands for the credential wherever a request is kept or shown."""


class Level(StrEnum):
    """How binding a requirement is (RFC 2119, section 1 and 3)."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Verdict(StrEnum):
    """The closed set of outcomes of one check."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    INAPPLICABLE = "inapplicable"
    UNTESTABLE = "untestable"
    ERRORED = "errored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One normative statement of the catalogue.

    `id` is `topic.kebab-slug`; `probes` names the interactions whose evidence the
    check of the same id judges; `needs` names profile capabilities (see
    `profiles.capabilities`) without which the requirement is inapplicable.
    """

    id: str
    level: Level
    rule: str
    source: str
    remedy: str
    probes: tuple[str, ...]
    quote: str = ""
    needs: tuple[str, ...] = ()
    excluded: str = ""

    @property
    def topic(self) -> str:
        """The part of the id before the dot: `heartbeat` of `heartbeat.no-id`."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request as a probe sent it, without its credential.

    `path` carries the query. A credential stands as `$TOKEN` in `headers`, so that
    neither a report nor a printed curl command can leak it.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and everything that came back, under a label unique in its probe.

    `token` says in words what stood for `$TOKEN` where that was no good credential of
    `user`; it is empty where it was.
    """

    label: str
    user: str
    request: Request
    transcript: Transcript
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One entry of a fake provider's journal; `at` in seconds on the suite's clock."""

    name: str
    at: float
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamCall:
    """One model call as the fake provider's journal recorded it."""

    key: str
    turn: int
    outcome: str | None
    fault: str | None
    peer: str | None
    generated: int
    sent: int
    after_peer_gone: int
    events: tuple[CallEvent, ...] = ()

    def at(self, name: str, n: int | None = None) -> float | None:
        """When the first event `name` (its `n`th, if given) happened, in seconds."""
        for event in self.events:
            if event.name == name and n in (None, event.n):
                return event.at
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one probe brings back: the only thing a check ever sees.

    Attributes:
        probe: name of the probe.
        exchanges: in the order in which they were started.
        calls: the journal extract for every steering key the probe used.
        marks: named instants in seconds on the suite's monotonic clock, such as the
            moment a cancel request was answered.
        facts: further JSON values, such as the text that the model was told to say.
        missing: why the probe could not run; the checks on it are then untestable.
        error: what went wrong inside the suite itself; the checks are then errored.
        late_s: by how much the suite's own event loop was late at the worst moment
            of this probe.
        is_cut: whether the probe was given up at its time limit.
    """

    probe: str
    exchanges: tuple[Exchange, ...] = ()
    calls: tuple[UpstreamCall, ...] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    missing: str = ""
    error: str = ""
    late_s: float = 0.0
    is_cut: bool = False

    def exchange(self, label: str) -> Exchange:
        """Return the exchange called `label`; raise `KeyError` if there is none."""
        for exchange in self.exchanges:
            if exchange.label == label:
                return exchange
        raise KeyError(label)

    def labelled(self, prefix: str) -> tuple[Exchange, ...]:
        """Return the exchanges whose label starts with `prefix`."""
        return tuple(e for e in self.exchanges if e.label.startswith(prefix))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it must be.

    `exchange` is the label of the exchange it was found in; `offset` a byte offset in
    that exchange's body; `at_s` seconds since that exchange started. `timed` marks a
    finding that a late suite could have caused itself, `beyond_s` tells by how many
    seconds the bound was missed (0 where that is not known): a suite that was less
    late than that did not cause it. `probe` is filled in by the runner.
    """

    expected: str
    got: str
    exchange: str = ""
    offset: int | None = None
    at_s: float | None = None
    timed: bool = False
    beyond_s: float = 0.0
    probe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one requirement, with its findings or the reason for none.

    `samples` are the measured values in seconds of a timed check, also when it
    passed.
    """

    requirement: Requirement
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    samples: tuple[float, ...] = ()
