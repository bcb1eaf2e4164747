"""Key material for checking tokens: read once at the start, chosen per token.

A key is bound to its kind of algorithm here, so that a public key can never serve as an
HMAC secret. It must not look at claims.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import jwt

from ..refusals import SettingsError
from ..settings import ENV_PREFIX, Settings

_log = logging.getLogger(__name__)

_SYMMETRIC = frozenset({"HS256", "HS384", "HS512"})
_ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"}
)
# RFC 7518 section 3.2: a key of the size of the hash or larger.
_SECRET_BYTES = 32
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKeys:
    """The keys that tokens may be signed with."""

    secret: bytes | None = field(default=None, repr=False)
    public_key: str | None = None
    key_set: jwt.PyJWKSet | None = None

    def find(self, algorithm: str, key_id: str | None) -> bytes | str | jwt.PyJWK:
        """Return the key for a token.

        Raises:
            LookupError: there is none of that kind or name.
        """
        if algorithm in _SYMMETRIC:
            if self.secret is None:
                raise LookupError("no secret is configured")
            return self.secret
        if self.public_key is not None:
            return self.public_key
        if self.key_set is not None:
            return self._find_in_set(self.key_set.keys, key_id)
        raise LookupError("no public key is configured")

    @staticmethod
    def _find_in_set(keys: list[jwt.PyJWK], key_id: str | None) -> jwt.PyJWK:
        if key_id is None and len(keys) == 1:
            return keys[0]
        for key in keys:
            if key_id is not None and key.key_id == key_id:
                return key
        raise LookupError("no key of that name")


def load_keys(settings: Settings) -> VerificationKeys:
    """Read the key material that the settings name.

    Raises:
        SettingsError: a file is unreadable, or an algorithm has no key.
    """
    keys = VerificationKeys(
        secret=_load_secret(settings),
        public_key=_read(settings.jwt_public_key_file, "jwt_public_key_file"),
        key_set=_load_key_set(settings.jwks_file),
    )
    _check_algorithms(settings.jwt_algorithms, keys)
    if keys.public_key is not None:
        _check_public_key(settings.jwt_algorithms, keys.public_key)
    return keys


def _check_public_key(algorithms: tuple[str, ...], pem: str) -> None:
    """Refuse a key of none of these algorithms, which would refuse every token."""
    wanted = [name for name in algorithms if name in _ASYMMETRIC]
    for algorithm in wanted:
        try:
            jwt.get_algorithm_by_name(algorithm).prepare_key(pem)
        except (ValueError, TypeError, jwt.PyJWTError):
            continue
        return
    if wanted:
        raise SettingsError(
            f"jwt_public_key_file: expected a key in PEM for {' or '.join(wanted)}, "
            "got another text"
        )


def _check_algorithms(algorithms: tuple[str, ...], keys: VerificationKeys) -> None:
    if not algorithms:
        raise SettingsError("jwt_algorithms: expected at least one, got none")
    for algorithm in algorithms:
        if algorithm in _SYMMETRIC:
            if keys.secret is None:
                raise SettingsError(
                    f"jwt_secret: expected a secret for {algorithm}, got none; set "
                    f"{ENV_PREFIX}JWT_SECRET or --jwt-secret-file"
                )
        elif algorithm not in _ASYMMETRIC:
            known = ", ".join(sorted(_SYMMETRIC | _ASYMMETRIC))
            raise SettingsError(
                f"jwt_algorithms: expected one of {known}, got {algorithm!r}"
            )
        elif keys.public_key is None and keys.key_set is None:
            raise SettingsError(
                f"jwt_public_key_file: expected a key for {algorithm}, got none; set "
                "--jwt-public-key-file or --jwks-file"
            )


def _load_secret(settings: Settings) -> bytes | None:
    if settings.jwt_secret is not None:
        secret = settings.jwt_secret.get_secret_value()
    else:
        # Editors and `echo` end a file with a line end that is no part of the secret.
        secret = (_read(settings.jwt_secret_file, "jwt_secret_file") or "").rstrip("\n")
    if not secret:
        return None
    if len(secret.encode()) < _SECRET_BYTES:
        _log.warning("the JWT secret is shorter than %d bytes", _SECRET_BYTES)
    return secret.encode()


def _load_key_set(path: Path | None) -> jwt.PyJWKSet | None:
    text = _read(path, "jwks_file")
    if text is None:
        return None
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise TypeError("a document that is no object")  # noqa: TRY301 -- one message for all
        return jwt.PyJWKSet.from_dict(document)
    except (TypeError, ValueError, jwt.PyJWTError) as error:
        raise SettingsError(
            f"jwks_file: expected a JSON web key set, got {error}"
        ) from error


def _read(path: Path | None, setting: str) -> str | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            read = file.read(_MAX_FILE_BYTES + 1)
        text = read.decode("utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(f"{setting}: cannot read {path}: {reason}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{setting}: expected UTF-8 in {path}") from error
    if len(read) > _MAX_FILE_BYTES:
        raise SettingsError(
            f"{setting}: expected at most {_MAX_FILE_BYTES} bytes, got more: {path}"
        )
    return text.replace("\r\n", "\n")
