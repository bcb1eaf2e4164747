"""What a dialect must say of itself."""

from uuid import uuid4

import pytest
from tests.reference_server.toy import toy

from streamproof.reference_server.models.fault import ModelFault
from streamproof.reference_server.store.database import Database
from streamproof.reference_server.streams.dialect import Resources, Twin
from streamproof.reference_server.streams.failure import CAUSES, CancelCause

RESOURCES = Resources(
    model=None,  # type: ignore[arg-type]  # unused
    clock=float,
    wall_clock=float,
    new_uuid=uuid4,
    database=Database("sqlite://"),
    max_body_bytes=1,
    chunk_tokens=1,
)


def test_a_dialect_has_a_code_for_every_cause() -> None:
    codes = {cause: "X" for cause in CAUSES if cause is not ModelFault.STOPPED}

    with pytest.raises(ValueError, match=r"^toy: expected a failure code .* stopped$"):
        toy(failure_codes=codes)(RESOURCES)


def test_only_a_dialect_that_bounds_its_runs_has_a_code_for_overtime() -> None:
    codes = {cause: "X" for cause in CAUSES if cause is not CancelCause.OVERTIME}

    assert toy(failure_codes=codes)(RESOURCES).max_run_s is None
    with pytest.raises(ValueError, match=r"^toy: expected a failure .* overtime$"):
        toy(failure_codes=codes, max_run_s=1.0)(RESOURCES)


def test_a_twin_has_a_body() -> None:
    with pytest.raises(ValueError, match=r"^toy: expected a twin of a POST"):
        toy(twin=Twin(path="/whole", document=str))(RESOURCES)
