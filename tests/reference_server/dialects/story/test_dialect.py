"""The endpoints of the dialect: who may ask for what, and what is refused."""

from __future__ import annotations

import pytest
from tests.reference_server.asgi import PATH, Client, Exchange, bearer
from tests.reference_server.model import ScriptedModel, respond, stalled
from tests.reference_server.stories import STREAM, WHOLE, steps, tell

ASKED = f"{STREAM}?child_id=7&theme=fox"
GOOD = bearer("ada")["authorization"].removeprefix("Bearer ")
OTHER = bearer("eve")["authorization"].removeprefix("Bearer ")
BAD = "nonsense"


def send(
    client: Client,
    method: str,
    path: str,
    *,
    bearer: str | None = None,
    query: str | None = None,
    cookie: str | None = None,
    **headers: str,
) -> Exchange:
    """Send a request with these credentials."""
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    if cookie is not None:
        headers["cookie"] = f"theme=dark; access_token={cookie}; more"
    if query is not None:
        path += f"{'&' if '?' in path else '?'}token={query}"
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request(method, path, headers=headers)


CREDENTIALS = [
    ({"bearer": GOOD}, 200),
    ({"query": GOOD}, 200),
    ({"cookie": GOOD}, 200),
    ({"bearer": GOOD, "query": BAD, "cookie": BAD}, 200),
    ({"query": GOOD, "cookie": BAD}, 200),
    ({"authorization": "Basic YTpi", "query": GOOD}, 200),
    ({"authorization": "Basic YTpi", "cookie": GOOD}, 200),
    ({}, 401),
    ({"bearer": BAD, "query": GOOD, "cookie": GOOD}, 401),
    ({"query": BAD, "cookie": GOOD}, 401),
    ({"query": "", "cookie": GOOD}, 401),
    ({"bearer": "", "query": GOOD}, 401),
    ({"cookie": ""}, 401),
    ({"query": f"{GOOD}&token={GOOD}"}, 401),
    ({"cookie": f"{GOOD}; access_token={GOOD}"}, 401),
    ({"cookie": f'"{GOOD}"'}, 200),
]


@pytest.mark.parametrize(("credentials", "status"), CREDENTIALS)
async def test_the_first_credential_decides_at_a_start_and_at_its_head(
    client: Client, credentials: dict[str, str], status: int
) -> None:
    for method in ("GET", "HEAD"):
        answer = await send(client, method, ASKED, **credentials).finish()

        assert answer.status == status


@pytest.mark.parametrize(("credentials", "status"), CREDENTIALS)
async def test_it_decides_at_a_resume_and_a_cancel_too(
    client: Client, credentials: dict[str, str], status: int
) -> None:
    stream = await tell(client).finish()
    first = f"{stream.stream}-1"

    resumed = send(client, "GET", STREAM, last_event_id=first, **credentials)
    cancelled = send(client, "DELETE", f"{STREAM}/{stream.stream}", **credentials)

    assert (await resumed.finish()).status == status
    assert (await cancelled.finish()).status == status


@pytest.mark.parametrize(("credentials", "status"), CREDENTIALS)
async def test_it_decides_where_chapters_are_read_too(
    client: Client, credentials: dict[str, str], status: int
) -> None:
    path = "/api/v1/stories?child_id=7"

    listed = await send(client, "GET", path, **credentials).finish()

    assert listed.status == status


async def test_the_user_is_that_of_the_credential_that_decides(client: Client) -> None:
    stream = await send(client, "GET", ASKED, query=GOOD, cookie=OTHER).finish()
    last = f"{stream.stream}-1"

    own = send(client, "GET", STREAM, cookie=GOOD, last_event_id=last)
    foreign = send(client, "GET", STREAM, query=OTHER, cookie=GOOD, last_event_id=last)

    assert (await own.finish()).status == 200
    assert (await foreign.finish()).json["error"]["code"] == "STREAM_NOT_FOUND"


