"""Who may read which knowledge base."""

from uuid import UUID

import pytest

from streamproof.reference_server.dialects.draft.permission import (
    SHIPPED,
    check_permission,
)
from streamproof.reference_server.refusals import Refusal


def test_the_shipped_one_is_readable() -> None:
    check_permission(SHIPPED)


@pytest.mark.parametrize(
    "kb_id",
    ["00000000-0000-4000-8000-000000000002", "12345678-0000-4000-8000-00000000abcd"],
)
def test_another_one_is_forbidden_whether_it_exists_or_not(kb_id: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_permission(UUID(kb_id))

    assert refused.value.code == "FORBIDDEN"
