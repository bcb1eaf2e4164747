"""What a client asks for."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ProgrammeRequest(BaseModel):
    """Body of a request for a programme."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    prompt: Annotated[str, Field(min_length=20)]
    # Whose programme it is. Neither is kept, logged or shown to the model.
    mrn: str | None = None
    clinic_id: str | None = None
