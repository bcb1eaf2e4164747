"""What a dialect must say of itself."""

import pytest
from tests.reference_server.toy import toy

from streamproof.reference_server.models.fault import ModelFault
from streamproof.reference_server.streams.dialect import Resources
from streamproof.reference_server.streams.failure import CAUSES


def test_a_dialect_has_a_code_for_every_cause() -> None:
    codes = {cause: "X" for cause in CAUSES if cause is not ModelFault.STOPPED}
    resources = Resources(model=None, clock=float)  # type: ignore[arg-type]  # unused

    with pytest.raises(ValueError, match=r"^toy: expected a failure code .* stopped$"):
        toy(failure_codes=codes)(resources)
