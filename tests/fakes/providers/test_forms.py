"""Whatever a script says, Gemini and Ollama say it, to their judges' content."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.providers.forms import EVERYTHING, FORMS, PARTS, STREAMS, Form
from tests.fakes.validators.frames import Json, join_same

from streamproof.fakes.content import StopReason
from streamproof.fakes.providers.ollama.spelling import spell
from streamproof.fakes.script import Refuse, Said, Say, Script, Stop, Think, Tool

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
streams = pytest.mark.parametrize("form", STREAMS, ids=lambda form: form.name)


def check(form: Form, script: Script, fields: Json | None = None) -> None:
    answer, _ = form.perform(script, fields)
    told = form.judge(form.say(script, fields))

    assert join_same(list(told.parts)) == form.expect(answer)
    assert told.stop == form.stops[answer.stop]
    assert told.output_tokens == answer.usage.output_tokens
    assert told.input_tokens == answer.usage.input_tokens


@forms
def test_every_kind_of_part_is_told(form: Form) -> None:
    script = EVERYTHING.model_copy(update={"stop": Stop(reason=StopReason.STOP)})

    check(form, script)


@forms
@given(said=st.lists(PARTS, max_size=6))
def test_any_answer_is_told_as_it_was_scripted(form: Form, said: list[Said]) -> None:
    check(form, Script(say=tuple(said)))


@forms
@given(said=st.lists(PARTS, max_size=6), limit=st.integers(1, 30))
def test_any_answer_is_cut_where_the_request_says(
    form: Form, said: list[Said], limit: int
) -> None:
    check(form, Script(say=tuple(said)), form.limit(limit))


@forms
@pytest.mark.parametrize("reason", list(StopReason))
def test_every_reason_to_stop_is_told(form: Form, reason: StopReason) -> None:
    check(form, Script(stop=Stop(reason=reason)))


@forms
def test_an_answer_without_a_word_is_told(form: Form) -> None:
    check(form, Script(say=(Say(text=""),)))


@forms
def test_an_answer_of_nothing_but_thoughts_is_told(form: Form) -> None:
    check(form, Script(say=(Think(text="hm"),)))


@forms
def test_arguments_keep_the_spelling_of_what_they_say(form: Form) -> None:
    said = form.say(EVERYTHING)

    assert b'{"city":"a \\" b","n":1e400}' in said


@forms
def test_a_call_that_is_cut_off_for_length_is_not_told(form: Form) -> None:
    script = Script(say=(Say(text="hi "), Tool(name="f", arguments='{"a": "bcdefgh"}')))
    told = form.judge(form.say(script, form.limit(2)))

    assert told.parts == (("text", "", "hi "),)
    assert (told.stop, told.output_tokens) == (form.stops["length"], 2)


@streams
def test_a_call_leaves_with_its_last_fragment(form: Form) -> None:
    tool = Tool(name="f", arguments='{"a": "bcdefgh"}', pieces=3)
    answer, reply = form.perform(Script(say=(tool,)))
    (part,) = answer.parts
    said = [reply.token(part, piece) for piece in part.pieces]

    assert said[:2] == [b"", b""]
    assert b'"f"' in said[2]


@streams
def test_nothing_but_pieces_was_told_after_each_of_them(form: Form) -> None:
    answer, reply = form.perform(Script(say=(Think(tokens=2), Say(tokens=2))))
    for part in answer.parts:
        for piece in part.pieces:
            said = reply.token(part, piece)

            assert json.dumps(piece).encode() in said
            assert said.count(b"candidates") + said.count(b"created_at") >= 1


@streams
def test_what_a_stream_opens_and_closes_with_is_nothing(form: Form) -> None:
    _, reply = form.perform(Script())

    assert (reply.opening(), reply.closing()) == (b"", b"")
    assert reply.terminator()


@forms
def test_a_truncated_body_ends_behind_what_was_said_last(form: Form) -> None:
    answer, reply = form.perform(EVERYTHING)
    for count in range(answer.size + 1):
        cut = reply.truncated_body(count)
        said = answer.head(count).parts[-1].text
        escaped = json.dumps(said, ensure_ascii=False)[1:-1]

        # A call's object is spelled without white space, and Go escapes more.
        spellings = (escaped, said, spell(escaped).decode())
        ends = tuple("".join(text.split()) for text in spellings)
        assert "".join(cut.decode().split()).endswith(ends)


@pytest.mark.parametrize("form", FORMS[:3], ids=lambda form: form.name)
def test_a_truncated_body_is_the_beginning_of_the_whole(form: Form) -> None:
    answer, reply = form.perform(EVERYTHING)
    for count in range(answer.size + 1):
        assert reply.body().startswith(reply.truncated_body(count)), count


@forms
@pytest.mark.parametrize("said", [Say(text=""), Refuse(text=""), Think(text="")])
def test_a_body_without_a_word_can_be_truncated(said: Said, form: Form) -> None:
    _, reply = form.perform(Script(say=(said,)))

    assert reply.truncated_body(0).endswith(b'"')


@forms
def test_the_same_seed_and_request_give_the_same_bytes(form: Form) -> None:
    def told(seed: int) -> bytes:
        _, reply = form.perform(EVERYTHING, seed=seed)
        heads = [*reply.stream_headers(), *reply.body_headers()]
        return form.say(EVERYTHING, seed=seed) + str(heads).encode()

    assert told(0) == told(0) != told(1)
