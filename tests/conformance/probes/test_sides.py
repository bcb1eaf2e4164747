"""Requests beside the streams: their order, their values, what must be refused."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from streamproof.conformance.model import Evidence, Request

from .declared import TOY, evidence_of, one_user
from .raw_server import Serve, sending

DRAFT = b'{"id": "d1", "version": 7}'
JSON = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
)


async def asked_of(serve: Serve, body: bytes = DRAFT, **options: object) -> Evidence:
    target = await serve(sending(JSON % (len(body), body)))
    return await evidence_of("sides-alone", target=target, **options)  # type: ignore[arg-type]  # as a test has them


def request_of(evidence: Evidence, label: str) -> Request:
    return evidence.exchange(label).request


async def test_each_request_is_first_made_so_that_it_must_be_refused(
    serve: Serve,
) -> None:
    found = await asked_of(serve)

    labels = [each.label for each in found.labelled("drafts.05")]
    assert labels == [
        "drafts.05.none",
        "drafts.05.none-and-wrong-method",
        "drafts.05.foreign",
        "drafts.05",
    ]
    users = {found.exchange(label).user for label in labels}
    assert len(users) == 2
    assert found.facts["sides"] == ["metrics", "drafts"]


async def test_another_method_is_one_that_this_path_does_not_have(serve: Serve) -> None:
    found = await asked_of(serve)

    # A path with GET, POST and PATCH.
    assert request_of(found, "drafts.01.none-and-wrong-method").method == "PUT"
    assert request_of(found, "drafts.05.none-and-wrong-method").method == "PUT"


async def test_what_an_answer_tells_stands_in_later_requests(serve: Serve) -> None:
    found = await asked_of(serve)

    edit = request_of(found, "drafts.05")
    assert edit.path == "/notes/drafts/d1"
    assert json.loads(edit.body)["version"] == 7


async def test_what_no_answer_told_is_not_asked(serve: Serve) -> None:
    found = await asked_of(serve, b"{}")

    left_out = found.facts["left_out"]
    assert isinstance(left_out, dict)
    assert left_out["drafts.05"] == "no answer told {made}, {version}"
    assert not found.labelled("drafts.05")
    assert found.labelled("drafts.09")


async def test_one_user_cannot_be_another(serve: Serve) -> None:
    found = await asked_of(serve, credentials=one_user())

    left_out = found.facts["left_out"]
    assert isinstance(left_out, dict)
    assert "only one user" in left_out["drafts.05.foreign"]
    assert found.labelled("drafts.05")


async def test_a_uuid_is_fresh_for_each_request_and_the_same_for_one_seed() -> None:
    async def uuids(seed: int) -> list[str]:
        found = await evidence_of("sides-after-complete", seed=seed)
        labels = ("sessions.02.none", "sessions.02")
        return [request_of(found, each).path.rpartition("/")[2] for each in labels]

    first, again, other = await uuids(1), await uuids(1), await uuids(2)

    assert first == again
    assert len({*first, *other}) == 4
    assert {UUID(each).version for each in first} == {4}


async def test_a_session_is_the_same_in_all_that_is_asked_about_a_stream() -> None:
    found = await evidence_of("sides-after-complete")

    body = json.loads(request_of(found, "sessions.stream").body)
    path = request_of(found, "sessions.01").path
    assert path == f"/notes/sessions/{body['session_id']}"


@pytest.mark.parametrize(
    ("when", "labels"),
    [
        ("before", ["twin.01.none", "twin.01.none-and-wrong-method", "twin.01"]),
        ("after-complete", ["sessions.stream", "sessions.01.none"]),
    ],
)
async def test_requests_are_made_before_or_after_the_stream(
    when: str, labels: list[str]
) -> None:
    found = await evidence_of(f"sides-{when}")

    asked = [each.label for each in found.exchanges]
    assert asked[: len(labels)] == labels
    assert f"{labels[0].partition('.')[0]}.stream" in asked


async def test_only_the_sides_of_a_situation_are_visited() -> None:
    none = TOY.model_copy(update={"sides": ()})

    found = await evidence_of("sides-alone", none)

    assert found.exchanges == ()
    assert found.facts["sides"] == []
