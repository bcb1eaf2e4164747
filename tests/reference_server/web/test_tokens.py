"""Which tokens count with which keys and claims."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm
from tests.reference_server.asgi import SECRET, make_settings

from streamproof.reference_server.refusals import SettingsError
from streamproof.reference_server.web.keys import load_keys
from streamproof.reference_server.web.tokens import (
    InvalidTokenError,
    Principal,
    TokenVerifier,
)

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
CLAIMS = {"sub": "ada", "exp": 2000}


def make_verifier(**settings: object) -> TokenVerifier:
    values = make_settings(**settings)
    return TokenVerifier(
        keys=load_keys(values),
        algorithms=values.jwt_algorithms,
        audience=values.jwt_audience,
        issuer=values.jwt_issuer,
        leeway_s=values.jwt_leeway_s,
    )


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def write_key_set(path: Path, *names: str) -> Path:
    key = json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key()))
    path.write_text(json.dumps({"keys": [{**key, "kid": name} for name in names]}))
    return path


def test_a_token_signed_with_the_secret_counts_until_its_end() -> None:
    verifier = make_verifier()
    token = jwt.encode(CLAIMS, SECRET)

    assert verifier.verify(token, 1999.9) == Principal(user="ada", expires_at=2000)
    with pytest.raises(InvalidTokenError, match="has expired"):
        verifier.verify(token, 2000)


def test_leeway_stretches_both_ends() -> None:
    verifier = make_verifier(jwt_leeway_s=10)
    token = jwt.encode({**CLAIMS, "nbf": 1000}, SECRET)

    assert verifier.verify(token, 990).expires_at == 2010
    assert verifier.verify(token, 2009).user == "ada"
    for now in (989, 2010):
        with pytest.raises(InvalidTokenError):
            verifier.verify(token, now)


@pytest.mark.parametrize("audience", ["api", ["x", "api"]])
def test_the_configured_audience_counts(audience: object) -> None:
    verifier = make_verifier(jwt_audience="api")

    assert (
        verifier.verify(jwt.encode({**CLAIMS, "aud": audience}, SECRET), 0).user
        == "ada"
    )


@pytest.mark.parametrize("audience", ["x", ["x"], None])
def test_another_audience_does_not(audience: object) -> None:
    verifier = make_verifier(jwt_audience="api")
    claims = {**CLAIMS, "aud": audience} if audience else CLAIMS

    with pytest.raises(InvalidTokenError, match="another audience"):
        verifier.verify(jwt.encode(claims, SECRET), 0)


def test_an_audience_does_not_matter_when_none_is_configured() -> None:
    assert (
        make_verifier().verify(jwt.encode({**CLAIMS, "aud": "x"}, SECRET), 0).user
        == "ada"
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 10**400},
        {"nbf": 10**400},
        {"sub": "\ud800"},
        {"sub": "a" * 257},
        {"sub": ""},
    ],
)
def test_claims_that_no_clock_and_no_list_of_users_can_take_are_refused(
    claims: dict[str, object],
) -> None:
    with pytest.raises(InvalidTokenError):
        make_verifier().verify(jwt.encode({**CLAIMS, **claims}, SECRET), 0)


def test_the_issuer_is_checked_when_configured() -> None:
    verifier = make_verifier(jwt_issuer="us")

    assert verifier.verify(jwt.encode({**CLAIMS, "iss": "us"}, SECRET), 0).user == "ada"
    with pytest.raises(InvalidTokenError, match="another issuer"):
        verifier.verify(jwt.encode({**CLAIMS, "iss": "them"}, SECRET), 0)


def test_a_public_key_checks_signatures_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(RSA_KEY))
    verifier = make_verifier(jwt_algorithms="RS256", jwt_public_key_file=path)

    assert (
        verifier.verify(jwt.encode(CLAIMS, RSA_KEY, algorithm="RS256"), 0).user == "ada"
    )
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(InvalidTokenError):
        verifier.verify(jwt.encode(CLAIMS, other, algorithm="RS256"), 0)


@pytest.mark.parametrize("algorithms", ["RS256", "RS256,HS256"])
def test_a_public_key_is_no_secret(tmp_path: Path, algorithms: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(RSA_KEY))
    verifier = make_verifier(jwt_algorithms=algorithms, jwt_public_key_file=path)
    algorithm = jwt.get_algorithm_by_name("HS256")
    head, body, _ = jwt.encode(CLAIMS, SECRET).split(".")
    signature = algorithm.sign(f"{head}.{body}".encode(), pem(RSA_KEY))
    forged = f"{head}.{body}.{jwt.utils.base64url_encode(signature).decode()}"

    with pytest.raises(InvalidTokenError):
        verifier.verify(forged, 0)


def test_a_key_set_is_searched_by_name(tmp_path: Path) -> None:
    path = write_key_set(tmp_path / "keys.json", "one", "two")
    verifier = make_verifier(jwt_algorithms="ES256", jwks_file=path)

    def sign(headers: dict[str, str]) -> str:
        return jwt.encode(CLAIMS, EC_KEY, algorithm="ES256", headers=headers)

    assert verifier.verify(sign({"kid": "two"}), 0).user == "ada"
    for headers in ({"kid": "three"}, {}):
        with pytest.raises(InvalidTokenError):
            verifier.verify(sign(headers), 0)


def test_the_only_key_of_a_set_needs_no_name(tmp_path: Path) -> None:
    path = write_key_set(tmp_path / "keys.json", "one")
    verifier = make_verifier(jwt_algorithms="ES256", jwks_file=path)

    assert (
        verifier.verify(jwt.encode(CLAIMS, EC_KEY, algorithm="ES256"), 0).user == "ada"
    )


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    verifier = make_verifier(jwt_secret=None, jwt_secret_file=path)

    assert verifier.verify(jwt.encode(CLAIMS, SECRET), 0).user == "ada"


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_short_secret_works_with_a_warning_at_the_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    verifier = make_verifier(jwt_secret="short")

    assert "shorter than 32 bytes" in caplog.text
    assert verifier.verify(jwt.encode(CLAIMS, "short"), 0).user == "ada"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"jwt_secret": None}, "jwt_secret: expected a secret for HS256, got none"),
        ({"jwt_secret": ""}, "jwt_secret: expected a secret"),
        ({"jwt_algorithms": "RS256"}, "jwt_public_key_file: expected a key for RS256"),
        ({"jwt_algorithms": "none"}, "jwt_algorithms: expected one of"),
        ({"jwt_algorithms": ""}, "jwt_algorithms: expected at least one"),
        (
            {"jwt_secret": None, "jwt_secret_file": "missing"},
            "jwt_secret_file: cannot read missing: no such file or directory",
        ),
        (
            {"jwt_secret": None, "jwt_secret_file": "/dev/zero"},
            "jwt_secret_file: expected at most 1048576 bytes, got more: /dev/zero",
        ),
        (
            {"jwt_algorithms": "RS256,ES256", "jwt_public_key_file": __file__},
            "jwt_public_key_file: expected a key in PEM for RS256 or ES256",
        ),
    ],
)
def test_settings_without_usable_keys_are_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        make_verifier(**settings)


@pytest.mark.parametrize("text", ["nonsense", "{}", '{"keys": []}', "[]"])
def test_a_file_that_is_no_key_set_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)

    with pytest.raises(SettingsError, match="jwks_file: expected a JSON web key set"):
        make_verifier(jwt_algorithms="ES256", jwks_file=path)


def test_a_secret_is_not_shown() -> None:
    verifier = make_verifier()

    assert SECRET not in repr(verifier)


class Counted:
    """Verification keys, and how often they were asked for."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._keys = verifier.keys
        self.searches = 0

    def find(self, algorithm: str, name: str | None) -> object:
        self.searches += 1
        return self._keys.find(algorithm, name)


