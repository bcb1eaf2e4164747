"""`streamproof-fakes`: parse, start, print one line, wait for a signal."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from .errors import FakesError
from .server import Server
from .settings import Settings

__all__ = ["main"]


def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="TCP port, 0 for a free one.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="Seed of everything generated.")] = 0,
    scripts: Annotated[
        Path | None, typer.Option(help="TOML file of named scripts.")
    ] = None,
) -> None:
    """Serve fake LLM providers until SIGTERM or SIGINT."""
    settings = Settings(host=host, port=port, seed=seed, scripts=scripts)
    try:
        asyncio.run(_serve_until_signal(settings))
    except FakesError as error:
        print(f"streamproof-fakes: {error}", file=sys.stderr)  # noqa: T201 -- the user interface
        raise SystemExit(2) from None


async def _serve_until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Server(settings) as server:
        print(f"listening on {server.url}", flush=True)  # noqa: T201 -- the user interface
        await stop.wait()


def main() -> None:
    """Run the command line."""
    typer.run(serve)


if __name__ == "__main__":
    main()
