"""Counting of slots."""

import pytest

from streamproof.reference_server.streams.limits import Exhausted, StreamSlots


def test_a_user_gets_as_many_slots_as_allowed() -> None:
    slots = StreamSlots(per_user=3, total=10)

    assert [slots.take("ada", "a") for _ in range(4)] == [None] * 3 + [Exhausted.USER]
    assert slots.taken == {"ada": 3}


def test_the_total_holds_over_all_users() -> None:
    slots = StreamSlots(per_user=3, total=2)

    taken = [slots.take(user, "a") for user in ("ada", "bob", "eve")]

    assert taken == [None, None, Exhausted.SERVER]
    assert slots.taken_total == 2


def test_the_users_limit_is_reported_before_the_servers() -> None:
    slots = StreamSlots(per_user=1, total=1)
    slots.take("ada", "a")

    assert slots.take("ada", "a") is Exhausted.USER


def test_a_limit_of_its_own_holds_for_one_kind() -> None:
    slots = StreamSlots(per_user=9, total=9)

    taken = [
        slots.take("ada", "a", max_of_kind=2),
        slots.take("bob", "a", max_of_kind=2),
        slots.take("eve", "a", max_of_kind=2),
        slots.take("eve", "b", max_of_kind=1),
    ]

    assert taken == [None, None, Exhausted.KIND, None]
    slots.release("ada", "a")
    assert slots.take("eve", "a", max_of_kind=2) is None


def test_the_users_limit_is_reported_before_that_of_the_kind() -> None:
    slots = StreamSlots(per_user=1, total=9)
    slots.take("ada", "a", max_of_kind=1)

    assert slots.take("ada", "a", max_of_kind=1) is Exhausted.USER


def test_a_released_slot_can_be_taken_again() -> None:
    slots = StreamSlots(per_user=1, total=1)

    for _ in range(3):
        assert slots.take("ada", "a") is None
        slots.release("ada", "a")

    assert slots.taken == {}
    assert slots.taken_total == 0


def test_releasing_one_of_two_leaves_one() -> None:
    slots = StreamSlots(per_user=2, total=2)
    slots.take("ada", "a")
    slots.take("ada", "a")

    slots.release("ada", "a")

    assert slots.taken == {"ada": 1}


def test_releasing_twice_is_an_error() -> None:
    slots = StreamSlots(per_user=1, total=1)

    with pytest.raises(ValueError, match="expected a slot held by 'ada'"):
        slots.release("ada", "a")
