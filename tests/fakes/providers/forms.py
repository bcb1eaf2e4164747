"""The forms of Gemini and Ollama, each with a request it takes and its judge.

Their calls of tools come whole, which sets them apart from the wires in `wires`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from tests.fakes.raw_client import post
from tests.fakes.validators import gemini, ollama
from tests.fakes.validators.frames import join_same

from streamproof.fakes.content import Kind
from streamproof.fakes.plan.player import make_plan
from streamproof.fakes.providers import params_of, provider_at
from streamproof.fakes.providers.provider import Received
from streamproof.fakes.script import Cost, Refuse, Say, Script, Think, Tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.validators.frames import Json, Told

    from streamproof.fakes.content import Answer
    from streamproof.fakes.providers.provider import Ask, Reply

GEMINI_PATH = "/v1beta/models/gemini-2.5-pro"
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
OBJECTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.none(), max_size=3)
PARTS = st.one_of(
    st.builds(Say, text=TEXTS),
    st.builds(Think, text=TEXTS),
    st.builds(
        Tool,
        name=st.sampled_from(["f", "get_weather"]),
        arguments=st.builds(partial(json.dumps, indent=1), OBJECTS),
        pieces=st.none() | st.integers(1, 30),
    ),
    st.builds(Refuse, text=TEXTS.filter(str.strip), explanation=st.none() | TEXTS),
)
EVERYTHING = Script(
    say=(
        Think(text="hm, let me"),
        Say(text='Hi \u2028 thére\n"you"'),
        Tool(name="f", arguments='{ "city": "a \\" b",\n "n": 1e400 }'),
        Tool(name="g"),
        Refuse(text="no more", category="spii", explanation="policy"),
    ),
    usage=Cost(input_tokens=90, cached_tokens=60),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way to ask one provider.

    Args:
        limit: the fields of a request that limit the answer.
        content_type: of a good answer in this form.
        stops: what the stop reasons are called that are not just stopping.
    """

    name: str
    path: str
    query: str = ""
    body: Callable[[str], Json]
    limit: Callable[[int], Json]
    judge: Callable[[bytes], Told]
    content_type: str
    stops: dict[str, str]
    is_stream: bool = True

    def post(self, prompt: str, **fields: object) -> bytes:
        """Make a whole HTTP request, after which the connection ends."""
        body = json.dumps({**self.body(prompt), **fields}).encode()
        return post(f"{self.path}?{self.query}", body, "connection: close")

    def ask(self, fields: Json) -> Ask:
        """Read a request as the server would."""
        body = json.dumps({**self.body("hi"), **fields}).encode()
        provider = provider_at(self.path)
        query = dict([self.query.split("=")]) if self.query else {}
        return provider.read(
            Received(
                path=self.path,
                params=params_of(provider, "POST", self.path),
                query=query,
                headers={"x-goog-api-key": "any"},
                body=body,
                fingerprint=sha256(body).hexdigest(),
            )
        )

    def perform(
        self, script: Script, fields: Json | None = None, *, seed: int = 0
    ) -> tuple[Answer, Reply]:
        """Return the planned answer, and the reply that says it."""
        ask = self.ask(fields or {})
        plan = make_plan(
            script,
            seed=seed,
            fingerprint="f",
            prompt_tokens=ask.prompt_tokens,
            max_tokens=ask.max_tokens,
        )
        return plan.answer, ask.reply(plan.answer, seed)

    def say(
        self, script: Script, fields: Json | None = None, *, seed: int = 0
    ) -> bytes:
        """Return everything that is said."""
        answer, reply = self.perform(script, fields, seed=seed)
        if not self.is_stream:
            return reply.body()
        pieces = [(part, piece) for part in answer.parts for piece in part.pieces]
        said = [reply.token(part, piece) for part, piece in pieces]
        last = [reply.closing(), reply.terminator()]
        return b"".join([reply.opening(), *said, *last])

    def expect(self, answer: Answer) -> tuple[tuple[str, str, str], ...]:
        """Return what a client of this form is told of an answer."""
        parts: list[tuple[str, str, str]] = []
        for part in answer.parts:
            is_text = part.kind in {Kind.TEXT, Kind.REFUSAL}
            if part.kind is Kind.TOOL and _is_whole(part.text):
                parts.append(("tool", part.name, json.dumps(json.loads(part.text))))
            elif part.kind is not Kind.TOOL and part.text:
                parts.append(("text" if is_text else "thinking", "", part.text))
        if self.name.startswith("ollama") and not self.is_stream:
            # One message has one place for each kind.
            parts.sort(key=lambda part: ("thinking", "text", "tool").index(part[0]))
        return join_same(parts)


def _is_whole(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except json.JSONDecodeError:
        return False
    return True


def _gemini(name: str, judge: Callable[[bytes], Told]) -> Form:
    method = "generateContent" if name == "whole" else "streamGenerateContent"
    return Form(
        name=f"gemini {name}",
        path=f"{GEMINI_PATH}:{method}",
        query="alt=sse" if name == "events" else "",
        body=lambda prompt: {"contents": [{"parts": [{"text": prompt}]}]},
        limit=lambda most: {"generationConfig": {"maxOutputTokens": most}},
        judge=judge,
        content_type="text/event-stream"
        if name == "events"
        else "application/json; charset=UTF-8",
        stops={
            "stop": "STOP",
            "length": "MAX_TOKENS",
            "tool_calls": "STOP",
            "refusal": "SAFETY",
            "content_filter": "PROHIBITED_CONTENT",
        },
        is_stream=name != "whole",
    )


def _ollama(name: str, *, is_stream: bool) -> Form:
    is_chat = name == "chat"
    judge = ollama.validate_stream if is_stream else ollama.validate_body

    def body(prompt: str) -> Json:
        said: Json = {"prompt": prompt}
        if is_chat:
            said = {"messages": [{"role": "user", "content": prompt}]}
        return {"model": "m", **said, **({} if is_stream else {"stream": False})}

    return Form(
        name=f"ollama {name} {'lines' if is_stream else 'whole'}",
        path=f"/api/{name}",
        body=body,
        limit=lambda most: {"options": {"num_predict": most}},
        judge=partial(judge, is_chat=is_chat),
        content_type="application/x-ndjson"
        if is_stream
        else "application/json; charset=utf-8",
        stops={
            "stop": "stop",
            "length": "length",
            "tool_calls": "stop",
            "refusal": "stop",
            "content_filter": "stop",
        },
        is_stream=is_stream,
    )


FORMS = (
    _gemini("events", gemini.validate_events),
    _gemini("array", gemini.validate_array),
    _gemini("whole", gemini.validate_body),
    *(
        _ollama(name, is_stream=is_stream)
        for name in ("chat", "generate")
        for is_stream in (True, False)
    ),
)
GEMINI_FORMS, OLLAMA_FORMS = FORMS[:3], FORMS[3:]
STREAMS = tuple(form for form in FORMS if form.is_stream)
