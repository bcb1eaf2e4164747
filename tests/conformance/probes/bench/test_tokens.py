"""Credentials from a secret, a given token, a command; and the forged ones."""

import os
import sys
from pathlib import Path

import jwt
import pytest

from streamproof.conformance.errors import UsageError
from streamproof.conformance.probes.bench.missing import MissingError
from streamproof.conformance.probes.bench.tokens import (
    Fixed,
    Minted,
    Printed,
    claims_of,
    sign,
    signed_by_another,
    without_signature,
)

SECRET = "s" * 64
NOW = 1_700_000_000


def minted() -> Minted:
    return Minted(SECRET, wall_clock=lambda: NOW + 0.5)


async def test_a_minted_token_is_one_that_a_library_accepts() -> None:
    token = await minted().token("user-a")

    claims = jwt.decode(token, SECRET, ["HS256"], options={"verify_exp": False})
    assert claims == {"sub": "user-a", "iat": NOW - 60, "exp": NOW + 3600}


def test_a_token_can_be_minted_for_any_expiry_and_algorithm() -> None:
    token = minted().mint("user-a", expires=NOW - 60, algorithm="HS512")

    claims = jwt.decode(
        token, SECRET, ["HS512"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims == {"sub": "user-a", "iat": NOW - 60, "exp": NOW - 60}


async def test_every_token_handed_out_is_remembered() -> None:
    source = minted()

    tokens = {await source.token("a"), source.mint("b", expires=NOW)}

    assert source.issued == tokens


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a secret"):
        Minted("", wall_clock=lambda: NOW)


async def test_a_fixed_token_is_the_same_for_everybody() -> None:
    source = Fixed(" abc\n")

    assert await source.token("a") == await source.token("b") == "abc"
    assert source.issued == {"abc"}
    assert not source.has_users


@pytest.mark.parametrize("text", ["", " \n", "a b", "né"])
def test_what_can_be_no_token_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UsageError, match="expected a token") as raised:
        Fixed(text)

    assert "né" not in str(raised.value)


def command(tmp_path: Path, code: str) -> str:
    script = tmp_path / "print_token.py"
    script.write_text(code)
    return f"{sys.executable} {script} {{user}}"


async def test_a_command_prints_a_token_for_each_user_once(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    source = Printed(
        command(
            tmp_path,
            f"import sys; open({str(calls)!r}, 'a').write(sys.argv[1] + ' ');"
            "print('token-of-' + sys.argv[1])",
        )
    )

    tokens = [await source.token("a"), await source.token("a"), await source.token("b")]

    assert tokens == ["token-of-a", "token-of-a", "token-of-b"]
    assert calls.read_text() == "a b "
    assert source.issued == {"token-of-a", "token-of-b"}


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("abc\ndef", "a line end as character 4 of 7"),
        ("abc\r\nX: y", "a line end as character 4 of 9"),
        ("caf\u00e9", "U+00E9 as character 4 of 4"),
        ("a\0b", "U+0000 as character 2 of 3"),
        ("Bearer abc", "a space as character 7 of 10"),
    ],
)
async def test_what_a_header_cannot_carry_is_named_with_its_option(
    tmp_path: Path, text: str, got: str
) -> None:
    expected = f"expected a token of visible ASCII characters, got {got}"

    with pytest.raises(UsageError) as refused:
        Fixed(text, option="--token-env")
    printing = f"import sys; sys.stdout.buffer.write({text.encode()!r})"
    with pytest.raises(MissingError) as missing:
        await Printed(command(tmp_path, printing)).token("a")

    assert str(refused.value) == f"--token-env: {expected}"
    assert str(missing.value) == f"the command of --token-command: {expected}"


async def test_a_command_that_prints_for_ever_is_ended() -> None:
    with pytest.raises(MissingError, match="got more"):
        await Printed("yes {user}").token("a")


@pytest.mark.parametrize("code", ["", "import sys; print('x'); sys.exit(3)"])
async def test_a_command_that_prints_no_token_is_a_missing_prerequisite(
    tmp_path: Path, code: str
) -> None:
    with pytest.raises(MissingError, match="expected a token"):
        await Printed(command(tmp_path, code)).token("a")


async def test_a_command_that_does_not_exist_is_a_missing_prerequisite() -> None:
    with pytest.raises(MissingError, match="does not start"):
        await Printed("/no/such/command {user}").token("a")


async def test_a_command_that_hangs_is_a_missing_prerequisite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamproof.conformance.probes.bench.tokens.COMMAND_S", 0.01)

    with pytest.raises(MissingError, match="of --token-command did not end within"):
        await Printed("sleep 60{user}").token("")


async def test_what_a_hanging_command_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamproof.conformance.probes.bench.tokens.COMMAND_S", 2)
    pipe = tmp_path / "alive"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    # A grandchild holds the other end of the pipe, and the command waits for it.
    hanging = Printed(f"sh -c 'sh -c \"sleep 600\" {{user}} 3> {pipe}; true'")

    with pytest.raises(MissingError, match="did not end within 2 s"):
        await hanging.token("a")

    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""
    os.close(reader)


@pytest.mark.parametrize("text", ["print-token", "print '{user}"])
def test_a_command_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Printed(text)


def test_an_unsecured_token_has_the_claims_and_no_signature() -> None:
    forged = without_signature(sign({"sub": "a"}, SECRET, "HS256")).text

    assert jwt.get_unverified_header(forged)["alg"] == "none"
    assert forged.endswith(".")
    assert claims_of(forged) == {"sub": "a"}


def test_a_token_signed_by_another_has_the_claims_and_does_not_verify() -> None:
    forged = signed_by_another(sign({"sub": "a"}, SECRET, "HS256")).text

    assert claims_of(forged) == {"sub": "a"}
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forged, SECRET, ["HS256"])


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.WzFd.c", "a.\u0000.c"])
def test_what_is_no_jwt_cannot_be_forged_from(token: str) -> None:
    with pytest.raises(MissingError, match="no JWT"):
        without_signature(token)
