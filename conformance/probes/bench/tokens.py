"""Where a request's credential comes from: a secret, one given token, or a command.

Also the forged ones that a target must refuse. Tokens are kept only to be redacted from
reports; must not print or log one.
"""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import anyio
import jwt
from jwt.warnings import InsecureKeyLengthWarning

from ...errors import UsageError
from .missing import MissingError

LIFETIME_S = 3600
"""Longer than any run, short enough to be harmless where a token is left behind."""

ISSUED_AGO_S = 60
"""A target whose clock is a little behind must not take a token for one of tomorrow."""

COMMAND_S = 30.0


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
    """One token out of a file or the environment: one user, and no other tokens."""

    has_users = False

    def __init__(self, token: str) -> None:
        self._token = token.strip()
        if not self._token or not self._token.isascii() or " " in self._token:
            raise UsageError(
                "expected a token of visible ASCII characters, got "
                f"{len(self._token)} other ones"
            )

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
                f"expected {{user}} in the command that prints tokens, got {command!r}"
            )
        try:
            self._words = shlex.split(command)
        except ValueError as problem:
            raise UsageError(f"cannot read {command!r}: {problem}") from problem
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
            with anyio.fail_after(COMMAND_S):
                done = await anyio.run_process(words, check=False, stderr=None)
        except TimeoutError:
            raise MissingError(
                f"the command that prints tokens did not end within {COMMAND_S:g} s"
            ) from None
        except OSError as problem:
            raise MissingError(
                f"the command that prints tokens does not start: {problem.strerror}"
            ) from problem
        token = done.stdout.decode("utf-8", "replace").strip()
        if done.returncode or not token:
            raise MissingError(
                "expected a token from the command that prints tokens, got "
                f"{len(token)} characters and exit code {done.returncode}"
            )
        return token


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
        sign(claims_of(token), "a secret that nobody has configured", "HS256"),
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
