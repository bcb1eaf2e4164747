"""The states of a draft, and which step leads from which to which.

Pure, and data only.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum


class DraftStatus(StrEnum):
    """Where a draft is in its life."""

    STREAMING = "streaming"
    COMPLETE = "complete"
    PARTIAL = "partial"
    EDITING = "editing"


# What an owner may do. The steps from `streaming`, to `complete` or `partial`, are for
# the server alone that writes it.
EDITS: Mapping[DraftStatus, Collection[DraftStatus]] = {
    DraftStatus.STREAMING: (),
    DraftStatus.COMPLETE: (DraftStatus.EDITING,),
    DraftStatus.PARTIAL: (DraftStatus.EDITING,),
    DraftStatus.EDITING: (DraftStatus.EDITING, DraftStatus.COMPLETE),
}
