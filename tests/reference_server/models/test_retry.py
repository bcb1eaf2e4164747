"""Pauses between calls of an overloaded model."""

from datetime import UTC, datetime
from math import inf

import pytest

from streamproof.reference_server.models.retry import (
    RetryPolicy,
    RetrySchedule,
    parse_retry_after,
)

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def pause(
    schedule: RetrySchedule, retry_after_s: float | None, jitter: float
) -> object:
    retry = schedule.next_retry(retry_after_s, jitter)
    return retry and retry.pause_s


def make_schedule(
    *, attempts: int = 4, backoff_s: float = 0.5, budget_s: float = 30.0
) -> RetrySchedule:
    return RetrySchedule(
        RetryPolicy(max_attempts=attempts, backoff_s=backoff_s, budget_s=budget_s)
    )


def test_pauses_double_until_the_attempts_are_used_up() -> None:
    schedule = make_schedule()

    pauses = [pause(schedule, None, 0.0) for _ in range(4)]

    assert pauses == [0.5, 1.0, 2.0, None]


def test_attempts_are_counted_from_one() -> None:
    schedule = make_schedule()

    retries = [schedule.next_retry(None, 0.0) for _ in range(3)]

    assert [retry and retry.attempt for retry in retries] == [2, 3, 4]


def test_jitter_adds_up_to_half() -> None:
    assert pause(make_schedule(), None, 1.0) == 0.75


def test_retry_after_is_never_undercut() -> None:
    schedule = make_schedule()

    assert pause(schedule, 7.0, 0.0) == 7.0
    assert pause(schedule, 0.1, 0.0) == 1.0


def test_a_pause_beyond_the_budget_is_not_made() -> None:
    schedule = make_schedule(budget_s=10)

    assert pause(schedule, 8.0, 0.0) == 8.0
    assert pause(schedule, 3.0, 0.0) is None


def test_a_wait_beyond_all_numbers_is_not_made() -> None:
    assert pause(make_schedule(), inf, 0.0) is None


def test_one_attempt_means_no_pause() -> None:
    assert pause(make_schedule(attempts=1), None, 0.0) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0.25", 0.25),
        (" 3\t", 3.0),
        ("9" * 400, inf),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1_0", None),
        ("1e3", None),
        (".5", None),
        ("5.", None),
        ("0x10", None),
        ("\u0663", None),
        ("1\xb2", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Thu, 0\u0661 Jan 2026 12:00:30 GMT", None),
        ("Thu, 0_1 Jan 2026 12:00:30 GMT", None),
        ("1 Jan 2026 12:00:30 GMT", None),
        ("Thursday, 01-Jan-26 12:00:30 GMT", 30.0),
        ("Thu Jan  1 12:00:30 2026", 30.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    value: str | None, seconds: float | None
) -> None:
    assert parse_retry_after(value, NOW) == seconds


def test_a_date_in_an_impossible_zone_is_nothing_usable() -> None:
    value = "Mon, 01 Jan 2024 00:00:00 +999999999999999999"

    assert parse_retry_after(value, NOW) is None
