"""What exchanges and marks of one situation are called where a probe has several. Pure.

A probe makes them, a check finds them by the same names.
"""

from __future__ import annotations


def label_of(name: str, form: int) -> str:
    """Return the name for the cancel request that the profile declares `form`-th.

    The first one, counted 0, has the plain name.
    """
    return f"{name}-{form + 1}" if form else name


def side_stream(side: str) -> str:
    """Return the name of the stream of a side."""
    return f"{side}.stream"


def side_step(side: str, n: int, variant: str = "") -> str:
    """Return the name of the `n`-th request of a side, counted from 1.

    `variant` is for one that is to be refused in the place of the side's own.
    """
    return f"{side}.{n:02}" + (f".{variant}" if variant else "")


def in_form(fault: str, form: str, first: str) -> str:
    """Return the name for a request whose credential stands in this form.

    The first form that the profile declares has the plain name.
    """
    return fault if form == first else f"{fault}-{form}"
