"""`script.rules`: which script a call follows, and why none."""

from __future__ import annotations

from dataclasses import replace
from typing import Self, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamproof.fakes.errors import RequestError
from streamproof.fakes.keys import SECRET_FIELDS
from streamproof.fakes.providers import PROVIDERS
from streamproof.fakes.script import Library, Match, Rule, Say, Script
from streamproof.fakes.script.model import MAX_RULES, Provider
from streamproof.fakes.script.rules import Facts, Rulebook, fits

FACTS = Facts(
    texts=("be brief", "what is the weather?"),
    model="gpt-4o-mini",
    provider="openai_chat",
    headers={"x-test": "a-1", "authorization": "Bearer secret"},
)


def saying(text: str) -> Script:
    return Script(say=(Say(text=text),))


def book(*rules: Rule, **scripts: Script) -> Rulebook:
    return Rulebook(Library(scripts=scripts, rules=rules))


def rule(match: Match, *scripts: Script | str) -> Rule:
    return Rule(match=match, scripts=scripts or (saying("ok"),))


def sources(rulebook: Rulebook, count: int, facts: Facts = FACTS) -> list[str | None]:
    return [rulebook.follow(facts).source for _ in range(count)]


@pytest.mark.parametrize(
    "match",
    [
        Match(),
        Match(prompt="weather"),
        Match(prompt="brief"),
        Match(model="gpt-*"),
        Match(provider="openai_chat"),
        Match(header={"x-test": "a-*"}),
        Match(ordinal=1),
        Match(prompt="?", model="*", provider="openai_chat", header={"x-test": "*"}),
    ],
)
def test_a_rule_is_followed_when_every_condition_holds(match: Match) -> None:
    assert book(rule(match)).follow(FACTS).script == saying("ok")


@pytest.mark.parametrize(
    ("match", "failure"),
    [
        (Match(prompt="sun"), "prompt to contain 'sun', got 'what is the weather?'"),
        (Match(model="gpt-4o"), "model to be 'gpt-4o', got 'gpt-4o-mini'"),
        (Match(provider="gemini"), "provider to be 'gemini', got 'openai_chat'"),
        (Match(header={"x-test": "b"}), "header x-test to be 'b', got 'a-1'"),
        (Match(header={"x-other": "*"}), "header x-other to be '*', got none"),
        (Match(ordinal=2), "ordinal to be 2, got 1"),
    ],
)
def test_an_unmatched_call_is_told_the_condition_that_failed(
    match: Match, failure: str
) -> None:
    with pytest.raises(RequestError) as caught:
        book(rule(match)).follow(FACTS)

    assert caught.value.status == 404
    assert f"the nearest is rules.0: expected {failure};" in str(caught.value)


@pytest.mark.parametrize("name", sorted(SECRET_FIELDS))
def test_a_credential_is_never_quoted(name: str) -> None:
    facts = replace(FACTS, headers={name: "Bearer sk-secret"})

    with pytest.raises(RequestError) as caught:
        book(rule(Match(header={name: "Bearer x"}))).follow(facts)

    assert "got another" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_providers_that_a_rule_may_name_are_all_there_are() -> None:
    assert set(get_args(Provider)) == {provider.name for provider in PROVIDERS}


class Watched(str):
    """A text that counts how often something is looked for in it."""

    __slots__ = ("looks",)
    looks: int

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.looks = 0
        return made

    def __contains__(self, part: object) -> bool:
        self.looks += 1
        return super().__contains__(str(part))


def test_no_rule_behind_the_first_that_fits_is_looked_at() -> None:
    text = Watched("what is the weather?")
    rulebook = book(rule(Match(prompt="weather")), *[rule(Match(prompt="x"))] * 100)

    assert rulebook.follow(replace(FACTS, texts=(text,))).source == "rules.0"
    assert text.looks == 1


