"""A reader that keeps being cut: what it has seen of a running stream in all.

Pure. Which event it went on from is read from its own requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..evidence.untestable import Untestable
from ..model import Evidence, Finding
from ..profiles import Profile
from ..profiles.typed import TypedEvent
from .streams import Stream, answers, is_event_stream, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One response of a reader that keeps being cut, and what it went on from.

    `kept` are the events up to the one that the next request named: what arrived in
    the same segment after it is as good as never read.
    """

    seen: Stream
    kept: tuple[TypedEvent, ...]


def pieces_of(evidence: Evidence, profile: Profile) -> list[Piece]:
    """Return the responses in order; `Untestable` if none was resumed."""
    cuts = [read(exchange, profile) for exchange in evidence.labelled("cut-")]
    if len(cuts) < 2 or not is_event_stream(cuts[0].transcript):  # noqa: PLR2004 -- a cut and a resume
        raise Untestable(
            f"expected a stream that was cut and resumed: {answers(evidence)}"
        )
    pieces = []
    for cut, following in zip(cuts, [*cuts[1:], None], strict=True):
        kept = cut.events
        if following is not None:
            ids = [event.id for event in cut.events]
            named = following.resumed_after
            end = ids.index(named) + 1 if named in ids else 0
            kept = cut.events[:end]
        pieces.append(Piece(seen=cut, kept=kept))
    return pieces


def find_losses(pieces: Sequence[Piece], whole: Stream) -> list[Finding]:
    """Find stored events that the pieces lack, and the first one out of order."""
    arrived: dict[str | None, Piece] = {}
    for piece in pieces:
        for event in piece.kept:
            if event.id is not None:
                arrived.setdefault(event.id, piece)
    stored = [event for event in whole.events if event.id is not None]
    if not stored:
        raise Untestable("the stored stream has no event with an id to look for")
    missing = []
    before = whole.resumed_after
    for event in stored:
        if event.id not in arrived:
            last = arrived.get(before)
            place = f"; {last.seen.label!r} was the last before it" if last else ""
            missing.append(
                (last or pieces[-1]).seen.find(
                    f"{event.name}, which the stored stream has",
                    f"it never arrived{place}",
                )
            )
        before = event.id
    return missing + _disordered(list(dict.fromkeys(e.id for e in stored)), arrived)


def _disordered(
    stored: Sequence[str | None], arrived: Mapping[str | None, Piece]
) -> list[Finding]:
    """Find the first id that did not arrive in the stored order."""
    known = set(stored)
    wanted = [id_ for id_ in stored if id_ in arrived]
    got = [id_ for id_ in arrived if id_ in known]
    for right, wrong in zip(wanted, got, strict=True):
        if right != wrong:
            seen = arrived[wrong].seen
            return [seen.find(f"event {right!r} next, as stored", f"{wrong!r}")]
    return []
