"""`performance.outbox`: what has left, and what is on record of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.raw_client import names
from tests.fakes.virtual import VirtualLink

from streamproof.fakes.calls.call import Call
from streamproof.fakes.performance.outbox import Outbox


class Box:
    """An outbox whose call, link and clock are in reach."""

    def __init__(self) -> None:
        self.now = 1.0
        self.link = VirtualLink()
        self.call = Call(
            key="k",
            turn=1,
            ordinal=1,
            provider="p",
            model="m",
            stream=True,
            on_end=lambda _: None,
        )
        self.out = Outbox(self.call, self.link, lambda: self.now)

    def add_token(self, data: bytes) -> None:
        self.out.add_token(data, self.now)

    @property
    def record(self) -> dict[str, Any]:
        return self.call.as_json()

    @property
    def names(self) -> list[str]:
        return names(self.record)


def test_what_is_made_leaves_in_one_write() -> None:
    box = Box()
    box.out.add(b"head ")
    box.add_token(b"a ")
    box.add_token(b"b")

    assert box.out.flush()
    assert box.link.writes == [b"head a b"]
    assert box.names == [
        "token_generated:1",
        "token_generated:2",
        "headers_sent",
        "token_sent:1",
        "token_sent:2",
    ]


def test_nothing_made_is_nothing_written() -> None:
    box = Box()
    box.out.add(b"")
    box.out.add_apart(b"")

    assert box.out.flush()
    assert box.link.writes == []
    assert box.call.status is None


def test_a_token_without_bytes_leaves_with_the_next_that_has_some() -> None:
    box = Box()
    for data in (b"a", b"", b""):
        box.add_token(data)
    box.out.flush()
    assert box.call.sent == 1
    box.add_token(b"bcd")
    box.out.flush()

    assert box.call.sent == 4


def test_a_token_without_bytes_leaves_with_what_follows_it() -> None:
    box = Box()
    box.add_token(b"")
    box.out.add(b"end", is_terminal=True)
    box.out.flush()

    assert box.names == [
        "token_generated:1",
        "headers_sent",
        "token_sent:1",
        "terminator_sent",
    ]


def test_what_stands_apart_brings_no_token_along() -> None:
    box = Box()
    box.add_token(b"")
    box.out.add_apart(b"ping")
    box.out.flush()

    assert box.link.writes == [b"ping"]
    assert box.call.sent == 0


def test_what_the_kernel_did_not_take_is_not_sent_yet() -> None:
    box = Box()
    box.link.fills_on_write = True
    box.add_token(b"a")
    assert not box.out.flush()
    assert not box.out.flush()
    assert box.call.sent == 0
    box.now = 2.0

    assert box.out.writable()
    assert not box.out.writable()
    assert box.record["events"][-1] == {"at": 2.0, "name": "token_sent", "n": 1}
    assert box.link.writes == [b"a"]


@pytest.mark.parametrize("breaks_before", [True, False])
def test_nothing_is_sent_on_a_link_that_broke(*, breaks_before: bool) -> None:
    box = Box()
    box.link.is_open = not breaks_before
    box.link.breaks_on_write = True
    box.add_token(b"a")

    assert not box.out.flush()
    assert box.call.sent == 0


def test_what_is_abandoned_is_made_for_nobody() -> None:
    box = Box()
    box.link.fills_on_write = True
    box.add_token(b"a")
    box.out.flush()
    box.out.abandon()
    box.add_token(b"b")

    assert box.out.flush()
    assert not box.out.writable()
    assert box.link.writes == [b"a"]
    assert (box.call.generated, box.call.sent) == (2, 0)


def test_the_status_is_that_of_the_head_that_left() -> None:
    box = Box()
    box.out.status = 503
    box.out.add(b"no")
    box.out.flush()

    assert box.call.status == 503
