"""Server, fakes and the correlation key of one test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.reference_server.integration.processes import Program, command
from tests.reference_server.integration.wire import Response, ask, send, start

OBSERVER = {"authorization": "Bearer watcher"}
# Short where a test waits for it, never short where a slow machine could be too late.
PATIENT = ["--heartbeat-s", "0.2", "--upstream-backoff-s", "0.05"]
HASTY = [*PATIENT, "--resume-grace-s", "0.2"]


def server_command(fakes: Program, *options: str) -> list[str]:
    upstream = f"{fakes.url}/v1"
    return command(
        "reference_server",
        *("--port", "0", "--upstream-url", upstream, "--upstream-key", "any"),
        *("--observe-token", "watcher"),
        *options,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What one test works with; its user has the name of its key."""

    server: Program
    fakes: Program
    key: str

    def prompt(self, *blocks: str) -> str:
        """Directives that belong to this test."""
        return " ".join(f"[[fake:{block} call={self.key}]]" for block in blocks)

    async def start(self, *blocks: str, lifetime_s: float = 600.0) -> Response:
        """Start a stream whose model does what the directives say."""
        prompt = self.prompt(*blocks)
        return await start(self.server, prompt, self.key, lifetime_s=lifetime_s)

    async def wait_call(self, state: str, turn: int = 1) -> dict[str, Any]:
        """Wait until a model call has reached a state, and return it."""
        path = f"/_fakes/calls/{self.key}/{turn}/wait?state={state}&timeout_ms=15000"
        answer = (await ask(self.fakes, "GET", path)).json
        assert answer["reached"], answer
        call = answer["call"]
        assert isinstance(call, dict)
        return call

    async def calls(self) -> list[dict[str, Any]]:
        """Return the model calls of this test."""
        path = f"/_fakes/calls?key={self.key}"
        calls = (await ask(self.fakes, "GET", path)).json["calls"]
        assert isinstance(calls, list)
        return calls

    async def release(self) -> None:
        """Open the gates of this test."""
        body = json.dumps({}).encode()
        path = f"/_fakes/gates/{self.key}/release"
        headers = {"content-type": "application/json"}
        response = await send(self.fakes, "POST", path, headers=headers, body=body)
        await (await response.read_head()).read_all()
        response.close()

    async def observe(self, stream: str) -> dict[str, Any]:
        """Return what the server shows of one stream, with the slots of its user."""
        document = (await ask(self.server, "GET", "/observe", OBSERVER)).json
        shown = next(s for s in document["streams"] if s["id"] == stream)
        assert isinstance(shown, dict)
        return {**shown, "slots": document["slots"].get(self.key, 0)}
