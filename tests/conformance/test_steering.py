"""Directives as the fake provider reads them."""

import pytest

from streamproof.conformance.steering import (
    Script,
    Word,
    delay,
    drop,
    error,
    fail,
    hold,
    hold_after,
    say,
    stall,
    truncate,
)
from streamproof.fakes.script import Library, Say
from streamproof.fakes.script.directives import (
    correlation_key,
    parse_blocks,
    script_for,
)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (say(tokens=2), "[[fake:say tokens=2 call=k]]"),
        (say(text="a b"), '[[fake:say text="a b" call=k]]'),
        (delay(first_s=0.02, each_s=0.0015), "[[fake:delay first=20 each=1.5 call=k]]"),
        (stall(after=2), "[[fake:stall after=2 call=k]]"),
        (stall(after=0, seconds=52.5), "[[fake:stall after=0 ms=52500 call=k]]"),
        (hold("headers"), "[[fake:hold at=headers call=k]]"),
        (hold_after(2), "[[fake:hold at=token after=2 call=k]]"),
        (fail(500), "[[fake:fail status=500 call=k]]"),
        (
            fail(429, retry_after_s=1, message="no"),
            '[[fake:fail status=429 retry_after=1 message="no" call=k]]',
        ),
        (error(after=2, message="x"), '[[fake:error after=2 message="x" call=k]]'),
        (drop(after=2, how="rst"), "[[fake:drop after=2 how=rst call=k]]"),
        (truncate(after=2), "[[fake:truncate after=2 call=k]]"),
    ],
)
def test_a_word_is_written_as_the_fake_provider_reads_it(word: Word, text: str) -> None:
    assert word.text(call="k") == text
    assert correlation_key(parse_blocks([text])) == "k"


def test_words_of_the_first_call_give_way_in_the_others() -> None:
    script = Script(key="k", first=(say(tokens=4), stall(after=2)))

    assert script.text() == (
        "[[fake:say tokens=4 call=k turn=1]] [[fake:stall after=2 call=k turn=1]] "
        "[[fake:say tokens=2 call=k turn=2-999999]]"
    )


def test_the_fake_provider_makes_of_each_turn_what_was_meant() -> None:
    script = Script(key="k", first=(say(tokens=4), stall(after=2)))
    blocks = parse_blocks([script.text()])

    first = script_for(blocks, 1, Library())
    second = script_for(blocks, 2, Library())

    assert first.say == (Say(tokens=4),)
    assert len(first.stall) == 1
    assert second.say == (Say(tokens=2),)
    assert not second.stall


@pytest.mark.parametrize(
    "text", ['quote " and ]] and \\', "\n\r\u2028\x85\x00", "🩺 病例", "[[fake:x]]"]
)
def test_any_text_can_be_said(text: str) -> None:
    script = Script(key="k", always=(say(text=text),))

    read = script_for(parse_blocks([script.text()]), 1, Library())

    assert read.say == (Say(text=text),)


def test_a_script_knows_how_long_its_calls_take_together() -> None:
    pace = (say(tokens=4), delay(first_s=0.1, each_s=0.2))

    assert Script(key="k", always=pace).seconds(10) == pytest.approx(9.0)
    stalled = Script(key="k", first=(say(tokens=4), stall(after=2, seconds=3)))
    assert stalled.seconds(10) == pytest.approx(3.0)


def test_a_script_knows_whether_it_needs_a_release() -> None:
    assert Script(key="k", first=(hold("headers"),)).holds
    assert not Script(key="k").holds