def test_rules_that_count_are_looked_at_behind_the_first_that_fits_too() -> None:
    rulebook = book(rule(Match(ordinal=1)), rule(Match(ordinal=2)))

    assert sources(rulebook, 2) == ["rules.0", "rules.1"]


def test_a_library_has_a_bounded_number_of_rules() -> None:
    with pytest.raises(ValidationError):
        book(*[rule(Match())] * (MAX_RULES + 1))


def test_a_long_prompt_is_quoted_only_in_part() -> None:
    with pytest.raises(RequestError) as caught:
        book(rule(Match(prompt="z"))).follow(replace(FACTS, texts=("x" * 10_000,)))

    assert len(str(caught.value)) < 300


def test_a_call_without_a_text_fails_in_its_prompt() -> None:
    with pytest.raises(RequestError, match="got no text"):
        book(rule(Match(prompt="z"))).follow(replace(FACTS, texts=()))


def test_the_nearest_rule_is_the_one_that_most_conditions_of_held() -> None:
    rulebook = book(
        rule(Match(provider="gemini")),
        rule(Match(provider="openai_chat", model="gpt-*", prompt="sun")),
        rule(Match(provider="openai_chat", model="o1")),
    )
    with pytest.raises(RequestError, match=r"rules\.1: expected prompt"):
        rulebook.follow(FACTS)


def test_the_first_rule_that_fits_is_followed() -> None:
    rulebook = book(
        rule(Match(model="o1")), rule(Match(), "busy"), rule(Match()), busy=Script()
    )

    assert sources(rulebook, 2) == ["rules.1:busy", "rules.1:busy"]


def test_scripts_of_a_rule_come_one_after_the_other_and_the_last_one_stays() -> None:
    rulebook = book(rule(Match(), "a", saying("b"), "c"), a=Script(), c=Script())

    assert sources(rulebook, 4) == ["rules.0:a", "rules.0", "rules.0:c", "rules.0:c"]


def test_an_ordinal_counts_the_calls_that_fit_all_the_rest() -> None:
    rulebook = book(
        rule(Match(model="gpt-*", ordinal=1), "first"),
        rule(Match(model="gpt-*", ordinal=3), "third"),
        rule(Match(), "other"),
        first=Script(),
        third=Script(),
        other=Script(),
    )
    other = replace(FACTS, model="o1")

    assert sources(rulebook, 1, other) == ["rules.2:other"]
    assert sources(rulebook, 2) == ["rules.0:first", "rules.2:other"]
    assert sources(rulebook, 1, other) == ["rules.2:other"]
    assert sources(rulebook, 2) == ["rules.1:third", "rules.2:other"]


def test_the_default_is_followed_by_what_fits_no_rule() -> None:
    rulebook = book(rule(Match(model="o1")), default=saying("default"))

    assert rulebook.follow(FACTS).script == saying("default")
    assert sources(rulebook, 1) == ["default"]


def test_without_rules_and_default_a_script_is_empty() -> None:
    assert book().follow(FACTS).script == Script()
    assert sources(book(), 1) == [None]


@pytest.mark.parametrize(
    ("pattern", "text", "fitting"),
    [
        ("", "", True),
        ("*", "", True),
        ("a", "ab", False),
        ("a*", "a", True),
        ("*a", "ba", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "a-c-b-c", True),
        ("a*b*c", "a-c", False),
        ("a**c", "abc", True),
        ("[a]?", "[a]?", True),
        ("[a]?", "ab", False),
    ],
)
def test_a_star_stands_for_any_characters(
    pattern: str, text: str, *, fitting: bool
) -> None:
    assert fits(pattern, text) is fitting


@given(st.lists(st.text("ab"), min_size=2), st.text("ab"))
def test_a_pattern_fits_whatever_its_stars_are_filled_with(
    parts: list[str], filling: str
) -> None:
    assert fits("*".join(parts), filling.join(parts))


def test_many_stars_take_no_time() -> None:
    assert not fits("a*" * 1_000 + "b", "a" * 100_000)
