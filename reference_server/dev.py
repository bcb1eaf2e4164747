"""Everything to see a stream at once: a fake model, a secret, a database, and curl.

    trying_out      starts the fake model; gives the settings that go with it
    show_examples   one command line per dialect, ready to be pasted

The fakes are another program, which is started and spoken to like any model.
"""

import contextlib
import json
import secrets
import select
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

import jwt

from .refusals import SettingsError
from .settings import Settings
from .streams.dialect import Dialect

_USER: Final = "dev"
_TOKEN_S: Final = 24 * 3600
_START_S: Final = 20.0
_STOP_S: Final = 5.0
_READY: Final = "listening on "
# `read` ends when this process does, however that happens; the fakes end then as well.
_SHELL: Final = '"$@" & trap "kill $!" TERM; read -r _; kill $!; wait $!'


@contextlib.contextmanager
def trying_out(settings: Settings) -> Iterator[Settings]:
    """Start a fake model; yield the settings with what was not given filled in.

    Raises:
        SettingsError: the fakes do not start, or tokens are not signed with HS256.
    """
    given = settings.model_fields_set
    if "HS256" not in settings.jwt_algorithms:
        raise SettingsError("dev: expected HS256 among jwt_algorithms, got none")
    changes: dict[str, Any] = {"upstream_key": settings.upstream_key or "any"}
    if not {"jwt_secret", "jwt_secret_file"} & given:
        changes["jwt_secret"] = secrets.token_urlsafe(48)
    with contextlib.ExitStack() as stack:
        if "database_url" not in given:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="streamproof-")
            )
            changes["database_url"] = f"sqlite:///{folder}/dev.db"
        if "upstream_url" not in given:
            changes["upstream_url"] = f"{stack.enter_context(_fakes())}/v1"
        yield Settings.model_validate({**settings.model_dump(), **changes})


@contextlib.contextmanager
def _fakes() -> Iterator[str]:
    command = [sys.executable, "-m", "streamproof.fakes", "serve", "--port", "0"]
    process = subprocess.Popen(  # noqa: S603 -- our own program
        ["/bin/sh", "-c", _SHELL, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C is for the server, whose streams still need their model in the drain.
        process_group=0,
    )
    try:
        yield _wait_ready(process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _wait_ready(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None  # noqa: S101 -- it is a pipe
    is_ready = select.select([process.stdout], [], [], _START_S)[0]
    line = process.stdout.readline() if is_ready else ""
    if not line.startswith(_READY):
        raise SettingsError(
            f"dev: expected the fakes to say {_READY!r} within {_START_S:g} s, got "
            f"{line!r}"
        )
    return line.removeprefix(_READY).strip()


def show_examples(
    dialects: Iterable[Dialect[Any, Any]], base_url: str, settings: Settings, now: float
) -> str:
    """Return a command line for every dialect, with a token for a day.

    Args:
        dialects: what is served.
        base_url: where.
        settings: have the secret.
        now: seconds since the epoch.
    """
    token = _make_token(settings, now)
    return "\n".join(
        f"\n# {dialect.name}\n{_curl(dialect, base_url, token)}" for dialect in dialects
    )


def _make_token(settings: Settings, now: float) -> str:
    claims = {
        "sub": _USER,
        "exp": int(now) + _TOKEN_S,
        "aud": settings.jwt_audience,
        "iss": settings.jwt_issuer,
    }
    if settings.jwt_secret_file is not None:
        secret = settings.jwt_secret_file.read_text("utf-8").rstrip("\n")
    else:
        assert settings.jwt_secret is not None  # noqa: S101 -- see `trying_out`
        secret = settings.jwt_secret.get_secret_value()
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, secret, algorithm="HS256")


def _curl(dialect: Dialect[Any, Any], base_url: str, token: str) -> str:
    url = base_url + dialect.path
    words = ["curl", "-N", "-H", f"Authorization: Bearer {token}"]
    if dialect.method == "GET":
        words.append(f"{url}?{urlencode(dialect.example)}")
    else:
        body = json.dumps(dialect.example, ensure_ascii=False)
        words += ["-H", "Content-Type: application/json", "-d", body, url]
    return shlex.join(words)
