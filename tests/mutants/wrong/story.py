"""Servers of `story` that break a promise of its page: one of them each."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from tests.mutants.asgi import (
    Answer,
    Mutation,
    Reply,
    Request,
    Wrap,
    get_header,
    in_events,
    set_header,
)
from tests.mutants.bases.story import STORY, STORY_REJECTED, STORY_REVISED
from tests.mutants.frames import document, is_event, kind, put, with_document
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

from streamproof.reference_server.dialects.story import chunks
from streamproof.reference_server.dialects.story.chunks import Paragraphs

Event = dict[str, Any]

CHUNKS = "the story is the chunks since generate_content last started"
REJECTION = "a rejected safety check ends with SAFETY_REJECTED at once"
ELEMENTS = "metadata and complete agree on the educational elements"
SCORE = "the score of the safety check is that of the story"
CHECKED = {"type": "node", "node": "safety_check", "status": "completed"}


def _of_story(**values: object) -> Wrap:
    """Put values into the story that is told at the end."""
    return in_events("complete", lambda event: event["story"].update(values))


def _cut_short(event: Event) -> None:
    event["story"]["story_content"] = event["story"]["story_content"][:-1]


def _without_choices(event: Event) -> None:
    del event["story"]["choices"]


def _in_seconds(event: Event) -> None:
    event["estimated_reading_time"] *= 60


def _what_is_left(event: Event) -> None:
    event["progress"]["percent"] = 100 - event["progress"]["percent"]


def _as_own_fault(event: Event) -> None:
    event.update(error_code="WORKFLOW_ERROR", retryable=False)


def _verdict_behind_its_node(frame: bytes, reply: Reply) -> bytes:
    if kind(frame) == "safety_check":
        reply.memory["verdict"] = document(frame)
        return with_document(frame, CHECKED)
    if document(frame) == CHECKED:
        return with_document(frame, reply.memory["verdict"])
    return frame


def _left_open(frame: bytes, reply: Reply) -> bytes:
    """Say something else where the first check is completed."""
    if document(frame) == CHECKED and not reply.memory.get("is_checked"):
        reply.memory["is_checked"] = True
        return with_document(frame, reply.memory["progress"])
    if kind(frame) == "progress":
        reply.memory["progress"] = document(frame)
    return frame


def _all_versions(frame: bytes, reply: Reply) -> bytes:
    """Tell at the end all that was ever written."""
    event = document(frame)
    if kind(frame) == "content":
        reply.memory["text"] = reply.memory.get("text", "") + event["chunk"]
    if kind(frame) == "complete":
        event["story"]["story_content"] = reply.memory["text"]
        return with_document(frame, event)
    return frame


def _kept_to_the_end(patch: pytest.MonkeyPatch) -> None:
    def feed(paragraphs: Paragraphs, text: str) -> list[str]:
        paragraphs._held.append(text)
        return []

    patch.setattr(Paragraphs, "feed", feed)


def _asked_otherwise(name: str, change: Callable[[str], str]) -> Wrap:
    """Change a parameter before it is looked at."""

    async def request(request: Request, _site: Site) -> Answer | None:
        pairs = parse_qsl(request.query, keep_blank_values=True)
        changed = [(key, change(v) if key == name else v) for key, v in pairs]
        request.query = urlencode(changed)
        return None

    return Mutation(request=request)


async def _take_any_method(request: Request, _site: Site) -> Answer | None:
    if request.method == "POST":
        request.method = "GET"
    return None


async def _take_the_cookie(request: Request, _site: Site) -> Answer | None:
    cookies = SimpleCookie(get_header(request.headers, "cookie") or "")
    if "access_token" in cookies:
        request.credential = f"Bearer {cookies['access_token'].value}"
    return None


async def _forget_cookies(request: Request, _site: Site) -> Answer | None:
    set_header(request.headers, "cookie", None)
    return None


def _empty_at_the_end(answer: Answer, request: Request) -> None:
    if answer.status == 204:
        answer.status = 200
        answer.set("content-type", "text/event-stream; charset=utf-8")
        answer.set("cache-control", "no-cache, no-transform")
        answer.set("x-accel-buffering", "no")
        answer.set("x-stream-id", request.stream)


MUTANTS = (
    Mutant(
        name="story-lacks-its-last-letter",
        defect="the whole is put together before the last chunk was flushed",
        base=STORY,
        trips={"vocabulary.invariants": CHUNKS},
        wrap=in_events("complete", _cut_short),
    ),
    Mutant(
        name="story-of-all-versions",
        defect="what was gathered is not dropped where it is written again",
        base=STORY_REVISED,
        trips={"vocabulary.invariants": CHUNKS},
        wrap=Mutation(frame=_all_versions),
    ),
    Mutant(
        name="check-left-open-before-a-revision",
        defect="the way back leaves the node without a word",
        base=STORY_REVISED,
        trips={"lifecycle.order": "node-safety_check-completed"},
        wrap=Mutation(frame=_left_open),
    ),
    Mutant(
        name="verdict-behind-its-node",
        defect="the node is completed before it tells what it came to",
        base=STORY,
        trips={"lifecycle.order": "node-safety_check-completed"},
        wrap=Mutation(frame=_verdict_behind_its_node),
    ),
    Mutant(
        name="rejection-is-a-fault",
        defect="a verdict that is raised like any exception",
        base=STORY_REJECTED,
        trips={"vocabulary.invariants": REJECTION},
        also={
            "lifecycle.order": "the rejection is missing at the end",
            "lifecycle.completes": "it was the end that is meant here",
        },
        wrap=in_events("error", _as_own_fault),
    ),
    Mutant(
        name="rejection-can-be-tried-again",
        defect="a client asks for the same story for ever",
        base=STORY_REJECTED,
        trips={"vocabulary.payload-schema": "the payload of error-rejected"},
        wrap=in_events("error", lambda event: event.update(retryable=True)),
    ),
    Mutant(
        name="percent-of-what-is-left",
        defect="a bar that runs backwards",
        base=STORY,
        trips={"vocabulary.invariants": "percent never decreases: no value below"},
        wrap=in_events("progress", _what_is_left),
    ),
    Mutant(
        name="reading-time-in-seconds",
        defect="two units for one figure",
        base=STORY,
        trips={
            "vocabulary.invariants": "metadata and complete agree on the reading time"
        },
        wrap=in_events("metadata", _in_seconds),
    ),
    Mutant(
        name="level-of-another-scale",
        defect="the level is worked out twice",
        base=STORY,
        trips={
            "vocabulary.invariants": "metadata and complete agree on the vocabulary"
        },
        wrap=_of_story(vocabulary_level="B1"),
    ),
    Mutant(
        name="elements-of-another-story",
        defect="a list that all runs share",
        base=STORY,
        trips={"vocabulary.invariants": ELEMENTS},
        wrap=_of_story(educational_elements=["of another story"]),
    ),
    Mutant(
        name="score-of-another-check",
        defect="the default where the score was promised",
        base=STORY,
        trips={"vocabulary.invariants": SCORE},
        wrap=_of_story(safety_score=0.5),
    ),
    Mutant(
        name="score-out-of-ten",
        defect="a score as the model gave it",
        base=STORY,
        trips={"vocabulary.payload-schema": "9.5 is greater than the maximum of 1"},
        also={"vocabulary.invariants": "the story has the right one"},
        wrap=in_events("safety_check", lambda event: event.update(score=9.5)),
    ),
    Mutant(
        name="story-without-choices",
        defect="a member that is left out when it is empty",
        base=STORY,
        trips={"vocabulary.payload-schema": "'choices' is a required property"},
        wrap=in_events("complete", _without_choices),
    ),
    Mutant(
        name="event-field-for-an-event-source",
        defect="onmessage of an EventSource never sees the named ones",
        base=STORY,
        trips={"vocabulary.event-field": "no event field, got event: node in"},
        wrap=Mutation(
            frame=lambda frame, _reply: (
                put(frame, "event", kind(frame)) if is_event(frame) else frame
            )
        ),
    ),
    Mutant(
        name="chunks-of-two-paragraphs",
        defect="fifty words are more than fifty",
        base=STORY,
        trips={"delivery.one-event-per-token": "at most 50 tokens of the model in one"},
        also={"delivery.tokens-as-produced": "a paragraph waits for the next one"},
        patch=lambda patch: patch.setattr(chunks, "_LEAST_WORDS", 51),
    ),
    Mutant(
        name="story-kept-to-its-end",
        defect="the story is cut into chunks when it is whole",
        base=STORY,
        trips={
            "delivery.tokens-as-produced": "token 1 within 250 ms of the model",
            "delivery.one-event-per-token": "at most 50 tokens of the model in one",
        },
        patch=_kept_to_the_end,
    ),
    Mutant(
        name="model-failure-is-a-fault-of-ours",
        defect="one code for whatever a node raises",
        base=STORY,
        trips={"errors.http-error-code": "WORKFLOW_ERROR"},
        wrap=in_events("error", _as_own_fault),
    ),
    Mutant(
        name="theme-is-cut",
        defect="a theme that is too long is cut in silence",
        base=STORY,
        trips={
            "errors.invalid-requests-refused": "theme is one character too long",
        },
        wrap=_asked_otherwise("theme", lambda theme: theme[:200]),
    ),
    Mutant(
        name="anybody-s-child",
        defect="a child is looked up without a look at whose it is",
        base=STORY,
        trips={"errors.invalid-requests-refused": "the child is not the user's"},
        also={"errors.invalid-reach-no-model": "it is told a story"},
        wrap=_asked_otherwise("child_id", lambda child: child.replace("100", "1")),
    ),
    Mutant(
        name="stream-by-any-method",
        defect="a route without a list of methods",
        base=STORY,
        trips={"errors.invalid-requests-refused": "POST on a GET endpoint"},
        also={"errors.invalid-reach-no-model": "it is answered with a story"},
        wrap=Mutation(request=_take_any_method),
    ),
    Mutant(
        name="no-cookie-for-an-event-source",
        defect="credentials read by a library that knows headers alone",
        base=STORY,
        trips={"auth.every-form-accepted": "a token in a cookie"},
        also={"auth.challenge-names-error": "a bad cookie is none"},
        wrap=Mutation(request=_forget_cookies),
    ),
    Mutant(
        name="cookie-goes-first",
        defect="an old cookie of the browser outweighs the token of the page",
        base=STORY,
        trips={"auth.first-form-decides": "cookie"},
        wrap=Mutation(request=_take_the_cookie),
    ),
    Mutant(
        name="event-source-never-stops",
        defect="P07: an empty 200 behind the end, and a browser asks for ever",
        base=STORY,
        trips={"resume.finished-stops": "204"},
        wrap=Mutation(answer=_empty_at_the_end),
    ),
)
