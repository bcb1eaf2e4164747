"""Our server and the relay: how each is started, and what both are asked.

The model is a third process, our fakes. What it says and when is in the prompt, so that
both relay the same tokens on the same schedule.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import jwt

from .contestants import Contestant, Script

__all__ = ["FRAMES_BESIDE_TOKENS", "STEPS", "Credentials", "model", "ours", "relay"]

# Model calls of a run, and the events before and behind the tokens of each.
STEPS: Final = 14
FRAMES_BESIDE_TOKENS: Final = 2
STREAMS_PER_USER: Final = 3
BIN: Final = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What tokens are signed with."""

    secret: str

    def requests(self, port: int, script: Script, streams: int) -> Iterator[str]:
        """Yield requests to start streams, each user's share with his own token."""
        directives = (
            f"[[fake:say tokens={script.tokens}]] "
            f"[[fake:delay first={script.first_ms:g} each={script.each_ms:g}]]"
        )
        body = json.dumps({"prompt": directives})
        for number in range(streams):
            claims = {
                "sub": f"user-{number // STREAMS_PER_USER}",
                "exp": int(time.time()) + 3600,
            }
            token = jwt.encode(claims, self.secret, algorithm="HS256")
            yield (
                f"POST /api/generation/stream HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
                f"authorization: Bearer {token}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n{body}"
            )


def model() -> Contestant:
    """Return the fakes, which do what a prompt says."""

    def command(port: int, _script: Script, _folder: Path) -> list[str]:
        return [str(BIN / "streamproof-fakes"), "--port", str(port)]

    return Contestant(name="model", version=version("streamproof"), command=command)


def ours(model_port: int, credentials: Credentials) -> Contestant:
    """Return our server, as it is installed."""

    def command(port: int, _script: Script, folder: Path) -> list[str]:
        secret = folder / "secret"
        secret.write_text(credentials.secret)
        return [
            str(BIN / "streamproof-server"),
            *("--port", str(port), "--jwt-secret-file", str(secret)),
            *("--upstream-url", f"http://127.0.0.1:{model_port}/v1"),
            *("--database-url", "sqlite://", "--upstream-key", "any"),
        ]

    return Contestant(
        name="streamproof", version=version("streamproof"), command=command
    )


def relay(model_port: int) -> Contestant:
    """Return the relay."""

    def command(port: int, _script: Script, _folder: Path) -> list[str]:
        return [
            sys.executable,
            *("-m", "streamproof.loadtests.benchmarks.server_relay"),
            *(str(port), f"http://127.0.0.1:{model_port}/v1", str(STEPS)),
        ]

    return Contestant(
        name="sse-starlette", version=version("sse-starlette"), command=command
    )
