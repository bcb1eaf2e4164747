"""What a client asks the pipeline for."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class GenerationRequest(BaseModel):
    """Body of a request to start a stream."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    prompt: Annotated[str, Field(min_length=1, max_length=20_000)]
    # Accepted for clients that send them; they have no meaning yet.
    options: dict[str, Any] | None = None
