"""Which promises a profile makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamproof.conformance.profiles import CAPABILITIES, is_declared, load, parse
from streamproof.conformance.profiles.capabilities import marked_texts

PIPELINE = load("pipeline")
MARKED = (
    "{kind='marked', name='n', type='token-stream', pointer='/t', marker='(x)', "
    "by='error', value='/n', text='x'}"
)
MORE = load(
    "pipeline",
    [
        "heartbeat.opens=true",
        "heartbeat.cursor_value='/at'",
        f"invariants=[{MARKED}]",
    ],
)
TOY_FILE = str(Path(__file__).parents[2] / "mutants/bases/toy/toy.toml")
TOY = load(TOY_FILE)
BARE = parse(
    """
name = "bare"
title = "As little as possible"
source = "here"
endpoint = { path = "/" }
framing = { data = "text", type = { location = "none" } }
terminal = { form = "eof" }
""",
    origin="bare",
)


def test_a_bare_profile_promises_next_to_nothing() -> None:
    declared = {name for name in CAPABILITIES if is_declared(BARE, name)}

    assert declared == {"completes", "compression.never"}


def test_the_texts_with_markers_are_those_of_the_profile() -> None:
    assert marked_texts(PIPELINE) == []
    assert marked_texts(MORE) == ["x"]


def test_every_promise_is_made_by_some_profile() -> None:
    profiles = (PIPELINE, MORE, TOY)
    unmade = {
        name
        for name in CAPABILITIES
        if not any(is_declared(each, name) for each in profiles)
    }

    assert unmade == set()


@pytest.mark.parametrize(
    ("setting", "capability"),
    [
        ("auth.first_decides=false", "auth.first-decides"),
        ("auth.comes_first=false", "auth.comes-first"),
        ("sides=[]", "sides"),
        ("sides=[]", "sides.before"),
        ("sides=[]", "sides.same"),
        ("cancel.explicit=[{path='/s/{stream}'}]", "cancel.answers"),
        ("cancel.explicit=[{path='/s/{stream}'}]", "cancel.tells"),
    ],
)
def test_each_promise_of_the_toy_hangs_on_its_setting(
    setting: str, capability: str
) -> None:
    settings = [setting]
    if setting.startswith("cancel.explicit"):
        settings.append("sides=[]")
    changed = load(TOY_FILE, settings)

    assert is_declared(TOY, capability)
    assert not is_declared(changed, capability)


def test_a_resume_may_name_the_stream_in_its_path() -> None:
    changed = load("pipeline", ["resume.path=/runs/{stream}"])

    assert is_declared(changed, "resume")


def test_text_promises_no_json() -> None:
    assert not is_declared(BARE, "json")


def test_a_stream_that_never_ends_promises_no_end() -> None:
    endless = load("pipeline", ["terminal.form=none", "terminal.success=[]"])

    assert not any(
        is_declared(endless, name)
        for name in ("terminal", "completes", "resume", "steering")
    )


def test_a_cancel_is_judged_only_where_probes_know_the_id() -> None:
    place = "response={stream_id={last_segment_of='Location'}}"

    assert not is_declared(load("pipeline", [place]), "cancel.explicit")


def test_an_unknown_promise_is_a_defect_of_the_suite() -> None:
    with pytest.raises(KeyError):
        is_declared(PIPELINE, "teleportation")


@pytest.mark.parametrize(
    ("setting", "capability"),
    [
        ("heartbeat.form=none", "heartbeat"),
        ("ids.form=sequence", "ids.stream"),
        ("ids.form=none", "ids"),
        ("ids.form=opaque", "ids.numbered"),
        ("endpoint.invalid=[]", "invalid-requests"),
        ("endpoint.invalid=[{name='x', status=400}]", "invalid-requests.method"),
        (
            "endpoint.invalid=[{name='x', status=400, raw_body='{'}]",
            "invalid-requests.steered",
        ),
        ("steering.mode=none", "steering"),
        ("steering.mode=none", "steering.shown"),
        ("steering={mode='prompt', shown='none'}", "steering.shown"),
        ("steering.answers=[{calls=[2], text='ok'}]", "steering.shown"),
        ("terminal.form=eof", "terminal"),
        ("terminal.rotates_after_s=60", "terminal"),
        ("terminal.rotates_after_s=60", "completes"),
        ("terminal.rotates_after_s=60", "resume"),
        ("terminal.rotates_after_s=60", "steering"),
        ("heartbeat.promised=false", "heartbeat"),
        ("ids.only_on=['node-enter']", "ids"),
        ("ids.only_on=['node-enter']", "ids.stream"),
        ("ids.form=ascending", "ids"),
        ("ids.form=ascending", "ids.numbered"),
        ("resume.body={after='x'}", "resume"),
        ("resume.body={after='x'}", "resume.takeover"),
        ("resume.query={after='x'}", "resume"),
        ("auth.challenge=none", "auth.challenge"),
        ("cancel.on_disconnect=continues", "cancel.disconnect"),
        ("cancel.grace_s=0", "cancel.grace"),
        ("auth.expiry=ignored", "auth.expiry"),
        ("auth.rejection=event", "auth.http-rejection"),
        ("auth.token=opaque", "auth.jwt"),
        ("auth.forms=['none']", "auth"),
        ("auth.forms=['header']", "auth.bearer"),
        ("auth.forms=['bearer', 'query']", "auth.no-query"),
        ("auth.forms=['bearer', 'cookie']", "auth.no-cookie"),
        ("cancel.explicit=[]", "cancel.explicit"),
        ("resume.form=ignored", "resume"),
        ("resume.second_reader=shares", "resume.takeover"),
        ("response.compression=on-request", "compression.never"),
        ("errors.retries_upstream=false", "errors.retries"),
        ("errors.codes=[]", "errors.codes"),
    ],
)
def test_each_promise_hangs_on_its_setting(setting: str, capability: str) -> None:
    changed = load("pipeline", [setting])

    assert is_declared(PIPELINE, capability)
    assert not is_declared(changed, capability)


def test_words_can_be_followed_where_only_hidden_calls_need_an_answer() -> None:
    settings = ["steering.shown=[1, 3]", "steering.answers=[{calls=[2], text='ok'}]"]

    assert is_declared(load("pipeline", settings), "steering.shown")
