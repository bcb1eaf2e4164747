"""Invariants of one event and another."""

from __future__ import annotations

import pytest
from tests.conformance.checks.invariants.saying import (
    ADAPTER,
    DONE,
    Given,
    Rule,
    judged,
    said,
    told,
)
from tests.conformance.checks.timelines import HEADERS, RICH, RUN, event, response

from streamproof.conformance.checks.invariants import violations
from streamproof.conformance.evidence.streams import read
from streamproof.conformance.model import Finding
from streamproof.conformance.wire import EndingKind

FOLLOWED: Rule = {"type": "rejected", "by": ["error", "done"]}
REJECTED: Given = ("rejected", {})


def test_what_must_follow_follows_at_once() -> None:
    assert said("followed", FOLLOWED, REJECTED, DONE) == []
    assert said("followed", FOLLOWED, DONE) == []
    (found,) = said("followed", FOLLOWED, REJECTED, ("token", {}), DONE)
    assert "right after rejected error or done / token in token" in found


def test_what_may_come_anywhere_may_come_between() -> None:
    assert RICH.order is not None
    order = RICH.order.model_copy(update={"anywhere": ("progress",)})
    profile = RICH.model_copy(update={"order": order})
    events = told(REJECTED, ("progress", {}), DONE)

    assert judged("followed", FOLLOWED, events, profile) == []
    assert len(judged("followed", FOLLOWED, events)) == 1


def test_the_end_follows_nothing_unless_we_made_it() -> None:
    (found,) = said("followed", FOLLOWED, REJECTED)
    left = told(REJECTED, ending=EndingKind.CLOSED_BY_US)

    assert "right after rejected error or done / the end in rejected" in found
    assert judged("followed", FOLLOWED, left) == []


RETURNED: Rule = {"type": "start", "pointer": "/id", "to_type": "done", "to": "/in/id"}


def test_a_value_returns_as_it_was_told_last() -> None:
    start: Given = ("start", {"id": "a"})
    done: Given = ("done", {"in": {"id": "a"}})

    assert said("returned", RETURNED, start, done) == []
    assert said("returned", RETURNED, ("start", {"id": "b"}), start, done) == []
    assert said("returned", RETURNED, done) == []
    assert said("returned", RETURNED, ("start", {}), done) == []
    assert said("returned", RETURNED, start, DONE) == []
    (other,) = said("returned", RETURNED, ("start", {"id": "b"}), done)
    assert f'what start (id \'{RUN}-1\') told, "b" / "a" in done' in other


def test_a_value_may_be_that_of_the_last_event_of_any_type() -> None:
    rule: Rule = {"pointer": "/stage", "to_type": "failed", "to": "/stage"}
    events: list[Given] = [("a", {"stage": 1}), ("b", {"stage": 2}), ("c", {})]

    assert said("returned", rule, *events, ("failed", {"stage": 2})) == []
    assert said("returned", rule, ("failed", {"stage": 2})) == []
    (found,) = said("returned", rule, *events, ("failed", {"stage": 1}))
    assert f"at /stage what b (id '{RUN}-2') told, 2 / 1 in failed" in found


def test_a_value_of_the_head_returns_too() -> None:
    rule: Rule = {"header": "X-Session-Id", "to_type": "done", "to": "/id"}
    done: Given = ("done", {"id": "s"})

    assert judged("returned", rule, told(done, header="s")) == []
    assert judged("returned", rule, told(done)) == []
    (found,) = judged("returned", rule, told(done, header="t"))
    assert 'at /id what the header X-Session-Id told, "t" / "s" in done' in found


PLACED: Rule = {
    "type": "cited",
    "pointer": "/n",
    "items": {"type": "found", "pointer": "/items"},
    "members": ["/name"],
}
FOUND: Given = ("found", {"items": [{"name": "x"}, {"name": "y"}]})


def cited(n: object, **values: object) -> Given:
    return "cited", {"n": n, **values}


def test_a_number_is_a_place_in_the_list_before_it() -> None:
    assert said("placed", PLACED, FOUND, cited(1, name="x"), cited(2, name="y")) == []
    assert said("placed", PLACED, FOUND, cited(2)) == []
    assert said("placed", PLACED, cited(9)) == []
    assert said("placed", PLACED, ("found", {"items": 1}), cited(9)) == []
    later = ("found", {"items": [{"name": "z"}]})
    assert said("placed", PLACED, FOUND, cited(2), later, cited(1, name="z")) == []


@pytest.mark.parametrize("place", [0, 3, -1, "1", True, 1.5, None])
def test_a_number_outside_of_the_list_is_found(place: object) -> None:
    (found,) = said("placed", PLACED, FOUND, cited(place))

    assert "at /n a place from 1 to 2 in /items of found / " in found


def test_an_item_and_the_event_that_names_it_agree() -> None:
    (found,) = said("placed", PLACED, FOUND, cited(2, name="x"))

    assert 'at /name what item 2 of /items in found has, "y" / "x" in cited' in found


def late(
    rule: Rule, *frames: tuple[float, bytes], after: str | None = None
) -> list[Finding]:
    invariant = ADAPTER.validate_python({"kind": "within", "name": "rule", **rule})
    exchange = response("stream", *frames, headers=HEADERS, after=after)
    return list(violations(invariant, read(exchange, RICH)))


START = (100.5, event(1, "start"))
TOKEN = (102.0, event(2, "token", text="a"))


def test_the_first_event_of_a_type_is_due_since_the_request() -> None:
    (found,) = late({"type": "token", "within_s": 1.5}, START, TOKEN)

    assert found.expected == "rule: the first token within 1500 ms of the request"
    assert found.got == "after 2000 ms"
    assert found.timed
    assert found.beyond_s == pytest.approx(0.5)
    assert late({"type": "token", "within_s": 2.5}, START, TOKEN) == []
    assert late({"type": "token", "within_s": 0.1}, START) == []


def test_the_first_event_of_a_type_is_due_since_another() -> None:
    rule: Rule = {"type": "token", "after": "start"}

    (found,) = late({**rule, "within_s": 1.0}, START, TOKEN)

    assert f"within 1000 ms of start (id '{RUN}-1')" in found.expected
    assert late({**rule, "within_s": 1.6}, START, TOKEN) == []
    assert late({**rule, "within_s": 0.1}, TOKEN) == []


def test_what_a_resumed_response_replays_was_not_late() -> None:
    assert late({"type": "token", "within_s": 0.1}, TOKEN, after=f"{RUN}-1") == []
