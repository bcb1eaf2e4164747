"""What a client asks for."""

from collections.abc import Sequence
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ...store.draft_status import DraftStatus
from .corpus import CORPUS
from .templates import TEMPLATES

_PASSAGES = frozenset(passage.id for passage in CORPUS)


def _check_template(name: str) -> str:
    if name not in TEMPLATES:
        raise ValueError(f"expected one of {', '.join(TEMPLATES)}")
    return name


def _check_sources(ids: Sequence[str]) -> Sequence[str]:
    if any(each not in _PASSAGES for each in ids):
        raise ValueError("expected ids of chunks of the knowledge base")
    if len(set(ids)) < len(ids):
        raise ValueError("expected each chunk once")
    return ids


# Text in JSON, which has no type for it.
KnowledgeBase = Annotated[UUID, Field(strict=False)]
DocumentType = Annotated[str, AfterValidator(_check_template)]
# What fits into a database's integer; a draft is not changed as often as that.
Version = Annotated[int, Field(ge=1, lt=2**31)]


class DraftRequest(BaseModel):
    """Body of a request for a draft."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    kb_id: KnowledgeBase
    document_type: DocumentType
    context: Annotated[str, Field(min_length=1)]
    # An empty list is as absent.
    selected_sources: Annotated[list[str], AfterValidator(_check_sources)] = []


class NewDraftRequest(BaseModel):
    """Body of a request to keep a draft that its user has written."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    kb_id: KnowledgeBase
    document_type: DocumentType
    context: str = ""
    content: str = ""


class EditRequest(BaseModel):
    """Body of a request to change a draft."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    content: str | None = None
    status: Annotated[DraftStatus | None, Field(strict=False)] = None
    version: Version | None = None

    @model_validator(mode="after")
    def _has_a_change(self) -> Self:
        if self.content is None and self.status is None:
            raise ValueError("expected content or status")
        return self


class ListRequest(BaseModel):
    """Query of a request for drafts."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    kb_id: UUID | None = None
    status: DraftStatus | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    # The last draft of the page before; what a client need not know.
    cursor: UUID | None = None
