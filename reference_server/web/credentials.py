"""Credentials: where a request carries its token, and the answer when it has none.

With several of them the first form in the given order decides, whatever the others
hold. Another scheme in `Authorization` is no credential; an empty token is a bad one.
"""

from collections.abc import Callable, Iterable

from starlette.requests import HTTPConnection

from ..refusals import Refusal, RefusalCode
from ..streams.dialect import CredentialForm

_PARAMETER = "token"
_COOKIE = "access_token"


def find_token(request: HTTPConnection, forms: Iterable[CredentialForm]) -> str | None:
    """Return the token of the first form that is present, None without any.

    Raises:
        Refusal: UNAUTHORIZED when it is there twice.
    """
    for form in forms:
        tokens = _FINDERS[form](request)
        if len(tokens) > 1:
            raise bad_credential("expected one credential, got several")
        if tokens:
            return tokens[0]
    return None


def _find_bearer(request: HTTPConnection) -> list[str]:
    values = request.headers.getlist("authorization")
    parts = [value.partition(" ") for value in values]
    tokens = [token.strip() for scheme, _, token in parts if scheme.lower() == "bearer"]
    # The field may be there once only, so that next to a second one it is not clear.
    return tokens * len(values) if tokens else []


def _find_parameter(request: HTTPConnection) -> list[str]:
    return request.query_params.getlist(_PARAMETER)


def _find_cookie(request: HTTPConnection) -> list[str]:
    pairs = [
        pair.partition("=")
        for value in request.headers.getlist("cookie")
        for pair in value.split(";")
    ]
    return [
        value.strip().strip('"')
        for name, equals, value in pairs
        if equals and name.strip() == _COOKIE
    ]


_FINDERS: dict[CredentialForm, Callable[[HTTPConnection], list[str]]] = {
    CredentialForm.BEARER: _find_bearer,
    CredentialForm.QUERY: _find_parameter,
    CredentialForm.COOKIE: _find_cookie,
}


def no_credential() -> Refusal:
    """Return the refusal of a request that did not try.

    "If the request lacks any authentication information […], the resource server SHOULD
    NOT include an error code": RFC 6750, section 3.1.
    """
    return _unauthorized("expected a bearer token", "Bearer")


def bad_credential(reason: str) -> Refusal:
    """Return the refusal of a credential that does not count."""
    return _unauthorized(reason, 'Bearer error="invalid_token"')


def _unauthorized(reason: str, challenge: str) -> Refusal:
    headers = {"WWW-Authenticate": challenge}
    return Refusal(RefusalCode.UNAUTHORIZED, reason, headers=headers)
