"""Whose child it is."""

from __future__ import annotations

import pytest

from streamproof.reference_server.dialects.story.children import check_child
from streamproof.reference_server.refusals import Refusal


@pytest.mark.parametrize("child_id", [1, 99])
def test_the_first_ninety_nine_are_one_s_own(child_id: int) -> None:
    check_child(child_id)


@pytest.mark.parametrize("child_id", [100, 10**17])
def test_all_others_are_another_s(child_id: int) -> None:
    with pytest.raises(Refusal) as raised:
        check_child(child_id)

    assert raised.value.code == "FORBIDDEN"
