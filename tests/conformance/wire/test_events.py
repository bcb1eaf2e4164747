"""Events as values, made the fast way and the ordinary way."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict

import pytest

from streamproof.conformance.wire import Event
from streamproof.conformance.wire.events import make_event

MADE = make_event("token", "x", "7", "7", 10, "token", 3, 30)
CONSTRUCTED = Event(
    type="token",
    data="x",
    last_event_id="7",
    id="7",
    retry_ms=10,
    event_field="token",
    start=3,
    end=30,
)


def test_a_made_event_is_what_the_constructor_makes() -> None:
    assert type(MADE) is Event
    assert MADE == CONSTRUCTED
    assert hash(MADE) == hash(CONSTRUCTED)
    assert repr(MADE) == repr(CONSTRUCTED)
    assert asdict(MADE) == asdict(CONSTRUCTED)


def test_a_made_event_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        MADE.data = "y"  # type: ignore[misc]  # that it cannot be done is the point


def test_a_made_event_can_be_copied_and_sent_to_another_process() -> None:
    assert copy.copy(MADE) == MADE
    assert pickle.loads(pickle.dumps(MADE)) == MADE  # noqa: S301 -- our own bytes
