"""What a profile declares and no check can judge is found and given its reason."""

from __future__ import annotations

import pytest

from streamproof.conformance.profiles import load
from streamproof.conformance.profiles.unjudged import find_unjudged


def keys(name: str, *settings: str) -> list[str]:
    return [each.key for each in find_unjudged(load(name, settings))]


@pytest.mark.parametrize("name", ["pipeline", "exercise", "chat", "draft"])
def test_everything_that_these_declare_is_judged(name: str) -> None:
    assert keys(name) == []


def test_a_story_may_be_compressed_and_no_check_looks_into_that() -> None:
    assert keys("story") == ["response.compression"]


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("endpoint.setup=[{path='/t'}]", "endpoint.setup"),
        ("endpoint.follow_up=[{path='/t'}]", "endpoint.follow_up"),
        ("response.compression=on-request", "response.compression"),
        ("response={stream_id={request='/id'}}", "response.stream_id"),
        ("ids.form=ascending", "ids.form"),
        ("ids.only_on=['node-enter']", "ids.only_on"),
        ("terminal.rotates_after_s=60", "terminal.rotates_after_s"),
        ("resume.form=full-replay", "resume.form"),
        ("resume.query={a='b'}", "resume.query"),
        ("resume.body={a='b'}", "resume.body"),
        ("resume.second_reader=shares", "resume.second_reader"),
        ("cancel.on_disconnect=continues", "cancel.on_disconnect"),
        ("auth.rejection=event", "auth.rejection"),
        ("heartbeat.promised=false", "heartbeat.promised"),
    ],
)
def test_a_form_without_a_check_is_named(setting: str, key: str) -> None:
    assert keys("pipeline", setting) == [key]


def test_a_stream_without_an_end_is_named() -> None:
    endless = ("terminal.form=none", "terminal.success=[]")

    assert keys("pipeline", *endless) == ["terminal.form"]


def test_schemas_and_invariants_of_text_are_named() -> None:
    profile = load("pipeline")
    text = profile.framing.model_copy(update={"data": "text"})
    found = find_unjudged(profile.model_copy(update={"framing": text}))

    assert [each.key for each in found] == ["payloads", "invariants"]
    assert all(each.reason for each in found)
