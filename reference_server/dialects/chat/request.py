"""What a client asks for."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from .conversation import Role


class CancelReason(StrEnum):
    """Why a run was cancelled."""

    USER_INITIATED = "user_initiated"
    TIMEOUT = "timeout"
    ERROR = "error"


class Earlier(BaseModel):
    """A message of a conversation that was had elsewhere."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    role: Role
    content: str


class ChatRequest(BaseModel):
    """Body of a message."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    message: Annotated[str, Field(min_length=1)]
    # JSON has no UUID: one is a string there.
    session_id: Annotated[UUID, Field(strict=False)] | None = None
    history: list[Earlier] = Field(default_factory=list)


class CancelRequest(BaseModel):
    """Body of a cancel by session."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    reason: Annotated[CancelReason, Field(strict=False)]
