"""Credentials in every declared form, good and bad."""

from __future__ import annotations

from streamproof.conformance.model import Evidence, Request
from streamproof.conformance.report.curl import curl_command, needs_credential

from .declared import TOY, evidence_of
from .raw_server import CHUNKED, Serve, sending

FAULTS = ("malformed", "alg-none", "bad-signature", "wrong-algorithm", "expired")
PLACES = {
    "bearer": ("Authorization", "Bearer $TOKEN"),
    "cookie": ("Cookie", "access_token=$TOKEN"),
}


def forms_of(request: Request) -> set[str]:
    """Return the forms in which a request has its `$TOKEN`."""
    found = {form for form, pair in PLACES.items() if pair in request.headers}
    return found | ({"query"} if "token=$TOKEN" in request.path else set())


def request_of(evidence: Evidence, label: str) -> Request:
    return evidence.exchange(label).request


async def test_each_fault_is_tried_in_each_form_and_in_no_other() -> None:
    found = await evidence_of("credentials")

    for fault in FAULTS:
        assert forms_of(request_of(found, fault)) == {"bearer"}
        for form in ("query", "cookie"):
            assert forms_of(request_of(found, f"{fault}-{form}")) == {form}
    assert forms_of(request_of(found, "none")) == set()


async def test_a_good_one_is_used_in_each_form() -> None:
    found = await evidence_of("credentials")

    for form in ("query", "cookie"):
        assert forms_of(request_of(found, f"accepted-{form}")) == {form}
    assert [each.label for each in found.labelled("accepted-bearer")] == []


async def test_a_good_one_is_used_for_a_resume_too(serve: Serve) -> None:
    answer = CHUNKED + b'1a\r\nid: s-1\ndata: {"type":1}\n\n\r\n0\r\n\r\n'

    found = await evidence_of("credentials", target=await serve(sending(answer)))

    resumed = request_of(found, "resumed-cookie")
    assert forms_of(resumed) == {"cookie"}
    assert ("Last-Event-ID", "s-1") in resumed.headers


async def test_two_are_sent_for_each_pair_of_forms() -> None:
    found = await evidence_of("credentials")

    assert [each.label for each in found.labelled("good-")] == [
        "good-bearer-bad-query",
        "good-query-bad-bearer",
        "good-query-bad-cookie",
        "good-cookie-bad-query",
    ]
    both = request_of(found, "good-cookie-bad-query")
    assert forms_of(both) == {"cookie"}
    assert "token=not-a-token" in both.path


async def test_a_form_that_is_not_declared_is_tried_as_well() -> None:
    auth = {"forms": ("bearer",), "first_decides": False}
    assert TOY.auth is not None
    bearer = TOY.model_copy(update={"auth": TOY.auth.model_copy(update=auth)})

    found = await evidence_of("credentials", bearer)

    asked = request_of(found, "query-token").path
    assert "access_token=$TOKEN&token=$TOKEN" in asked
    cookies = dict(request_of(found, "cookie-token").headers)["Cookie"]
    assert cookies == "access_token=$TOKEN; token=$TOKEN"
    assert not found.labelled("accepted-")


async def test_what_is_wrong_as_well_is_sent_without_a_credential() -> None:
    found = await evidence_of("credentials")

    nowhere = request_of(found, "none-and-unknown-path")
    assert nowhere.path.endswith("/no-such/path")
    assert request_of(found, "none-and-wrong-method").method == "PUT"
    assert forms_of(nowhere) == set()


async def test_every_form_can_be_sent_again_with_curl() -> None:
    found = await evidence_of("credentials")

    for label in ("expired", "expired-query", "expired-cookie"):
        request = request_of(found, label)
        command = curl_command(request, "http://127.0.0.1:1")

        assert needs_credential(request)
        assert "$TOKEN" in command.replace("'", "")
        assert "'" not in command[: command.index("$TOKEN")].rpartition("-H")[2]
