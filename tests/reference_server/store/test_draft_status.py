"""Every step from every state to every state."""

from itertools import product

import pytest

from streamproof.reference_server.store.draft_status import EDITS, DraftStatus

ALLOWED = {
    ("complete", "editing"),
    ("partial", "editing"),
    ("editing", "editing"),
    ("editing", "complete"),
}


@pytest.mark.parametrize(("before", "after"), [*product(DraftStatus, DraftStatus)])
def test_which_steps_an_owner_has(before: DraftStatus, after: DraftStatus) -> None:
    assert (after in EDITS[before]) == ((before, after) in ALLOWED)
