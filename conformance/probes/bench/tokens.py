"""Where a request's credential comes from: a secret, one given token, or a command.

Also the forged ones that a target must refuse. Tokens are kept only to be redacted from
reports; must not print or log one.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import anyio
import jwt
from anyio.abc import Process
from jwt.warnings import InsecureKeyLengthWarning

from ...errors import UsageError
from .missing import MissingError

LIFETIME_S = 3600
"""Longer than any run, short enough to be harmless where a token is left behind."""

ISSUED_AGO_S = 60
"""A target whose clock is a little behind must not take a token for one of tomorrow."""

COMMAND_S = 10.0
"""Less than a probe is given, so that the command is named and not the target."""

MAX_TOKEN_BYTES = 32 * 1024
"""What no server takes in a header field; a command that prints for ever ends here."""

_OPTION = "--token-command"
_NAMES = {" ": "a space", "\n": "a line end", "\r": "a line end", "\t": "a tab"}


@dataclass(frozen=True, slots=True)
class Credential:
    """What is sent as a credential.

    Attributes:
        text: as it is sent; empty for none.
        what: in words, for a reader who has to make one like it; empty for a good one.
    """

    text: str
    what: str = ""


class Credentials(Protocol):
    """A source of credentials."""

    @property
    def has_users(self) -> bool:
        """Tell whether it can speak for more than one user."""

    @property
    def issued(self) -> frozenset[str]:
        """Every token handed out so far, to be redacted."""

    async def token(self, user: str) -> str:
        """Return a valid token of this user; raise `MissingError` if that fails."""


class Minted:
    """Mints HS256 tokens from the secret that the target verifies them with."""

    has_users = True

    def __init__(self, secret: str, *, wall_clock: Callable[[], float]) -> None:
        if not secret:
            raise UsageError("expected a secret to mint tokens from, got an empty one")
        self._secret = secret
        self._wall_clock = wall_clock
        self._issued: set[str] = set()

    @property
    def issued(self) -> frozenset[str]:
        """Every token handed out so far."""
        return frozenset(self._issued)

    async def token(self, user: str) -> str:
        """Return a token that outlives the run."""
        return self.mint(user, expires=int(self._wall_clock()) + LIFETIME_S)

    def mint(self, user: str, *, expires: int, algorithm: str = "HS256") -> str:
        """Return a token that runs out at `expires`, in seconds since the epoch."""
        issued = int(self._wall_clock()) - ISSUED_AGO_S
        claims = {"sub": user, "iat": min(issued, expires), "exp": expires}
        token = sign(claims, self._secret, algorithm)
        self._issued.add(token)
        return token


class Fixed:
    """One token out of a file or the environment: one user, and no other tokens.

    `option` is where it is from. Raises `UsageError` for what no header can carry.
    """

    has_users = False

    def __init__(self, token: str, *, option: str = "the token") -> None:
        self._token = token.strip()
        if problem := _why_not_sendable(self._token):
            raise UsageError(f"{option}: {problem}")

    @property
    def issued(self) -> frozenset[str]:
        """The token."""
        return frozenset({self._token})

    async def token(self, user: str) -> str:  # noqa: ARG002 -- it is everybody's
        """Return the token."""
        return self._token


class Printed:
    """Tokens that a command prints, one command run for each user."""

    has_users = True

    def __init__(self, command: str) -> None:
        if "{user}" not in command:
            raise UsageError(
                f"expected {{user}} in the command of {_OPTION}, got {command!r}"
            )
        try:
            self._words = shlex.split(command)
        except ValueError as problem:
            raise UsageError(
                f"cannot read the command of {_OPTION}: {problem}"
            ) from problem
        self._tokens: dict[str, str] = {}

    @property
    def issued(self) -> frozenset[str]:
        """Every token printed so far."""
        return frozenset(self._tokens.values())

    async def token(self, user: str) -> str:
        """Return what the command prints for this user, without white space around."""
        if user not in self._tokens:
            self._tokens[user] = await self._print(user)
        return self._tokens[user]

    async def _print(self, user: str) -> str:
        words = [word.replace("{user}", user) for word in self._words]
        try:
            process = await anyio.open_process(
                words, stdin=subprocess.DEVNULL, stderr=None, start_new_session=True
            )
        except OSError as problem:
            raise MissingError(
                f"the command of {_OPTION} does not start: {problem.strerror}: "
                f"{words[0]}"
            ) from problem
        try:
            with anyio.fail_after(COMMAND_S):
                printed = await _read_all(process)
                code = await process.wait()
        except TimeoutError:
            raise MissingError(
                f"the command of {_OPTION} did not end within {COMMAND_S:g} s"
            ) from None
        finally:
            # What the command started in turn goes with it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with anyio.CancelScope(shield=True):
                await process.aclose()
        if code:
            raise MissingError(
                f"expected a token from the command of {_OPTION}, got exit code {code}"
            )
        token = printed.decode("utf-8", "surrogateescape").strip()
        if reason := _why_not_sendable(token):
            raise MissingError(f"the command of {_OPTION}: {reason}")
        return token


async def _read_all(process: Process) -> bytes:
    """Return what a process prints; raise `MissingError` for more than a token has."""
    printed = b""
    if process.stdout is None:
        return printed
    async for piece in process.stdout:
        printed += piece
        if len(printed) > MAX_TOKEN_BYTES:
            raise MissingError(
                f"expected a token of at most {MAX_TOKEN_BYTES} bytes from the command "
                f"of {_OPTION}, got more"
            )
    return printed


def _why_not_sendable(token: str) -> str:
    """Say which character a header field cannot carry; nothing of the rest."""
    if not token:
        return "expected a token, got none"
    if len(token) > MAX_TOKEN_BYTES:
        return f"expected a token of at most {MAX_TOKEN_BYTES} bytes, got more"
    for place, letter in enumerate(token, 1):
        if not "!" <= letter <= "~":
            name = _NAMES.get(letter, f"U+{ord(letter):04X}")
            return (
                f"expected a token of visible ASCII characters, got {name} as character"
                f" {place} of {len(token)}"
            )
    return ""


def sign(claims: Mapping[str, object], secret: str, algorithm: str) -> str:
    """Return a JWT signed with HS256 or HS512."""
    key = secret.encode(errors="surrogateescape")
    with warnings.catch_warnings():
        # The target chose the secret; that it is short is not this suite's subject.
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)
        return jwt.encode(dict(claims), key, algorithm=algorithm)


def without_signature(token: str) -> Credential:
    """Return the token's claims as an unsecured JWT: RFC 7519, section 6."""
    return Credential(
        jwt.encode(claims_of(token), "", algorithm="none"),
        "forged: the claims of a good one as an unsecured JWT (RFC 7519, section 6), "
        "which has the algorithm none and no signature",
    )


def signed_by_another(token: str) -> Credential:
    """Return the token's claims, signed with a secret that is not the target's."""
    return Credential(
        sign(claims_of(token), "a secret that no server has configured", "HS256"),
        "forged: the claims of a good one, signed with HS256 and a secret that is not "
        "the target's",
    )


def claims_of(token: str) -> dict[str, object]:
    """Read a JWT's claims, verifying nothing; raise `MissingError` if it is none."""
    try:
        claims: dict[str, object] = jwt.decode(
            token, options={"verify_signature": False}
        )
    except jwt.InvalidTokenError:
        raise MissingError(
            "the given token is no JWT, so none can be forged from it"
        ) from None
    return claims
