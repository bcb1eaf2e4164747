"""Where a mutant runs: its model provider, and the secret of its users' tokens."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx
import jwt
from tests.mutants.base import Base

SECRET = "a secret of the mutants, long enough for HS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a wrong server may need beside the right one that it wraps.

    `upstream` is the model's base URL, with the version in its path.
    """

    upstream: str
    base: Base

    def credential(self, user: str, lifetime_s: float = 3600) -> str:
        """Return an Authorization header that is valid for `user`."""
        claims = {"sub": user, "exp": int(time.time() + lifetime_s)}
        return f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"

    async def call_model(self, prompt: str, *, is_read: bool = False) -> None:
        """Make a model call that nobody asked for, and leave at its answer's head.

        With `is_read` the answer is read to its end.
        """
        message = {"role": "user", "content": prompt}
        body = {"model": "mutant", "stream": True, "messages": [message]}
        async with (
            httpx.AsyncClient(
                timeout=5, headers={"Authorization": "Bearer any"}
            ) as client,
            client.stream(
                "POST", f"{self.upstream}/chat/completions", json=body
            ) as response,
        ):
            response.raise_for_status()
            if is_read:
                await response.aread()
