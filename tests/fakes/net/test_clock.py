"""`net.clock`: time moves from callback to callback, and only when told to."""

from __future__ import annotations

from streamproof.fakes.net.clock import VirtualClock


def test_callbacks_come_in_the_order_of_their_times_and_then_of_their_asking() -> None:
    clock = VirtualClock(start_s=0)
    order: list[str] = []
    clock.call_at(2, lambda: order.append("late"))
    clock.call_at(1, lambda: order.append("first"))
    clock.call_at(1, lambda: order.append("second"))
    clock.call_soon(lambda: order.append("soon"))

    while clock.run_next():
        order.append(f"{clock.time():g}")

    assert order == ["soon", "0", "first", "1", "second", "1", "late", "2"]


def test_a_cancelled_callback_is_not_due() -> None:
    clock = VirtualClock(start_s=0)
    clock.call_at(1, lambda: None).cancel()

    assert clock.next_due is None
    assert not clock.run_next()
    assert clock.time() == 0


def test_moving_makes_what_is_due_and_what_that_makes_due() -> None:
    clock = VirtualClock(start_s=0)
    seen: list[float] = []
    clock.call_at(1, lambda: clock.call_at(2, lambda: seen.append(clock.time())))
    clock.call_at(4, lambda: seen.append(clock.time()))

    clock.move_to(3)

    assert seen == [2]
    assert (clock.time(), clock.next_due) == (3, 4)


def test_what_should_have_been_is_now_and_time_does_not_go_back() -> None:
    clock = VirtualClock(start_s=5)
    seen: list[float] = []
    clock.call_at(1, lambda: seen.append(clock.time()))

    clock.run_next()

    assert seen == [5]
