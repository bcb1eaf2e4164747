"""Notes that are kept: written by a run or by their owner, and edited by the owner."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field

from tests.mutants.bases.toy.refusal import Refusal

_EDITABLE = ("complete", "partial", "editing")


@dataclass(slots=True)
class Draft:
    """One note; `streaming → complete | partial → editing → complete | editing`."""

    owner: str
    status: str
    content: str = ""
    version: int = 1
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def shown(self) -> dict[str, object]:
        """Return what its owner sees."""
        return {**asdict(self), "words": len(self.content.split())} | {"owner": None}

    def end(self, status: str, content: str) -> None:
        """Keep what a run has written."""
        self.status, self.content = status, content
        self.version += 1

    def edit(
        self, content: str | None, status: str | None, version: int | None
    ) -> None:
        """Take a change of the owner; raise `Refusal` for one that cannot be made."""
        wanted = status or "editing"
        is_stale = version is not None and version != self.version
        is_step = self.status in _EDITABLE and (
            wanted == "editing" or (wanted, self.status) == ("complete", "editing")
        )
        if is_stale or not is_step:
            raise Refusal(409, "DRAFT_CONFLICT")
        self.status = wanted
        self.content = self.content if content is None else content
        self.version += 1


class Drafts:
    """All notes, each seen by its owner alone."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}

    def create(self, owner: str, status: str, content: str = "") -> Draft:
        """Keep a new one."""
        draft = Draft(owner, status, content)
        self._drafts[draft.id] = draft
        return draft

    def get(self, owner: str, id_: str) -> Draft:
        """Return one; raise `Refusal` where this user has none of that id."""
        draft = self._drafts.get(id_)
        if draft is None or draft.owner != owner:
            raise Refusal(404, "DRAFT_NOT_FOUND")
        return draft

    def of(self, owner: str) -> list[Draft]:
        """Return those of a user, the newest first."""
        return [d for d in reversed(self._drafts.values()) if d.owner == owner]
