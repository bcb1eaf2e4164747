"""Who may read which knowledge base.

Pure. There is one, and every user may read it.
"""

from uuid import UUID

from ...refusals import Refusal, RefusalCode

SHIPPED = UUID("00000000-0000-4000-8000-000000000001")


def check_permission(kb_id: UUID) -> None:
    """Refuse what may not be read; that it does not exist is not told.

    Raises:
        Refusal: FORBIDDEN.
    """
    if kb_id != SHIPPED:
        raise Refusal(
            RefusalCode.FORBIDDEN, "no permission to read this knowledge base"
        )
