"""Whose child it is.

A fixture in place of the accounts that a product has: children 1 to 99 are everybody's
own, all others are another user's.
"""

from ...refusals import Refusal, RefusalCode

_OWN = range(1, 100)


def check_child(child_id: int) -> None:
    """Refuse another user's child.

    Raises:
        Refusal: FORBIDDEN.
    """
    if child_id not in _OWN:
        raise Refusal(RefusalCode.FORBIDDEN, "the child is not yours")
