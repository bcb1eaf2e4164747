"""What holds for every test.

Hypothesis looks for the same examples each time. A time limit, for an example or for
making one, would fail on a busy machine, and an example of the day could not be
repeated.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Generator

settings.register_profile(
    "streamproof",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("streamproof")

# A server that a test starts keeps what it keeps for as long as it runs.
os.environ["STREAMPROOF_SERVER_DATABASE_URL"] = "sqlite://"

# Where coverage says to processes that they are to be measured.
MEASURED = "COVERAGE_PROCESS_CONFIG"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Leave the slow tests unmeasured: they run in real time, and a tracer is late.

    It also takes as long again as the code it measures. What slow tests reach, others
    reach as well; where they do not, the floor of the coverage shows it.
    """
    measuring = Coverage.current()
    if measuring is None or item.get_closest_marker("slow") is None:
        return (yield)
    config = os.environ.pop(MEASURED)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()
        os.environ[MEASURED] = config
