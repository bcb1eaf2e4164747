"""`streamproof-fakes`: parse, start, print one line, wait for a signal.

Without a command it serves; `record` passes calls on to a real service and keeps them,
and `replay` answers with what was kept.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import signal
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import FakesError, StartError
from .recording import RecorderSettings, load_recordings, recording
from .server import Server
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .recording import Recordings

__all__ = ["main"]

_USAGE_ERROR = 2

cli = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)

Host = Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")]
Port = Annotated[
    int,
    typer.Option(min=0, max=65535, metavar="PORT", help="TCP port, 0 for a free one."),
]


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"streamproof-fakes {metadata.version('streamproof')}")  # noqa: T201 -- the user interface
        raise typer.Exit


@cli.callback()
def fakes(
    *,
    version: Annotated[  # its callback does it all
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Say which it is."
        ),
    ] = False,
) -> None:
    """Fake LLM providers; without a command: serve, with its options."""


@cli.command()
def serve(
    port: Port,
    host: Host = "127.0.0.1",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of everything generated.")
    ] = 0,
    scripts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML file of named scripts and of rules."),
    ] = None,
) -> None:
    """Serve fake LLM providers until SIGTERM or SIGINT."""
    settings = Settings(host=host, port=port, seed=seed, scripts=scripts)
    _run(_serve_until_signal(settings))


@cli.command()
def record(
    *,
    upstream: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Service to record, such as https://api.openai.com."
        ),
    ],
    cassette: Annotated[
        Path, typer.Option(metavar="FILE", help="File to write, a new one.")
    ],
    port: Port,
    host: Host = "127.0.0.1",
    append: Annotated[
        bool, typer.Option("--append", help="Add to the cassette if it is there.")
    ] = False,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            help="Certificates (PEM) to trust instead of the system's; for https."
        ),
    ] = None,
    redact: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Further header field that is secret; may be given several times.",
        ),
    ] = None,
    deadline_s: Annotated[
        float, typer.Option(help="How long a response may take, in s, at most a day.")
    ] = 600.0,
) -> None:
    """Pass calls on to a real service, and write a cassette of them.

    Make the printed URL the base URL of an SDK. Keys are passed on, not written down.
    """
    settings = RecorderSettings(
        upstream=upstream,
        cassette=cassette,
        append=append,
        ca_file=ca_file,
        secret_fields=frozenset(redact or ()),
        deadline_s=deadline_s,
        host=host,
        port=port,
        report=_report,
    )
    _run(_record_until_signal(settings))


@cli.command()
def replay(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Cassettes written by `record`."),
    ] = None,
    *,
    cassette: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="The same, called as `record` calls it."),
    ] = None,
    port: Port,
    host: Host = "127.0.0.1",
    speed: Annotated[
        float,
        typer.Option(
            help="1 is as recorded, 2 twice as fast, 0 at once; else 0.001 to 1e6."
        ),
    ] = 1.0,
) -> None:
    """Answer out of cassettes, with the bytes, reads and times that were recorded."""
    cassettes = [*(files or ()), *(cassette or ())]
    if not cassettes:
        raise typer.BadParameter("expected a cassette to replay, got none")
    _run(_replay_until_signal(cassettes, Settings(host=host, port=port), speed))


async def _replay_until_signal(
    cassettes: list[Path], settings: Settings, speed: float
) -> None:
    recordings = load_recordings(cassettes, speed=speed)
    for warning in recordings.warnings:
        _report(warning)
    await _serve_until_signal(settings, recordings)


async def _serve_until_signal(
    settings: Settings, recordings: Recordings | None = None
) -> None:
    stop = _stop_signal()
    _spare_collections()
    async with Server(settings, recordings) as server:
        _announce(server.url)
        await stop.wait()


async def _record_until_signal(settings: RecorderSettings) -> None:
    stop = _stop_signal()
    async with recording(settings) as url:
        _announce(url)
        await stop.wait()


def _spare_collections() -> None:
    """Let no collection go through what is there for good, in the middle of streams."""
    gc.collect()
    gc.freeze()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _run(work: Coroutine[None, None, None]) -> None:
    """Run to the end; a mistake of the user's is one line and exit code 2."""
    _raise_descriptor_limit()
    try:
        asyncio.run(_complaining_once(work))
    except FakesError as error:
        _report(str(error))
        raise SystemExit(_USAGE_ERROR) from None


def _raise_descriptor_limit() -> None:
    """Take as many file descriptors as we may: every connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A system may have a bound of its own below the one that it tells.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _complaining_once(work: Coroutine[None, None, None]) -> None:
    """Do the work; that there are no more file descriptors is told one time."""
    asyncio.get_running_loop().set_exception_handler(_Complaints().handle)
    await work


class _Complaints:
    """What the event loop complains of."""

    def __init__(self) -> None:
        self._is_told = False

    def handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        number = error.errno if isinstance(error, OSError) else None
        if number not in {errno.EMFILE, errno.ENFILE}:
            loop.default_exception_handler(context)
        elif not self._is_told:
            # asyncio tries again every second, and would tell it as often.
            self._is_told = True
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            _report(
                f"out of file descriptors at {limit}: further connections wait until "
                "others end; raise the limit with ulimit -n"
            )


def _announce(url: str) -> None:
    try:
        print(f"listening on {url}", flush=True)  # noqa: T201 -- the user interface
    except OSError as error:
        # What is still buffered goes nowhere, also when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        reason = (error.strerror or str(error)).lower()
        raise StartError(f"cannot write the address to stdout: {reason}") from error


def _report(line: str) -> None:
    print(f"streamproof-fakes: {line}", file=sys.stderr)  # noqa: T201 -- the user interface


def main() -> None:
    """Run the command line; what begins with an option is for `serve`."""
    arguments = sys.argv[1:]
    is_named = bool(arguments) and not arguments[0].startswith("-")
    if arguments == ["--help"]:
        # What may be given without a command stands in the help of one.
        cli(arguments, standalone_mode=False)
    is_ours = is_named or arguments == ["--version"]
    try:
        cli(arguments if is_ours else ["serve", *arguments], standalone_mode=False)
    except typer.TyperException as refused:
        refused.message = _in_plain_words(refused.message)
        refused.show()  # type: ignore[attr-defined]  # all that are raised have it
        raise SystemExit(_USAGE_ERROR) from None


def _in_plain_words(message: str) -> str:
    """Return a complaint about an option without the words of the parser's parts."""
    number = "Input should be a valid integer, unable to parse string as an integer"
    return message.replace(number, "expected a whole number").replace(
        "Input should be", "expected a value that is"
    )


if __name__ == "__main__":
    main()