def count_verifications(
    verifier: TokenVerifier,
) -> tuple[TokenVerifier, Counted]:
    counted = Counted(verifier)
    return dataclasses.replace(verifier, keys=counted), counted  # type: ignore[arg-type]  # its one method


def test_a_token_is_verified_once_and_its_times_each_time() -> None:
    verifier, keys = count_verifications(make_verifier(jwt_leeway_s=5))
    token = jwt.encode({**CLAIMS, "nbf": 1000}, SECRET)

    for now in (995, 1500, 2004.9):
        assert verifier.verify(token, now) == Principal(user="ada", expires_at=2005)
    with pytest.raises(InvalidTokenError, match="not valid yet"):
        verifier.verify(token, 994.9)
    with pytest.raises(InvalidTokenError, match="has expired"):
        verifier.verify(token, 2005)

    assert keys.searches == 1


def wrong_tokens() -> Iterator[str]:
    token = jwt.encode(CLAIMS, SECRET)
    yield token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:]
    yield token[:-4]
    yield token + "AAAA"
    yield jwt.encode({**CLAIMS, "aud": "us", "nbf": 1999}, SECRET)
    yield jwt.encode({**CLAIMS, "exp": 1}, SECRET)
    yield jwt.encode({**CLAIMS, "sub": ""}, SECRET)
    yield jwt.encode(CLAIMS, "another secret that is long enough")
    yield "caf\udce9"


def test_what_is_no_good_token_is_looked_at_anew_and_hides_behind_no_good_one() -> None:
    verifier = make_verifier()
    verifier.verify(jwt.encode(CLAIMS, SECRET), 1500)

    for token in wrong_tokens():
        for _ in range(2):
            with pytest.raises(InvalidTokenError):
                verifier.verify(token, 1500)


def test_no_more_tokens_are_remembered_than_the_bound() -> None:
    verifier, keys = count_verifications(make_verifier())
    tokens = [jwt.encode({**CLAIMS, "jti": str(n)}, SECRET) for n in range(4097)]

    for token in tokens:
        verifier.verify(token, 1500)
    verifier.verify(tokens[-1], 1500)
    searches = keys.searches
    verifier.verify(tokens[0], 1500)

    assert searches == 4097
    assert keys.searches == 4098


def test_no_token_is_kept() -> None:
    verifier = make_verifier()
    token = jwt.encode(CLAIMS, SECRET)

    verifier.verify(token, 1500)

    assert token not in str(verifier._remembered)
    assert all(len(digest) == 32 for digest in verifier._remembered)
