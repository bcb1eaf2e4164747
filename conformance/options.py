"""What a run is asked for, and the values of those options that depend on each other.

Reads the environment and the files that an option names; starts and connects nothing.
Whatever does not fit together is a `UsageError` that says what to give instead.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import UsageError
from .launch import Command, pick_free_port, plan_commands
from .probes import Credentials, Fixed, Minted, Printed
from .runner.plan import Filters
from .runner.preflight import expect_base_url

_MAX_SECRET_BYTES = 64 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run is asked for, as `streamproof run` has it.

    Attributes:
        profile: name of a built-in one, or a TOML file.
        settings: `key=value` overrides of the profile.
        filters: which part of the suite is run.
        url: base URL of a target that runs already.
        start: command that starts the target instead.
        start_upstream: command that starts the fake provider.
        control: base URL of a fake provider that runs already.
        tokens: sources of credentials by the names of their options, at most one.
        seed: what users and keys are made from; None for a new one.
        strict: a violated SHOULD fails too.
    """

    profile: str
    settings: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    url: str | None = None
    start: str | None = None
    start_upstream: str | None = None
    control: str | None = None
    tokens: Mapping[str, str | Path | None] = field(default_factory=dict)
    seed: int | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Where target and fake provider are, and what has to be started for that."""

    target: str
    control: str | None
    commands: tuple[Command, ...] = ()


def find_ends(
    url: str | None,
    start: str | None,
    start_upstream: str | None,
    control: str | None,
    *,
    pick_port: Callable[[], int] = pick_free_port,
) -> Ends:
    """Return both ends of the target; raise `UsageError` if they do not fit."""
    if url is None and start is None:
        raise UsageError("expected the target's base URL, or --start, got neither")
    if url is not None and start is not None:
        raise UsageError(f"expected the target's base URL or --start, got both: {url}")
    if start_upstream is not None and control is not None:
        raise UsageError("expected --control or --start-upstream, got both")
    if start_upstream is not None and start is None:
        raise UsageError(
            "expected --start together with --start-upstream: a target that runs "
            "already cannot learn the address of a fake provider that is started now; "
            "start the fake provider before the target and name it with --control"
        )
    if control is not None:
        control = expect_base_url(control, what="the fake provider (--control)")
    commands = plan_commands(start, start_upstream, control, pick_port=pick_port)
    if "upstream" in commands:
        control = commands["upstream"].url
    if "target" in commands:
        target = commands["target"].url
    else:
        target = expect_base_url(url or "", what="the target")
    return Ends(target=target, control=control, commands=tuple(commands.values()))


def find_credentials(given: Mapping[str, str | Path | None]) -> Credentials | None:
    """Return the source of credentials among these options, by their names; or None.

    Raises `UsageError` for more than one, and for one that leads to nothing.
    """
    named = {name: value for name, value in given.items() if value is not None}
    if len(named) > 1:
        raise UsageError(f"expected one source of tokens, got {' and '.join(named)}")
    for name, value in named.items():
        if name == "--token-command":
            return Printed(str(value))
        secret = _read(name, value)
        if name.startswith("--token-secret-"):
            return Minted(secret, wall_clock=time.time)
        return Fixed(secret, option=name)
    return None


def _read(option: str, source: str | Path) -> str:
    """Return what a variable or a file holds, without the line end of a file."""
    if not isinstance(source, Path) and not _VARIABLE.fullmatch(source):
        raise UsageError(
            f"expected the name of a variable for {option}, got {source!r}"
        )
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                read = file.read(_MAX_SECRET_BYTES + 1)
        except OSError as problem:
            raise UsageError(
                f"cannot read the file of {option}: {source}: {problem.strerror}"
            ) from problem
        if len(read) > _MAX_SECRET_BYTES:
            raise UsageError(
                f"expected at most {_MAX_SECRET_BYTES} bytes in the file of {option}, "
                f"got more: {source}"
            )
        text = read.decode("utf-8", "surrogateescape")
        text = text.removesuffix("\n").removesuffix("\r")
    else:
        text = os.environ.get(source, "")
    if not text:
        what = "an empty file" if isinstance(source, Path) else "nothing"
        raise UsageError(
            f"expected a value for {option} in {source}, got {what}"
            + ("" if isinstance(source, Path) else f"; export {source}=... first")
        )
    return text
