"""A clock that never goes back."""

from streamproof.reference_server.dialects.chat.steady_time import SteadyTime


def test_it_goes_with_the_real_one_and_waits_while_that_is_behind() -> None:
    told = iter([5.0, 6.5, 6.0, 1.0, 6.5, 7.0])
    now = SteadyTime(lambda: next(told))

    assert [now() for _ in range(6)] == [5.0, 6.5, 6.5, 6.5, 6.5, 7.0]
