"""Who is measured, and how each is told to say the same thing on the same schedule.

The script is put on the server's side everywhere, so that all get the same request.
The text is made of words of five characters with the space behind it: every server
says one of them per frame, after a role frame and before two that end the answer.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from .peers import Peer

__all__ = [
    "OTHER_FRAMES",
    "WORD",
    "Contestant",
    "Script",
    "aimock",
    "baseline",
    "llmock",
    "ours",
]

WORD: Final = "tick "
# Role, finish reason, terminator.
OTHER_FRAMES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What every server says: so many words, at once or paced.

    `first_ms` counts from the request to the first word, `each_ms` between words.
    """

    tokens: int
    first_ms: float = 0.0
    each_ms: float = 0.0

    @property
    def text(self) -> str:
        """The whole answer."""
        return WORD * self.tokens

    @property
    def is_paced(self) -> bool:
        """False when everything leaves at once."""
        return self.each_ms > 0


def _nothing(_port: int, _script: Script) -> None:
    """Configure nothing: the command line says it all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A server: its command line for a port, a script and a folder for files.

    `configure` tells a server that listens already what the command line could not.
    """

    name: str
    version: str
    command: Callable[[int, Script, Path], list[str]]
    configure: Callable[[int, Script], None] = _nothing


def ours() -> Contestant:
    """Our fakes, by their console script, with a script file."""
    program = Path(sys.executable).parent / "streamproof-fakes"

    def command(port: int, script: Script, folder: Path) -> list[str]:
        file = folder / "scripts.toml"
        file.write_text(
            "[scripts.default]\n"
            f"say = [{{ text = {json.dumps(script.text)} }}]\n"
            f"delay = {{ first_ms = {script.first_ms}, each_ms = {script.each_ms} }}\n"
        )
        return [str(program), "--port", str(port), "--scripts", str(file)]

    return Contestant(
        name="streamproof", version=version("streamproof"), command=command
    )


def aimock(peer: Peer) -> Contestant:
    """Start aimock silent, with a fixture for everything.

    Its `ttft` is the time to the role frame; the first word comes one token later.
    """

    def command(port: int, script: Script, folder: Path) -> list[str]:
        fixture: dict[str, object] = {
            "match": {},
            "response": {"content": script.text},
        }
        if script.is_paced:
            fixture["streamingProfile"] = {
                "ttft": script.first_ms - script.each_ms,
                "tps": 1000 / script.each_ms,
            }
        file = folder / "fixtures.json"
        file.write_text(json.dumps({"fixtures": [fixture]}))
        return [
            *peer.command,
            *("--port", str(port)),
            *("--fixtures", str(file)),
            *("--chunk-size", str(len(WORD))),
            *("--log-level", "silent"),
        ]

    return Contestant(name="aimock", version=peer.version, command=command)


def llmock(peer: Peer) -> Contestant:
    """Start llmock without an access log, with behaviours for everything.

    `slow_first_token` is the time to the role frame; the first word comes one
    `chunk_delay` later.
    """

    def command(port: int, script: Script, _folder: Path) -> list[str]:
        return [
            *(*peer.command, "serve"),
            *("--port", str(port)),
            *("--log-level", "warning"),
            *("--stream-chunk-delay-ms", f"{script.each_ms:.0f}"),
        ]

    def configure(port: int, script: Script) -> None:
        first_s = (script.first_ms - script.each_ms) / 1000
        behaviors: list[dict[str, object]] = [
            {"type": "reply", "text": script.text, "times": None}
        ]
        if script.is_paced:
            slow = {"type": "slow_first_token", "seconds": first_s, "times": None}
            behaviors.append(slow)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(
                "POST",
                "/_llmock/scenario",
                json.dumps({"behaviors": behaviors}),
                {"content-type": "application/json"},
            )
            answer = connection.getresponse()
            if answer.status != http.client.CREATED:
                raise RuntimeError(
                    f"expected llmock to take its scenario, got {answer.status}: "
                    f"{answer.read()[:200]!r}"
                )
        finally:
            connection.close()

    return Contestant(
        name="llmock", version=peer.version, command=command, configure=configure
    )


def baseline() -> Contestant:
    """The canned server: what client and kernel can take on this machine."""

    def command(port: int, script: Script, _folder: Path) -> list[str]:
        return [
            sys.executable,
            *("-m", "streamproof.loadtests.benchmarks.canned"),
            *(str(port), str(script.tokens)),
            *(str(script.first_ms), str(script.each_ms)),
        ]

    return Contestant(name="canned", version="-", command=command)
