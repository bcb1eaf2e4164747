"""Scripts as the fake provider reads them, for targets of every shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.conformance.profiles.schema import Answer, Steering, TokenText
from streamproof.conformance.steering import (
    Script,
    Word,
    delay,
    drop,
    error,
    fail,
    has_gate,
    hold,
    hold_after,
    is_shown,
    key_in,
    say,
    stall,
    truncate,
    watched_call,
    without_directives,
    write_script,
)
from streamproof.fakes.plan.player import make_plan
from streamproof.fakes.script import Delay, Fail, Hold, Library, Say, Stall
from streamproof.fakes.script import Script as FakeScript
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
    assert word.directive(call="k") == text
    assert correlation_key(parse_blocks([text])) == "k"


TOKEN = TokenText(type="token", text="/text")
PLAIN = Steering(mode="prompt", calls_per_run=14, token=TOKEN)

EXERCISES = '{"exercises": [{"name": "squat", "sets": 2, "reps": 8}]}'

# What the four protocol pages ask of steering.
ONE_HIDDEN = Steering(
    mode="prompt",
    shown="none",
    answers=(Answer(calls=(1,), text=EXERCISES),),
)
ONE_SHOWN_IN_FIVES = Steering(
    mode="prompt", token=TokenText(type="content_chunk", text="/delta", words=5)
)
SECOND_SHOWN = Steering(
    mode="prompt",
    calls_per_run=2,
    shown=(2,),
    token=TokenText(type="token", text="/content"),
    answers=(Answer(calls=(1,), text="other"),),
)
FIRST_SHOWN_IN_PARAGRAPHS = Steering(
    mode="key",
    calls_per_run=2,
    shown=(1,),
    token=TokenText(type="content", text="/chunk", words=50, end="\n\n"),
    answers=(Answer(calls=(2,), text="approved"),),
)
ALL = {
    "plain": PLAIN,
    "one-hidden": ONE_HIDDEN,
    "one-shown-in-fives": ONE_SHOWN_IN_FIVES,
    "second-shown": SECOND_SHOWN,
    "first-shown-in-paragraphs": FIRST_SHOWN_IN_PARAGRAPHS,
}
PARAGRAPH_WORDS = 50


def read_turns(script: Script, steering: Steering, turns: int) -> list[FakeScript]:
    """Return what the fake provider makes of each turn."""
    if steering.mode == "key":
        put = [FakeScript.model_validate(each) for each in script.json()]
        return [put[min(turn, len(put) - 1)] for turn in range(turns)]
    blocks = parse_blocks([script.text()])
    return [script_for(blocks, turn, Library()) for turn in range(1, turns + 1)]


def tokens_of(script: FakeScript) -> list[str]:
    """Return the tokens that the fake model says."""
    plan = make_plan(script, seed=0, fingerprint="f")
    return [piece for part in plan.answer.parts for piece in part.pieces]


def test_a_text_may_be_said_in_pieces_of_about_the_same_length() -> None:
    text = "as in [12], they say"
    script = write_script(PLAIN, "k", say(text=text, pieces=10))

    (first, _) = read_turns(script, PLAIN, 2)

    assert "".join(tokens_of(first)) == text
    assert len(tokens_of(first)) == 10
    assert max(map(len, tokens_of(first))) < len("[12]")


def test_words_of_one_call_give_way_in_the_others() -> None:
    script = write_script(PLAIN, "k", say(tokens=4), stall(after=2))

    assert script.text() == (
        "[[fake:say tokens=4 call=k turn=1]] [[fake:stall after=2 call=k turn=1]] "
        "[[fake:say tokens=2 call=k turn=2-999999]]"
    )


def test_what_every_call_does_is_said_once() -> None:
    script = write_script(PLAIN, "k", hold("headers"))

    assert script.text() == (
        "[[fake:hold at=headers call=k turn=1]] [[fake:say tokens=2 call=k]]"
    )


def test_a_later_call_can_be_the_special_one() -> None:
    script = write_script(PLAIN, "k", hold("headers"), say(tokens=4), call=3)

    assert script.turn == 3
    assert script.text() == (
        "[[fake:say tokens=2 call=k turn=1-2]] "
        "[[fake:say tokens=2 call=k turn=4-999999]] "
        "[[fake:hold at=headers call=k turn=3]] [[fake:say tokens=4 call=k turn=3]]"
    )


@pytest.mark.parametrize("steering", ALL.values(), ids=ALL.keys())
def test_the_fake_provider_reads_a_pause_between_two_shown_tokens(
    steering: Steering,
) -> None:
    script = write_script(steering, "k", say(tokens=4), stall(after=2))
    size = script.words_per_token

    for turn, read in enumerate(read_turns(script, steering, 3), 1):
        is_watched = turn == watched_call(steering)
        assert read.stall == ((Stall(after=2 * size),) if is_watched else ())
        assert tokens_of(read)
    watched = read_turns(script, steering, 3)[script.turn - 1]
    assert len(tokens_of(watched)) == 4 * size
    assert script.token_state(2) == f"token:{2 * size}"


@pytest.mark.parametrize(
    ("steering", "shown", "watched"),
    [
        (PLAIN, [True, True, True], 1),
        (ONE_HIDDEN, [False, False, False], 1),
        (ONE_SHOWN_IN_FIVES, [True, True, True], 1),
        (SECOND_SHOWN, [False, True, False], 2),
        (FIRST_SHOWN_IN_PARAGRAPHS, [True, False, False], 1),
    ],
    ids=ALL.keys(),
)
def test_a_probe_watches_the_first_call_that_is_shown(
    steering: Steering, shown: list[bool], watched: int
) -> None:
    assert [is_shown(steering, call) for call in (1, 2, 3)] == shown
    assert watched_call(steering) == watched


@pytest.mark.parametrize(
    ("steering", "call", "text"),
    [
        (ONE_HIDDEN, 1, EXERCISES),
        (SECOND_SHOWN, 1, "other"),
        (FIRST_SHOWN_IN_PARAGRAPHS, 2, "approved"),
    ],
)
@pytest.mark.parametrize("tokens", [1, 2, 4, 100])
def test_a_needed_answer_is_said_in_as_many_tokens_as_the_probe_asks_for(
    steering: Steering, call: int, text: str, tokens: int
) -> None:
    script = write_script(steering, "k", say(tokens=tokens), call=call)

    said = tokens_of(read_turns(script, steering, 3)[call - 1])

    assert "".join(said) == text
    assert len(said) == min(tokens, len(text))


def test_a_needed_answer_wins_over_a_text_of_the_probe() -> None:
    script = write_script(ONE_HIDDEN, "k", say(text="one two three"))

    assert "".join(tokens_of(read_turns(script, ONE_HIDDEN, 1)[0])) == EXERCISES


def test_a_portion_of_the_reader_is_one_token_of_the_probe() -> None:
    script = write_script(
        FIRST_SHOWN_IN_PARAGRAPHS, "k", say(tokens=2), delay(first_s=1, each_s=0.5)
    )

    read = read_turns(script, FIRST_SHOWN_IN_PARAGRAPHS, 1)[0]
    paragraphs = "".join(tokens_of(read)).split("\n\n")

    assert [len(each.split()) for each in paragraphs] == [PARAGRAPH_WORDS] * 2 + [0]
    assert read.delay == Delay(first_ms=1000, each_ms=10)
    assert script.seconds == pytest.approx(2.0)


def test_a_hidden_call_has_no_portions() -> None:
    script = write_script(FIRST_SHOWN_IN_PARAGRAPHS, "k", stall(after=1), call=2)

    assert script.words_per_token == 1
    assert read_turns(script, FIRST_SHOWN_IN_PARAGRAPHS, 2)[1].stall == (
        Stall(after=1),
    )


@pytest.mark.parametrize("steering", ALL.values(), ids=ALL.keys())
def test_a_call_that_was_refused_is_tried_again_with_what_it_has_to_say(
    steering: Steering,
) -> None:
    script = write_script(steering, "k", fail(429, retry_after_s=1))
    turn = script.turn

    read = read_turns(script, steering, turn + 1)

    plain = read_turns(write_script(steering, "k"), steering, turn)
    assert read[turn - 1].fail == Fail(status=429, retry_after_s=1)
    assert read[turn] == plain[turn - 1]


@pytest.mark.parametrize(
    "words",
    [
        (say(tokens=4), stall(after=2, seconds=1.5)),
        (say(tokens=4), hold_after(1), hold("end")),
        (say(tokens=4), delay(first_s=0.02, each_s=0.0015)),
        (say(tokens=4), error(after=2, message='"x"')),
        (say(tokens=4), drop(after=2, how="rst")),
        (say(tokens=4), truncate(after=2)),
        (fail(500, message="no"),),
    ],
    ids=lambda words: words[-1].word,
)
def test_a_script_means_the_same_as_directives_and_as_json(
    words: tuple[Word, ...],
) -> None:
    script = write_script(PLAIN, "k", *words)
    blocks = parse_blocks([script.text()])

    put = [FakeScript.model_validate(each) for each in script.json()]

    assert [script_for(blocks, turn, Library()) for turn in (1, 2)] == put


def test_the_prompt_may_be_the_key_alone() -> None:
    key = "slots-after-early-leave-0123abcd-again-10"

    marker = write_script(FIRST_SHOWN_IN_PARAGRAPHS, key).marker()

    assert marker == f"[[fake:say call={key}]]"
    assert correlation_key(parse_blocks([marker])) == key
    assert key_in(marker) == key


@given(st.text())
def test_any_text_can_be_said(text: str) -> None:
    script = write_script(PLAIN, "k", always=(say(text=text),))

    read = script_for(parse_blocks([script.text()]), 1, Library())

    assert read.say == (Say(text=text),)
    assert key_in(script.text()) == "k"


def test_a_script_knows_how_long_its_calls_take_together() -> None:
    pace = (say(tokens=4), delay(first_s=0.1, each_s=0.2))
    ten = PLAIN.model_copy(update={"calls_per_run": 10})

    assert write_script(ten, "k", always=pace).seconds == pytest.approx(9.0)
    stalled = write_script(ten, "k", say(tokens=4), stall(after=2, seconds=3))
    assert stalled.seconds == pytest.approx(3.0)


def test_a_script_knows_whether_it_needs_a_release() -> None:
    held = write_script(SECOND_SHOWN, "k", hold("headers"))

    assert held.holds
    assert has_gate([held.text()[held.text().index("[[fake:hold") :]])
    assert read_turns(held, SECOND_SHOWN, 2)[1].hold == (Hold(at="headers"),)
    assert not write_script(SECOND_SHOWN, "k").holds


def test_what_is_around_directives_is_left() -> None:
    text = f"please {write_script(PLAIN, 'k').text()} answer"

    assert without_directives(text) == "please  answer"
    assert key_in("no directive") is None