async def test_neither_query_nor_cookie_counts_on_another_dialect(
    client: Client,
) -> None:
    answer = await send(client, "POST", PATH, query=GOOD, cookie=GOOD).finish()

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_no_token_and_no_query_reach_the_log(
    client: Client, model: ScriptedModel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    model.script[1] = respond(status=500)

    for token in (GOOD, GOOD[:-3], BAD):
        await send(client, "GET", f"{ASKED}+PROMPT", query=token).finish()
    await send(client, "GET", f"{STREAM}?theme=PROMPT", query=GOOD).finish()

    assert "model failed" in caplog.text
    said = caplog.text
    assert [each for each in ("PROMPT", GOOD[-20:], BAD) if each in said] == []


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("theme=fox", ["child_id"]),
        ("child_id=7", ["theme"]),
        ("", ["child_id", "theme"]),
        ("child_id=ann&theme=fox", ["child_id"]),
        ("child_id=0&theme=fox", ["child_id"]),
        ("child_id=1.0&theme=fox", ["child_id"]),
        ("child_id=+1&theme=fox", ["child_id"]),
        ("child_id=7&theme=", ["theme"]),
        ("child_id=7&theme=" + "x" * 201, ["theme"]),
        ("child_id=7&theme=fox&chapter_number=0", ["chapter_number"]),
        ("child_id=7&theme=fox&chapter_number=", ["chapter_number"]),
        ("child_id=100&theme=", ["theme"]),
        ("child_id=7&child_id=7&theme=fox", ["child_id"]),
        ("child_id=7&theme=a&theme=b&child_id=8", ["child_id", "theme"]),
        ("child_id=7&theme=%ff", ["query"]),
        ("child_id=7&theme=%ed%a0%80", ["query"]),
    ],
)
async def test_a_wrong_query_is_answered_with_its_fields(
    client: Client, model: ScriptedModel, query: str, fields: list[str]
) -> None:
    path = f"{STREAM}?{query}"

    for method in ("GET", "HEAD"):
        refused = await client.request(method, path, headers=bearer()).finish()

        assert refused.status == 422
    refused = await client.request("GET", path, headers=bearer()).finish()
    assert refused.json["error"]["code"] == "VALIDATION_ERROR"
    assert [d["field"] for d in refused.json["error"]["details"]] == fields
    assert not model.calls


@pytest.mark.parametrize(
    "more", ["&_=1&_=2", "&token=", "&theme%20=x", "&title=One&chapter_number=2", "&"]
)
async def test_what_is_unknown_in_a_query_does_not_matter(
    client: Client, more: str
) -> None:
    answer = await client.request("GET", ASKED + more, headers=bearer()).finish()

    assert answer.status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_another_s_child_is_refused(
    client: Client, model: ScriptedModel, method: str
) -> None:
    path = f"{STREAM}?child_id=100&theme=fox"

    refused = await client.request(method, path, headers=bearer()).finish()

    assert refused.status == 403
    assert not model.calls


async def test_a_head_tells_of_a_stream_and_starts_none(
    client: Client, model: ScriptedModel
) -> None:
    head = await client.request("HEAD", ASKED, headers=bearer()).finish()

    assert head.status == 200
    assert head.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "x-stream-id" not in head.headers
    assert head.body == b""
    assert not model.calls


async def test_a_hundred_streams_run_at_once_and_no_more(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    streams = [tell(client, user=f"user{number // 3}") for number in range(100)]
    for stream in streams:
        await stream.wait_events(1)

    busy = await tell(client, user="another").finish()
    greedy = await tell(client, user="user0").finish()
    pipeline = client.open(user="another")
    await pipeline.wait_events(1)

    assert (busy.status, busy.json["error"]["code"]) == (503, "SERVER_BUSY")
    assert int(busy.headers["retry-after"]) >= 1
    assert (greedy.status, greedy.json["error"]["code"]) == (429, "TOO_MANY_STREAMS")
    assert pipeline.status == 200


async def test_an_event_source_gets_the_rest_by_the_same_url_and_then_stops(
    client: Client, model: ScriptedModel
) -> None:
    stream = await send(client, "GET", ASKED, query=GOOD).finish()
    assert steps(stream) == WHOLE

    third = f"{stream.stream}-3"
    rest = send(client, "GET", ASKED, query=GOOD, last_event_id=third)
    await rest.finish()
    last = stream.events[-1].id or ""
    over = await send(client, "GET", ASKED, query=GOOD, last_event_id=last).finish()

    assert [e.id for e in rest.events] == [e.id for e in stream.events[3:]]
    assert (over.status, over.body) == (204, b"")
    assert len(model.calls) == 2
