"""Health, metrics, observation, CORS."""

from __future__ import annotations

import re

import pytest
from tests.reference_server.asgi import OBSERVER, PATH, Client, bearer

ORIGIN = "https://app.example"


async def test_health_is_open(client: Client) -> None:
    health = await client.request("GET", "/healthz").finish()

    assert (health.status, health.json) == (200, {"status": "ok"})


async def test_metrics_show_what_happened(client: Client) -> None:
    stream = await client.open().finish()
    await client.cancel(stream.stream).finish()

    metrics = await client.request("GET", "/metrics").finish()

    page = metrics.body.decode()
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "streamproof_streams_running 0.0" in page
    assert re.search(r"^streamproof_retained_bytes [1-9]", page, re.MULTILINE)
    assert "streamproof_events_sent_total 56.0" in page
    assert "streamproof_first_event_seconds_count 1.0" in page
    assert 'streamproof_streams_ended_total{state="completed"} 1.0' in page


async def test_the_first_event_of_a_resume_is_no_latency_of_a_start(
    client: Client,
) -> None:
    stream = await client.open().finish()
    await client.resume(f"{stream.stream}-1").finish()

    metrics = await client.request("GET", "/metrics").finish()

    page = metrics.body.decode()
    assert "streamproof_events_sent_total 111.0" in page
    assert "streamproof_first_event_seconds_count 1.0" in page


async def test_two_applications_count_apart(client: Client) -> None:
    await client.open().finish()
    await client.restart()

    metrics = await client.request("GET", "/metrics").finish()

    assert b"streamproof_events_sent_total 0.0" in metrics.body


async def test_observation_shows_streams_and_slots(client: Client) -> None:
    stream = await client.open().finish()

    observed = await client.observe()

    assert observed == {
        "clock": 0.0,
        "streams": [
            {
                "id": stream.stream,
                "user": "ada",
                "dialect": "pipeline",
                "state": "completed",
                "started_at": 0.0,
                "ended_at": 0.0,
                "reader": False,
                "cancel": None,
                "events": 56,
            }
        ],
        "slots": {},
    }


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, bearer(), {"authorization": ""}]
)
async def test_observation_needs_its_own_token(
    client: Client, headers: dict[str, str]
) -> None:
    refused = await client.request("GET", "/observe", headers=headers).finish()

    assert refused.status == 401


async def test_observation_is_off_without_a_token(client: Client) -> None:
    await client.restart(observe_token=None)

    hidden = await client.request("GET", "/observe", headers=OBSERVER).finish()
    unknown = await client.request("GET", "/observe", headers=bearer()).finish()

    assert (hidden.status, unknown.status) == (401, 404)


async def test_a_preflight_request_allows_what_a_resume_needs(client: Client) -> None:
    await client.restart(cors_origins=ORIGIN)
    headers = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,last-event-id",
    }

    allowed = await client.request("OPTIONS", PATH, headers=headers).finish()

    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "Last-Event-ID" in allowed.headers["access-control-allow-headers"]


async def test_streams_and_refusals_can_be_read_by_an_allowed_origin(
    client: Client,
) -> None:
    await client.restart(cors_origins=ORIGIN)

    stream = await client.open(headers={"origin": ORIGIN}).finish()
    refused = await client.request(headers={"origin": ORIGIN}).finish()
    foreign = await client.open(headers={"origin": "https://other.example"}).finish()

    for answer in (stream, refused):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        exposed = answer.headers["access-control-expose-headers"]
        assert exposed == "X-Stream-Id, Retry-After, X-Session-Id"
    assert "access-control-allow-origin" not in foreign.headers
