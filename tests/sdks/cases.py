"""The cases: what the model is told to do, the same for every SDK.

It knows no SDK and no expectation.
"""

from __future__ import annotations

import dataclasses
import re

PATIENT_S = 30.0
"""A read timeout that only a hang runs into."""

IMPATIENT_S = 1.0
"""A read timeout for the cases that run into it: no shorter, because a machine with
all cores busy may need that long for an answer that is not held up."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that a model can do.

    Args:
        name: What the case is called.
        about: What it is, for the report.
        prompt: The directives, without a key.
        timeout_s: The client's read timeout.
        offers_tools: Whether the request offers tools.
        counts: Whether the token counts are scripted, and so part of what is seen.
        message: The scripted message of an error, to be found in what is raised.
        wait_s: How long the server tells a client to wait before it asks again.
        streamed_only: Whether the case is about the form of a stream.
    """

    name: str
    about: str
    prompt: str
    timeout_s: float = PATIENT_S
    offers_tools: bool = False
    counts: bool = False
    message: str | None = None
    wait_s: float | None = None
    streamed_only: bool = False

    @property
    def is_short(self) -> bool:
        """Whether a machine that is busy with other cells could change the outcome."""
        return self.timeout_s < PATIENT_S

    def suits(self, surface: str) -> bool:
        """Whether the case says anything of a surface, which is called by its way."""
        return not (self.streamed_only and surface.endswith("whole"))


THREE_WORDS = '[[fake:say text="one two three"]]'

ANSWERS = (
    Case(
        name="text",
        about="text in several scripts, with quotes, a line end and U+2028",
        prompt=r'[[fake:say text="Hello, 世界 \u2028 and \"all\"\n"]]',
    ),
    Case(
        name="tools",
        about="text, then two parallel calls with arguments in 4 and 3 pieces",
        prompt=(
            '[[fake:say text="Let me look. "]] '
            "[[fake:tool name=get_weather pieces=4 "
            r'arguments="{\"city\": \"Rome\", \"days\": 3}"]] '
            r'[[fake:tool name=get_time pieces=3 arguments="{\"zone\": \"CET\"}"]]'
        ),
        offers_tools=True,
    ),
    Case(
        name="reasoning",
        about="three tokens of reasoning, then text",
        prompt='[[fake:think text="Let me see "]] [[fake:say text="42 it is"]]',
    ),
    Case(
        name="usage",
        about="counts of 900 tokens in, 600 of them cached, 80 out, 5 of them thoughts",
        prompt=(
            '[[fake:say text="a b c"]] '
            "[[fake:usage input=900 output=80 cached=600 thinking=5]]"
        ),
        counts=True,
    ),
    Case(
        name="refusal",
        about="a refusal with a text and, where there is a place for it, a reason",
        prompt='[[fake:refuse text="I will not" category=cyber explanation=policy]]',
    ),
    Case(
        name="length",
        about="an answer that ends because no more tokens are allowed",
        prompt='[[fake:say text="cut off"]] [[fake:stop reason=length]]',
    ),
)

FAULTS = (
    Case(
        name="error",
        about="an error after two tokens",
        prompt=f'{THREE_WORDS} [[fake:error after=2 message="broke off"]]',
        message="broke off",
    ),
    Case(
        name="drop-fin",
        about="the connection closed after two tokens",
        prompt=f"{THREE_WORDS} [[fake:drop after=2 how=fin]]",
    ),
    Case(
        name="drop-rst",
        about="the connection reset after two tokens",
        prompt=f"{THREE_WORDS} [[fake:drop after=2 how=rst]]",
    ),
    Case(
        name="truncate",
        about="a body that ends cleanly after two tokens, without a terminator",
        prompt=f"{THREE_WORDS} [[fake:truncate after=2]]",
    ),
    Case(
        name="stall",
        about=f"silence after two tokens; the read timeout is {IMPATIENT_S:g} s",
        prompt=f"{THREE_WORDS} [[fake:stall after=2]]",
        timeout_s=IMPATIENT_S,
    ),
    # 1.2 s is more than any SDK waits on its own before the first two retries of a
    # 429 (0.5 s and 1 s at most), so only the header makes it wait that long.
    Case(
        name="retry",
        about="429 with Retry-After: 1.2, twice, then an answer",
        prompt=(
            '[[fake:say text="at last"]] '
            "[[fake:fail status=429 retry_after=1.2 turn=1-2 message=hurried]]"
        ),
        message="hurried",
        wait_s=1.2,
    ),
    Case(
        name="refused",
        about="429 with Retry-After: 0.1, whenever it is asked",
        prompt='[[fake:fail status=429 retry_after=0.1 message="slow down"]]',
        message="slow down",
    ),
)


def shaped(name: str, about: str, word: str) -> Case:
    """Make a case of three words in a stream of an unusual form."""
    return Case(
        name=name,
        about=about,
        prompt=f'[[fake:say text="one 世界 three"]] [[fake:{word}]]',
        streamed_only=True,
    )


WRONG_STREAMS = (
    shaped(
        "bad-json", "JSON cut short before the second token", "garble at=2 how=bad_json"
    ),
    shaped("empty", "an event without data before it", "garble at=2 how=empty"),
    shaped("duplicate", "the second token twice", "garble at=2 how=duplicate"),
    shaped("unknown", "an event of an unknown type", "garble at=2 how=unknown"),
    shaped("no-finish", "a stream without the reason why it ended", "omit what=finish"),
    shaped("no-usage", "a stream without its token counts", "omit what=usage"),
    shaped("no-terminator", "all but the terminator", "omit what=terminator"),
    shaped(
        "page",
        "HTML with status 200",
        'page status=200 type=text/html text="<p>Please sign in.</p>"',
    ),
)

ODD_STREAMS = (
    shaped("crlf", "lines that end in CR LF", "wire newline=crlf"),
    shaped("cr", "lines that end in CR", "wire newline=cr"),
    shaped("bom", "a byte order mark first", "wire bom=true"),
    shaped("comment", "comments between the events", "wire comment=hello"),
    shaped("split", "writes of three bytes, through characters too", "wire split=3"),
    shaped("coalesce", "four events in a write", "wire coalesce=4"),
    shaped("until-close", "no chunks, ended by the close", "wire framing=close"),
    shaped("wrong-type", "a stream said to be text/plain", "wire type=text/plain"),
)

CASES = (*ANSWERS, *FAULTS, *WRONG_STREAMS, *ODD_STREAMS)
BY_NAME = {case.name: case for case in CASES}


def prompt_of(case: Case, key: str) -> str:
    """Say the case's directives under a key, which stands with the first of them."""
    return re.sub(r"\[\[fake:\w+", rf"\g<0> call={key}", case.prompt, count=1)
