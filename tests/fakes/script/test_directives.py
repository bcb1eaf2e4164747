"""`script.directives`: prompt text to script, every mistake named."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.fakes.content import StopReason
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.script import (
    Cost,
    Delay,
    Drop,
    Fail,
    Hold,
    InStreamError,
    Library,
    Refuse,
    Say,
    Script,
    Stall,
    Stop,
    Think,
    Tool,
    Truncate,
)
from streamproof.fakes.script.directives import (
    correlation_key,
    parse_blocks,
    script_for,
)

LIBRARY = Library(scripts={"slow": Script(delay=Delay(each_ms=20), drop=Drop(after=2))})


def script_of(*texts: str, turn: int = 1, library: Library | None = None) -> Script:
    return script_for(parse_blocks(texts), turn, library or Library())


@pytest.mark.parametrize(
    ("directive", "script"),
    [
        ("[[fake:say]]", Script(say=(Say(),))),
        ('[[fake:say text="a b"]]', Script(say=(Say(text="a b"),))),
        ("[[fake:say text=123]]", Script(say=(Say(text="123"),))),
        ("[[fake:say tokens=40]]", Script(say=(Say(tokens=40),))),
        ("[[fake:think tokens=5]]", Script(say=(Think(tokens=5),))),
        (
            '[[fake:tool name=f arguments="{\\"a\\": 1}" pieces=3]]',
            Script(say=(Tool(name="f", arguments='{"a": 1}', pieces=3),)),
        ),
        ("[[fake:tool name=1 arguments={}]]", Script(say=(Tool(name="1"),))),
        (
            '[[fake:refuse text="no" category=cyber explanation="policy"]]',
            Script(
                say=(Refuse(text="no", category="cyber", explanation="policy"),),
            ),
        ),
        (
            "[[fake:stop reason=length]]",
            Script(stop=Stop(reason=StopReason.LENGTH)),
        ),
        (
            "[[fake:usage input=9 output=8 cached=7 thinking=6]]",
            Script(
                usage=Cost(
                    input_tokens=9, output_tokens=8, cached_tokens=7, thinking_tokens=6
                )
            ),
        ),
        (
            "[[fake:delay first=250 each=2.5]]",
            Script(delay=Delay(first_ms=250, each_ms=2.5)),
        ),
        (
            "[[fake:stall after=3 ms=40000]]",
            Script(stall=(Stall(after=3, ms=40000),)),
        ),
        ("[[fake:stall after=0]]", Script(stall=(Stall(after=0),))),
        (
            '[[fake:fail status=429 retry_after=1.5 message="slow down"]]',
            Script(fail=Fail(status=429, retry_after_s=1.5, message="slow down")),
        ),
        (
            "[[fake:error after=2 type=server_error]]",
            Script(error=InStreamError(after=2, type="server_error")),
        ),
        ("[[fake:drop after=2 how=rst]]", Script(drop=Drop(after=2, how="rst"))),
        ("[[fake:truncate after=2]]", Script(truncate=Truncate(after=2))),
        (
            "[[fake:hold at=token after=2]]",
            Script(hold=(Hold(at="token", after=2),)),
        ),
    ],
)
def test_every_word_becomes_its_part_of_the_script(
    directive: str, script: Script
) -> None:
    assert script_of(f"before {directive} after") == script


def test_white_space_between_pairs_may_be_any() -> None:
    assert script_of("[[fake:drop\n  after=2\thow=fin ]]") == Script(
        drop=Drop(after=2, how="fin")
    )


@pytest.mark.parametrize(
    "text",
    ["]]", '"]]"', "[[fake:say]]", "a\nb\rc", "\u2028\u0085\x00", "\\", "é 🙂", ""],
)
def test_any_text_can_be_said_as_a_json_string(text: str) -> None:
    assert script_of(f"[[fake:say text={json.dumps(text)}]]") == Script(
        say=(Say(text=text),)
    )


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_json_string_survives(text: str) -> None:
    for ascii_only in (True, False):
        encoded = json.dumps(text, ensure_ascii=ascii_only)

        assert script_of(f"x[[fake:say text={encoded}]]y").say == (Say(text=text),)


@given(st.text())
def test_no_text_makes_the_parser_raise_anything_but_its_error(text: str) -> None:
    with contextlib.suppress(ScriptError):
        parse_blocks([text, f"[[fake:{text}", f"[[fake:say {text}]]"])


def test_blocks_of_several_messages_combine_in_order() -> None:
    script = script_of(
        "[[fake:say text=one]] [[fake:stall after=1 ms=5]]",
        "[[fake:say tokens=2]][[fake:stall after=2]]",
    )

    assert script == Script(
        say=(Say(text="one"), Say(tokens=2)),
        stall=(Stall(after=1, ms=5), Stall(after=2)),
    )


def test_what_is_said_keeps_its_order_over_all_words() -> None:
    script = script_of(
        "[[fake:think text=hm]] [[fake:say text=a]] [[fake:tool name=f]]",
        "[[fake:delay first=1]] [[fake:say text=b]]",
    )

    assert script.say == (
        Think(text="hm"),
        Say(text="a"),
        Tool(name="f"),
        Say(text="b"),
    )


def test_what_is_said_in_the_prompt_replaces_all_that_a_named_script_says() -> None:
    base = Script(say=(Think(tokens=1), Say(text="a")), delay=Delay(each_ms=1))
    library = Library(scripts={"default": base})

    assert script_of("[[fake:tool name=f]]", library=library) == Script(
        say=(Tool(name="f"),), delay=Delay(each_ms=1)
    )
    assert script_of("[[fake:delay first=1]]", library=library).say == base.say


def test_a_block_repeated_word_for_word_counts_once() -> None:
    assert script_of("[[fake:say tokens=2]]", "again: [[fake:say tokens=2]]") == Script(
        say=(Say(tokens=2),)
    )


def test_the_call_key_of_any_block_is_the_key_of_the_request() -> None:
    blocks = parse_blocks(["[[fake:say]] [[fake:delay first=1 call=a-B_9]]"])

    assert correlation_key(blocks) == "a-B_9"


def test_without_a_call_key_there_is_none() -> None:
    assert correlation_key(parse_blocks(["[[fake:say]]"])) is None


def test_two_call_keys_in_a_request_are_refused() -> None:
    blocks = parse_blocks(["[[fake:say call=a]] [[fake:delay call=b]]"])

    with pytest.raises(
        ScriptError, match="expected one call key in a request, got a, b"
    ):
        correlation_key(blocks)


@pytest.mark.parametrize(
    ("turn", "script"),
    [
        (1, Script(fail=Fail(status=500))),
        (2, Script(delay=Delay(first_ms=1))),
        (3, Script(delay=Delay(first_ms=1))),
        (4, Script()),
    ],
)
def test_a_block_applies_to_its_turns_only(turn: int, script: Script) -> None:
    text = "[[fake:fail status=500 turn=1]] [[fake:delay first=1 turn=2-3]]"

    assert script_of(text, turn=turn) == script


@pytest.mark.parametrize(
    ("directive", "message"),
    [
        ("[[fake:sai]]", "[[fake:sai]]: unknown word 'sai', did you mean 'say'"),
        (
            "[[fake:stall aftr=3]]",
            "[[fake:stall]]: unknown key 'aftr', did you mean 'after'",
        ),
        (
            "[[fake:stall after=three]]",
            "[[fake:stall]]: after: expected a whole number, got 'three'",
        ),
        ("[[fake:stall]]", "[[fake:stall]]: after: expected a value, got nothing"),
        (
            "[[fake:drop after=1 how=off]]",
            ("[[fake:drop]]: how: expected 'fin', 'rst' or 'half_close', got 'off'"),
        ),
        (
            "[[fake:drop after=-1]]",
            "[[fake:drop]]: after: expected at least 0, got -1",
        ),
        (
            '[[fake:say text="open]]',
            "[[fake:say]]: text: expected a JSON string, got '\"open]]' (unterminated",
        ),
        (
            "[[fake:say text=]]",
            "[[fake:say]]: text: expected a value, got ']]'",
        ),
        (
            "[[fake:say tokens=1 tokens=2]]",
            "[[fake:say]]: key 'tokens' is given twice",
        ),
        (
            "[[fake:say tokens=1",
            "[[fake:say]]: expected ']]', got the end of the text",
        ),
        (
            "[[fake:say tokens]]",
            "[[fake:say]]: expected key=value or ']]', got ' tokens]]'",
        ),
        (
            "[[fake:say call=no/slash]]",
            "[[fake:say]]: expected call to be 1 to 64 of A-Z a-z 0-9 _ -, got 'no/",
        ),
        (
            "[[fake:say turn=3-2]]",
            "[[fake:say]]: expected turn=N or turn=A-B with 1 <= A <= B, got '3-2'",
        ),
        (
            "[[fake:say turn=0]]",
            "[[fake:say]]: expected turn=N or turn=A-B with 1 <= A <= B, got '0'",
        ),
    ],
)
def test_a_bad_directive_is_refused_by_name(directive: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        script_of(directive)

    assert str(caught.value).startswith(message)


def test_a_word_that_cannot_be_repeated_is_refused_when_it_is() -> None:
    with pytest.raises(ScriptError, match=r"delay\]\]: expected once for a request"):
        script_of("[[fake:delay first=1]] [[fake:delay first=2]]")


def test_two_endings_are_refused() -> None:
    with pytest.raises(ScriptError, match="expected one ending, got fail and drop"):
        script_of("[[fake:fail status=500]] [[fake:drop after=1]]")


def test_a_named_script_is_what_the_other_words_change() -> None:
    script = script_of(
        "[[fake:script name=slow]] [[fake:say tokens=3]]", library=LIBRARY
    )

    assert script == Script(
        say=(Say(tokens=3),), delay=Delay(each_ms=20), drop=Drop(after=2)
    )


def test_an_ending_in_the_prompt_replaces_the_ending_of_a_named_script() -> None:
    script = script_of(
        "[[fake:script name=slow]] [[fake:fail status=500]]", library=LIBRARY
    )

    assert script == Script(delay=Delay(each_ms=20), fail=Fail(status=500))


def test_the_script_called_default_is_used_without_being_named() -> None:
    library = Library(scripts={"default": Script(say=(Say(tokens=1),))})

    assert script_of("no directive", library=library) == Script(say=(Say(tokens=1),))


def test_an_unknown_script_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ScriptError, match="unknown script 'slo', did you mean 'slow'"):
        script_of("[[fake:script name=slo]]", library=LIBRARY)


def test_a_script_name_without_a_library_is_refused() -> None:
    with pytest.raises(ScriptError, match="unknown script 'slow': none is loaded"):
        script_of("[[fake:script name=slow]]")


def test_too_many_directives_are_refused() -> None:
    text = "".join(f"[[fake:stall after={n}]]" for n in range(257))

    with pytest.raises(ScriptError, match="at most 256 directives"):
        parse_blocks([text])


def test_repeats_count_once_but_only_so_many_are_read() -> None:
    assert len(parse_blocks(["[[fake:say]]"] * 2048)) == 1

    with pytest.raises(ScriptError, match="at most 2048 directives"):
        parse_blocks(["[[fake:say]]" * 1_000_000])


def test_a_word_of_any_length_is_refused_briefly() -> None:
    with pytest.raises(ScriptError) as caught:
        parse_blocks(["[[fake:" + "x" * 1_000_000 + "]]"])

    assert len(str(caught.value)) < 300
