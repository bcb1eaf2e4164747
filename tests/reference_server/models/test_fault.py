"""What a status means, whichever service sends it."""

import pytest

from streamproof.reference_server.models.fault import (
    ModelFault,
    fault_of_status,
    is_overload,
)


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (429, ModelFault.RATE_LIMITED),
        (503, ModelFault.UNAVAILABLE),
        (529, ModelFault.UNAVAILABLE),
        (400, ModelFault.REFUSED),
        (404, ModelFault.REFUSED),
        (499, ModelFault.REFUSED),
        (500, ModelFault.FAILED),
        (504, ModelFault.FAILED),
        (204, ModelFault.FAILED),
        (302, ModelFault.FAILED),
    ],
)
def test_every_status_but_200_is_a_fault(status: int, fault: ModelFault) -> None:
    assert fault_of_status(status) is fault


def test_only_three_of_them_are_worth_another_try() -> None:
    assert [s for s in range(100, 600) if is_overload(s)] == [429, 503, 529]
