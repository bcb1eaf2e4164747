"""What a dialect is asked for: read, and whether this user may ask for it."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from ..streams.dialect import Dialect
from .requests import MediaType, read_body, read_query


async def read_parameters(
    dialect: Dialect[Any, Any],
    request: Request,
    user: str,
    *,
    answer: MediaType,
    max_body_bytes: int,
) -> BaseModel:
    """Return the parameters of a request that may be made.

    Raises:
        Refusal: something is wrong with them, or the dialect does not admit them.
        starlette.requests.ClientDisconnect: the client left before its body ended.
    """
    model: type[BaseModel] = dialect.request
    if dialect.method == "GET":
        parameters = read_query(request, model, answer=answer)
    else:
        parameters = await read_body(
            request, model, answer=answer, max_bytes=max_body_bytes
        )
    await dialect.admit(parameters, user)
    return parameters
