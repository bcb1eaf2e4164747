"""When to call an overloaded model again.

Pure: the jitter and the time of day come in. It must not wait, and must not know which
failures are worth a second call.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DELAY = re.compile(r"[0-9]+(?:\.[0-9]+)?")
# The parser of dates reads mail: digits of any script and much else that no HTTP has.
_DATE = re.compile(r"[A-Za-z]{3,9},? [A-Za-z0-9: -]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Bounds on the calls made for one answer."""

    max_attempts: int
    backoff_s: float
    # Most time spent in pauses, all of them together.
    budget_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """One more attempt: its number, counted from 1, and the pause before it."""

    attempt: int
    pause_s: float


class RetrySchedule:
    """The attempts at one answer; the first needs no pause."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._attempts = 1
        self._paused_s = 0.0

    def next_retry(self, retry_after_s: float | None, jitter: float) -> Retry | None:
        """Return the next attempt, None to give up.

        Args:
            retry_after_s: what the provider asked for; never undercut.
            jitter: 0 to 1; spreads the calls of many runs over half of the backoff.
        """
        if self._attempts >= self._policy.max_attempts:
            return None
        backoff_s = self._policy.backoff_s * 2.0 ** (self._attempts - 1)
        pause_s = max(backoff_s * (1 + jitter / 2), retry_after_s or 0.0)
        if self._paused_s + pause_s > self._policy.budget_s:
            return None
        self._attempts += 1
        self._paused_s += pause_s
        return Retry(attempt=self._attempts, pause_s=pause_s)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return seconds from a `Retry-After` header, None when there is nothing usable.

    "Retry-After = HTTP-date / delay-seconds", "delay-seconds = 1*DIGIT": RFC 9110,
    section 10.2.3. Some providers send fractions of a second and their client libraries
    read them, so these are read as well.
    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    stripped = (value or "").strip(" \t")
    if _DELAY.fullmatch(stripped):
        return float(stripped)  # infinite beyond 309 digits, which is right
    return _seconds_until(stripped, now) if _DATE.fullmatch(stripped) else None


def _seconds_until(value: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # a zone of 18 digits overflows
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
