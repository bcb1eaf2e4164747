"""Answers, and what becomes of one that was stopped."""

import pytest

from streamproof.reference_server.models.fault import ModelError, ModelFault
from streamproof.reference_server.models.provider import Answer, Stop


def test_a_complete_answer_has_its_text() -> None:
    assert Answer(text="all", stop=Stop.COMPLETE, reason="stop").whole_text() == "all"


@pytest.mark.parametrize("stop", [Stop.LENGTH, Stop.FILTER])
def test_an_answer_that_was_stopped_has_no_whole_text(stop: Stop) -> None:
    with pytest.raises(ModelError) as error:
        Answer(text="all", stop=stop, reason="stop").whole_text()

    assert error.value.fault is ModelFault.STOPPED
