"""Servers that are wrong about who may start a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

import jwt
from starlette.types import ASGIApp
from tests.mutants.asgi import (
    Answer,
    Mutation,
    OnRequest,
    Request,
    Wrap,
    get_header,
    refusal,
    set_header,
)
from tests.mutants.bases.toy.base import TOY
from tests.mutants.mutant import Mutant
from tests.mutants.site import SECRET, Site

CALLS_A_MODEL = "a stranger whose request is accepted gets a run, and its model call"


def _is_genuine(request: Request) -> bool:
    """Tell whether the real server would accept the credential."""
    scheme, _, token = (request.credential or "").partition(" ")
    try:
        jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return False
    return scheme == "Bearer"


def _algorithm(request: Request) -> str:
    """Return what the token says it is signed with; "" if it is no token."""
    try:
        header = jwt.get_unverified_header((request.credential or "").split(" ")[-1])
    except jwt.InvalidTokenError:
        return ""
    return str(header.get("alg"))


def _accept(is_accepted: Callable[[Request], bool]) -> Wrap:
    """Return a server that takes a wrong credential for a right one."""

    async def request(request: Request, site: Site) -> Answer | None:
        if not _is_genuine(request) and is_accepted(request):
            request.credential = site.credential(request.user or "anybody")
        return None

    return Mutation(request=request)


def _is_guest(request: Request) -> bool:
    has_cookie = get_header(request.headers, "cookie") is not None
    return request.credential is None and not (request.query or has_cookie)


def _is_forged(request: Request) -> bool:
    return _algorithm(request) == "HS256" and not _is_signed(request)


def _is_signed(request: Request) -> bool:
    token = (request.credential or "").split(" ")[-1]
    try:
        jwt.decode(token, SECRET, ["HS256"], options={"verify_exp": False})
    except jwt.InvalidTokenError:
        return False
    return True


def _is_unreadable(request: Request) -> bool:
    return request.credential is not None and not _algorithm(request)


async def _take_query_token(request: Request, _site: Site) -> Answer | None:
    """Take the first query parameter that looks like a token for the credential."""
    if request.credential is None:
        for values in parse_qs(request.query).values():
            if values[0].count(".") == 2:
                request.credential = f"Bearer {values[0]}"
    return None


async def _ignore_scheme(request: Request, _site: Site) -> Answer | None:
    if request.credential is not None:
        token = request.credential.rpartition(" ")[2]
        request.credential = f"Bearer {token}"
    return None


async def _call_model_first(request: Request, site: Site) -> Answer | None:
    if not _is_genuine(request) and request.prompt:
        await site.call_model(request.prompt)
    return None


async def _validate_first(request: Request, _site: Site) -> Answer | None:
    if request.credential is None and request.is_start and not request.prompt:
        return refusal(422, "VALIDATION_ERROR")
    return None


async def _check_only_at_the_start(request: Request, site: Site) -> Answer | None:
    if _is_genuine(request):
        request.credential = site.credential(request.user)
    return None


def _count_refused(app: ASGIApp, site: Site) -> ASGIApp:
    """Take a slot before the credential is checked, and never give it back."""
    taken: Counter[str] = Counter()

    async def request(request: Request, _site: Site) -> Answer | None:
        user = request.user
        if not request.is_start or not user:
            return None
        if _is_genuine(request):
            if taken[user]:
                return refusal(429, "TOO_MANY_STREAMS", retry_after="5")
        else:
            taken[user] += 1
        return None

    return Mutation(request=request)(app, site)


def _bind_to_first_token(app: ASGIApp, site: Site) -> ASGIApp:
    """Let only the very token that started a stream come back to it."""
    expiry: dict[str, int] = {}

    async def request(request: Request, _site: Site) -> Answer | None:
        claims = request.claims
        if request.is_start and "sub" in claims:
            expiry[claims["sub"]] = claims["exp"]
        elif expiry.get(claims.get("sub", "")) != claims.get("exp"):
            return refusal(404, "STREAM_NOT_FOUND")
        return None

    return Mutation(request=request)(app, site)


def _on_401(change: Callable[[Answer], None]) -> Wrap:
    def answer(answer: Answer, _request: Request) -> None:
        if answer.status == 401:
            change(answer)

    return Mutation(answer=answer)


def _as_frame(answer: Answer) -> None:
    answer.set("content-type", "text/event-stream")
    answer.body = b'event: error\ndata: {"code":401}\n\n'


def _as_stream(answer: Answer) -> None:
    answer.status = 200
    _as_frame(answer)


def _request(on_request: OnRequest) -> Wrap:
    return Mutation(request=on_request)


def _token_in(form: str, request: Request) -> str:
    """Return the token in the query or in the cookie, "" if there is none."""
    if form == "query":
        return parse_qs(request.query).get("token", [""])[0]
    cookies = SimpleCookie(get_header(request.headers, "cookie") or "")
    return cookies["access_token"].value if "access_token" in cookies else ""


def _accept_in(form: str, is_accepted: Callable[[Request], bool]) -> Wrap:
    """Return a server that takes a wrong credential for a right one in this form."""

    async def request(request: Request, site: Site) -> Answer | None:
        token = _token_in(form, request)
        if request.credential is None and token:
            request.credential = f"Bearer {token}"
            if not _is_genuine(request) and is_accepted(request):
                user = request.user or "anybody"
                request.credential = site.credential(user)
            else:
                request.credential = None
        return None

    return Mutation(request=request)


async def _forget_cookies(request: Request, _site: Site) -> Answer | None:
    set_header(request.headers, "cookie", None)
    return None


async def _query_starts_only(request: Request, _site: Site) -> Answer | None:
    if not request.is_start:
        request.query = ""
    return None


async def _take_any_good_one(request: Request, site: Site) -> Answer | None:
    """Go on to the next place where a token is bad."""
    scheme, _, token = (request.credential or "").partition(" ")
    tokens = [token if scheme == "Bearer" else ""]
    tokens += [_token_in(form, request) for form in ("query", "cookie")]
    for token in filter(None, tokens):
        request.credential = f"Bearer {token}"
        if _is_genuine(request):
            return None
    return None


async def _route_first(request: Request, _site: Site) -> Answer | None:
    if request.path.endswith("/no-such/path"):
        return refusal(404, "NOT_FOUND")
    return None


async def _take_cookie(request: Request, _site: Site) -> Answer | None:
    token = _token_in("cookie", request)
    if request.credential is None and token:
        request.credential = f"Bearer {token}"
    return None


def _other_code(answer: Answer) -> None:
    document = answer.document
    document["error"]["code"] = "NOT_AUTHENTICATED"
    answer.document = document


MUTANTS = (
    Mutant(
        name="strangers-are-guests",
        defect="authentication optional: who sends nothing is a guest",
        trips={"auth.no-credential": "without a credential"},
        also={
            "auth.before-upstream": CALLS_A_MODEL,
            "auth.before-validation": "a guest's body is validated",
            "auth.before-routing": "a guest is told of paths and methods",
        },
        wrap=_accept(_is_guest),
    ),
    Mutant(
        name="unreadable-token-is-anonymous",
        defect="decoding error caught and taken for an anonymous user",
        trips={"auth.malformed": "malformed"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_accept(_is_unreadable),
    ),
    Mutant(
        name="scheme-is-ignored",
        defect="the last word of Authorization is taken, whatever stands before it",
        trips={"auth.wrong-scheme": "wrong-scheme"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_request(_ignore_scheme),
    ),
    Mutant(
        name="unsigned-token-is-accepted",
        defect="A06: the algorithm is taken from the token",
        trips={"auth.alg-none": "alg-none"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_accept(lambda request: _algorithm(request) == "none"),
    ),
    Mutant(
        name="signature-is-not-verified",
        defect="A06: claims decoded, signature not verified",
        trips={"auth.bad-signature": "bad-signature"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_accept(_is_forged),
    ),
    Mutant(
        name="any-hmac-is-accepted",
        defect="A06: algorithms of the library's default list",
        trips={"auth.wrong-algorithm": "wrong-algorithm"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        settings={"jwt_algorithms": ("HS256", "HS384", "HS512")},
    ),
    Mutant(
        name="expiry-is-not-checked",
        defect="exp verified with a leeway of ages",
        trips={"auth.expired": "expired"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        settings={"jwt_leeway_s": 1e6},
    ),
    Mutant(
        name="query-token-is-accepted",
        defect="A04: token in the query accepted, and logged by every proxy",
        trips={"auth.query-token-refused": "query-token"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_request(_take_query_token),
    ),
    Mutant(
        name="no-challenge",
        defect="401 without WWW-Authenticate",
        trips={
            "auth.challenge": "WWW-Authenticate",
            "auth.challenge-names-error": "WWW-Authenticate",
        },
        wrap=_on_401(lambda answer: answer.set("www-authenticate", None)),
    ),
    Mutant(
        name="challenge-gives-no-reason",
        defect="the same bare challenge for every refusal",
        trips={"auth.challenge-names-error": "error"},
        wrap=_on_401(lambda answer: answer.set("www-authenticate", "Bearer")),
    ),
    Mutant(
        name="401-as-a-frame",
        defect="A01: authentication inside the generator, refusal as an SSE frame",
        trips={"auth.refused-as-json": "text/event-stream"},
        also={"auth.refusal-code": "the frame has its code elsewhere"},
        wrap=_on_401(_as_frame),
    ),
    Mutant(
        name="200-then-an-error-event",
        defect="A01: 200, then an error event, instead of 401",
        trips=dict.fromkeys(
            (
                "auth.no-credential",
                "auth.malformed",
                "auth.wrong-scheme",
                "auth.alg-none",
                "auth.bad-signature",
                "auth.wrong-algorithm",
                "auth.expired",
                "auth.before-routing",
                "auth.query-token-refused",
                "auth.cookie-token-refused",
                "auth.before-validation",
            ),
            "refused with 401, got 200 text/event-stream",
        ),
        wrap=_on_401(_as_stream),
    ),
    Mutant(
        name="model-is-called-before-auth",
        defect="A07: upstream opened before the credential is checked",
        trips={"auth.before-upstream": "model"},
        wrap=_request(_call_model_first),
    ),
    Mutant(
        name="refused-requests-take-slots",
        defect="A08: the limit counts requests that authentication refused",
        trips={"auth.takes-no-slot": "429"},
        wrap=_count_refused,
    ),
    Mutant(
        name="body-is-validated-before-auth",
        defect="validation by the framework, before the handler authenticates",
        trips={"auth.before-validation": "422"},
        wrap=_request(_validate_first),
    ),
    Mutant(
        name="token-is-checked-once",
        defect="A02: an expired token streams on",
        trips={"auth.expiry-closes": "expiry"},
        settings={
            "upstream_first_token_timeout_s": 60.0,
            "upstream_total_timeout_s": 60.0,
        },
        wrap=_request(_check_only_at_the_start),
    ),
    Mutant(
        name="stream-belongs-to-its-token",
        defect="A03: a stream can only be resumed with the token that started it",
        trips={"auth.expiry-resumable": "404"},
        wrap=_bind_to_first_token,
    ),
    Mutant(
        name="cookie-is-a-credential",
        defect="A04 with a cookie: any page can make a browser send it",
        trips={"auth.cookie-token-refused": "token in a cookie"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_request(_take_cookie),
    ),
    Mutant(
        name="unreadable-cookie-is-anonymous",
        defect="decoding error of one form caught",
        base=TOY,
        trips={"auth.malformed": "is no token in a cookie"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_accept_in("cookie", _is_unreadable),
    ),
    Mutant(
        name="unsigned-token-in-the-query",
        defect="A06 in a second code path",
        base=TOY,
        trips={"auth.alg-none": "unsigned token in the query"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_accept_in("query", lambda request: _algorithm(request) == "none"),
    ),
    Mutant(
        name="forged-token-in-the-query",
        defect="A06 in a second code path: claims decoded, signature not verified",
        base=TOY,
        trips={"auth.bad-signature": "signed with another key in the query"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_accept_in("query", _is_forged),
    ),
    Mutant(
        name="any-hmac-in-a-cookie",
        defect="A06 in a third code path",
        base=TOY,
        trips={"auth.wrong-algorithm": "not configured in a cookie"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_accept_in("cookie", lambda request: _algorithm(request) == "HS512"),
    ),
    Mutant(
        name="cookie-lives-for-ever",
        defect="the expiry of a cookie taken for that of its token",
        base=TOY,
        trips={"auth.expired": "an expired token in a cookie"},
        also={"auth.before-upstream": CALLS_A_MODEL},
        wrap=_accept_in("cookie", _is_signed),
    ),
    Mutant(
        name="cookies-are-not-read",
        defect="a declared form that was never implemented",
        base=TOY,
        trips={"auth.every-form-accepted": "a stream for a token in a cookie"},
        also={"auth.challenge-names-error": "a bad cookie is not seen either"},
        wrap=_request(_forget_cookies),
    ),
    Mutant(
        name="query-token-starts-only",
        defect="a form that only one endpoint knows",
        base=TOY,
        trips={"auth.every-form-accepted": "for what is resumed too"},
        wrap=_request(_query_starts_only),
    ),
    Mutant(
        name="bad-token-falls-through",
        defect="a bad token is passed over for the next place",
        base=TOY,
        trips={"auth.first-form-decides": "a bad token in the Authorization header"},
        wrap=_request(_take_any_good_one),
    ),
    Mutant(
        name="router-before-auth",
        defect="404 before 401, so that strangers can map the paths",
        base=TOY,
        trips={"auth.before-routing": "404"},
        wrap=_request(_route_first),
    ),
    Mutant(
        name="another-code-for-401",
        defect="the framework's own word for it",
        base=TOY,
        trips={"auth.refusal-code": "NOT_AUTHENTICATED"},
        wrap=_on_401(_other_code),
    ),
)
