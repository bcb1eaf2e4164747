"""`plan.answer`: script and seed to parts, without a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamproof.fakes.content import (
    Answer,
    Kind,
    Omission,
    Part,
    RefusalDetails,
    StopReason,
    Usage,
)
from streamproof.fakes.dice import Dice
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.plan.answer import make_answer, split_tokens
from streamproof.fakes.script import (
    Cost,
    Omit,
    Refuse,
    Said,
    Say,
    Script,
    Stop,
    Think,
    Tool,
    parse_script,
)

DICE = Dice(seed=0, fingerprint="f")
TWO = (Say(text="a b"),)


def answer_to(
    script: Script, max_tokens: int | None = None, *, dice: Dice = DICE
) -> Answer:
    return make_answer(script, dice, prompt_tokens=7, max_tokens=max_tokens)


def said(*parts: Said) -> tuple[Part, ...]:
    return answer_to(Script(say=parts)).parts


def test_an_empty_script_says_eight_words() -> None:
    (part,) = answer_to(Script()).parts

    assert len(part.pieces) == 8
    assert part.text.split() == [text.strip() for text in part.pieces]


def test_texts_that_follow_each_other_are_one_part() -> None:
    assert said(Say(text="a b "), Say(text="c")) == (
        Part(index=0, kind=Kind.TEXT, pieces=("a ", "b ", "c")),
    )


def test_every_kind_of_part_is_said_in_its_place() -> None:
    parts = said(
        Think(text="hm, "),
        Think(text="yes"),
        Say(text="look"),
        Tool(name="f", arguments='{"city":"Rom"}'),
        Tool(name="g"),
        Think(text="so"),
        Refuse(text="no"),
    )

    assert parts == (
        Part(index=0, kind=Kind.THINKING, pieces=("hm, ", "yes")),
        Part(index=1, kind=Kind.TEXT, pieces=("look",)),
        Part(index=2, kind=Kind.TOOL, name="f", pieces=('{"ci', 'ty":"', 'Rom"}')),
        Part(index=3, kind=Kind.TOOL, name="g", pieces=("{}",)),
        Part(index=4, kind=Kind.THINKING, pieces=("so",)),
        Part(index=5, kind=Kind.REFUSAL, pieces=("no",)),
    )


@pytest.mark.parametrize(
    ("pieces", "fragments"),
    [
        (1, ('{"city":1}',)),
        (3, ('{"c', "ity", '":1}')),
        (10, tuple('{"city":1}')),
        (99, tuple('{"city":1}')),
    ],
)
def test_arguments_are_cut_into_as_many_pieces_as_they_have(
    pieces: int, fragments: tuple[str, ...]
) -> None:
    (part,) = said(Tool(name="f", arguments='{"city":1}', pieces=pieces))

    assert part.pieces == fragments


@pytest.mark.parametrize(
    ("pieces", "fragments"),
    [(None, ('{"c', 'ity"')), (1, ('{"city"',)), (99, tuple('{"city"'))],
)
def test_arguments_that_are_not_kept_are_not_made(
    pieces: int | None, fragments: tuple[str, ...]
) -> None:
    tool = Tool(name="f", arguments='{"city":1}', keep=7, pieces=pieces)

    assert said(tool)[0].pieces == fragments


def test_a_call_without_any_arguments_is_still_a_call() -> None:
    (part,) = said(Tool(name="f", keep=0))

    assert part.pieces == ("",)


def test_arguments_that_are_kept_whole_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"less than 2, .* got 2"):
        Tool(name="f", keep=2)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((Say(text="a"),), "stop"),
        ((Say(text="a"), Tool(name="f")), "tool_calls"),
        ((Say(text="a"), Refuse()), "refusal"),
    ],
)
def test_an_answer_stops_for_the_reason_its_content_suggests(
    parts: tuple[Said, ...], reason: str
) -> None:
    assert answer_to(Script(say=parts)).stop == reason


def test_an_answer_stops_for_the_reason_it_is_told_to() -> None:
    stop = Stop(reason=StopReason.CONTENT_FILTER)

    assert answer_to(Script(say=TWO, stop=stop), 1).stop == "content_filter"


def test_an_answer_that_is_longer_than_the_request_allows_stops_for_length() -> None:
    script = Script(say=(Think(text="a b"), Say(text="c d"), Tool(name="f")))
    answer = answer_to(script, 3)

    assert answer.parts == (
        Part(index=0, kind=Kind.THINKING, pieces=("a ", "b")),
        Part(index=1, kind=Kind.TEXT, pieces=("c ",)),
    )
    assert (answer.stop, answer.usage.output_tokens) == ("length", 3)
    assert answer_to(script, 5).stop == "tool_calls"


def test_the_usage_is_what_was_read_and_made() -> None:
    answer = answer_to(Script(say=(Think(text="a b"), Say(text="c"))))

    assert answer.usage == Usage(input_tokens=7, output_tokens=3, thinking_tokens=2)


def test_the_usage_is_what_the_script_says_it_is() -> None:
    answer = answer_to(Script(say=TWO, usage=Cost(input_tokens=90, cached_tokens=60)))

    assert answer.usage == Usage(input_tokens=90, cached_tokens=60, output_tokens=2)


def test_the_details_of_a_refusal_are_kept() -> None:
    answer = answer_to(Script(say=(Refuse(category="cyber", explanation="policy"),)))

    assert answer.refusal == RefusalDetails(category="cyber", explanation="policy")


def test_what_is_left_out_is_known() -> None:
    omit = (Omit(what=Omission.USAGE), Omit(what=Omission.FINISH))

    assert answer_to(Script(omit=omit)).omitted == {"usage", "finish"}


def test_the_same_seed_and_request_give_the_same_words() -> None:
    script = Script(say=(Say(tokens=20),))

    assert answer_to(script, dice=DICE) == answer_to(script, dice=DICE)


@pytest.mark.parametrize(
    "dice", [Dice(seed=8, fingerprint="f"), Dice(seed=0, fingerprint="g")]
)
def test_another_seed_or_request_gives_other_words(dice: Dice) -> None:
    script = Script(say=(Say(tokens=20),))

    assert answer_to(script, dice=dice) != answer_to(script)


def test_the_words_of_a_seed_never_change() -> None:
    (part,) = said(Say(tokens=4))

    assert part.text == "delta lagoon prairie jasper"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("one", ["one"]),
        ("one two  three\n", ["one ", "two  ", "three\n"]),
        ("  one two", ["  ", "one ", "two"]),
        ("\u2028a\u2028b", ["\u2028", "a\u2028", "b"]),
        (" ", [" "]),
    ],
)
def test_text_is_split_into_words_with_the_space_behind_them(
    text: str, tokens: list[str]
) -> None:
    assert split_tokens(text) == tokens


@given(st.text())
def test_splitting_loses_nothing(text: str) -> None:
    assert "".join(split_tokens(text)) == text


def test_more_words_than_the_longest_answer_are_refused_before_any_is_made() -> None:
    script = Script(say=(Say(tokens=100_000),) * 3000)

    with pytest.raises(ScriptError, match="got 300000000"):
        answer_to(script)


def test_words_that_nobody_counted_count_as_eight() -> None:
    script = Script(say=(Say(),) * 100_000)

    with pytest.raises(ScriptError, match="got 800000"):
        answer_to(script)


def test_a_text_is_not_counted_as_seeded_words() -> None:
    assert answer_to(Script(say=(Say(text=""),) * 20_000)).size == 0


def test_more_than_the_longest_answer_is_refused() -> None:
    with pytest.raises(ScriptError, match="at most 100000 tokens to be said"):
        answer_to(Script(say=(Say(text="a " * 100_001),)))


@given(st.text(min_size=1), st.integers(1, 40))
def test_a_text_in_pieces_is_cut_anywhere_and_loses_nothing(
    text: str, pieces: int
) -> None:
    (part,) = answer_to(Script(say=(Say(text=text, pieces=pieces),))).parts
    sizes = {len(piece) for piece in part.pieces}

    assert part.text == text
    assert len(part.pieces) == min(pieces, len(text))
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1


def test_texts_of_one_kind_are_tokens_of_ones_own() -> None:
    said = (Say(text="un"), Say(text="believ"), Say(text="able", pieces=2))
    (part,) = answer_to(Script(say=said)).parts

    assert part.pieces == ("un", "believ", "ab", "le")


def test_pieces_are_of_a_text() -> None:
    with pytest.raises(ScriptError, match="expected pieces only with text"):
        parse_script('{"say": [{"tokens": 3, "pieces": 2}]}', where="script")
