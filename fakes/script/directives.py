"""Directives in prompt text: `[[fake:word key=value …]]` to script parts.

    directive := "[[fake:" word (WS key "=" value)* "]]"
    value     := bare (no white space, quote or "]") | JSON string

Pure. Must not know the provider: it takes the texts a provider found in a request
and returns blocks; `script_for` folds the blocks that apply to a turn into a script.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, get_args

from ..errors import ScriptError
from ..keys import KEY, SPELLING
from ..wording import suggestion
from . import (
    ENDINGS,
    REPEATABLE,
    SAID,
    WORDS,
    Library,
    Script,
    check_part,
    parse_script,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Block", "correlation_key", "parse_blocks", "script_for"]


def _takes_text(annotation: object) -> bool:
    """Tell whether a field's values are texts."""
    kinds = get_args(annotation)
    if kinds:
        return any(isinstance(kind, str) or _takes_text(kind) for kind in kinds)
    return isinstance(annotation, type) and issubclass(annotation, str)


OPENING = "[[fake:"
CLOSING = "]]"
# A directive leaves the unit out of a name that has one: `first_ms` is `first`.
_UNIT = re.compile(r"(?<!_per)_(ms|s|tokens)$")
SPELLINGS: dict[str, dict[str, str]] = {
    **{
        word: {
            _UNIT.sub("", name): name for name in model.model_fields if name != "kind"
        }
        for word, model in WORDS.items()
    },
    "script": {"name": "name"},
}
COMMON_KEYS = ("call", "turn")
# A bare value of these keys is a number, or true or false, where it looks like one;
# of all others it stays text even then.
PLAIN_KEYS = frozenset(
    (word, spelling)
    for word, model in WORDS.items()
    for spelling, name in SPELLINGS[word].items()
    if not _takes_text(model.model_fields[name].annotation)
)
# More than any test means; parsing them takes a few ms of the shared event loop.
MAX_BLOCKS = 256
# Eight copies of all of them: 20 ms. Repeats count once, but have to be read.
MAX_FOUND = 8 * MAX_BLOCKS

_WORD = re.compile(r"\w{0,32}")
_KEY = re.compile(r"\s+(\w{1,32})=")
_BARE = re.compile(r'[^\s"\]]+')
_END = re.compile(r"\s*\]\]")
_TURN = re.compile(r"([1-9]\d{0,5})(?:-([1-9]\d{0,5}))?")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_JSON = json.JSONDecoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One directive: its word, the script fields it sets, and when it applies."""

    word: str
    fields: Mapping[str, str | int | float]
    call: str | None = None
    first_turn: int = 1
    last_turn: int | None = None

    def applies_to(self, turn: int) -> bool:
        """Tell whether the block counts for the `turn`-th request of its key."""
        return self.first_turn <= turn and (
            self.last_turn is None or turn <= self.last_turn
        )


def parse_blocks(texts: Iterable[str]) -> tuple[Block, ...]:
    """Find every directive in the texts, in order.

    A block that occurs again word for word counts once: pipelines like to repeat
    the user's text in more than one message.

    Raises:
        ScriptError: naming the directive, the word or key, and the nearest known.
    """
    found: dict[str, Block] = {}
    everything = chain.from_iterable(_blocks_of(text) for text in texts)
    for count, (source, block) in enumerate(everything, 1):
        found.setdefault(source, block)
        if len(found) > MAX_BLOCKS:
            raise ScriptError(
                f"expected at most {MAX_BLOCKS} directives in a request, got more"
            )
        if count > MAX_FOUND:
            raise ScriptError(
                f"expected at most {MAX_FOUND} directives in a request, those that "
                "are repeated word for word included, got more"
            )
    return tuple(found.values())


def correlation_key(blocks: Sequence[Block], beside: str | None = None) -> str | None:
    """Return the one `call=` key of a request, None without.

    Raises:
        ScriptError: when two blocks name different keys, or one than there is beside.
    """
    named = {beside, *(block.call for block in blocks)} - {None}
    keys = sorted(str(key) for key in named)
    if len(keys) > 1:
        raise ScriptError(f"expected one call key in a request, got {', '.join(keys)}")
    return keys[0] if keys else None


def script_for(blocks: Sequence[Block], turn: int, library: Library) -> Script:
    """Fold the blocks that apply to `turn` into one script.

    The named script (or the one called `default`) comes first; a word in the prompt
    replaces that word of it, whatever is said in the prompt all that it says, and any
    ending in the prompt its ending.

    Raises:
        ScriptError: for an unknown name, a word given twice, or two endings.
    """
    words: dict[str, list[Mapping[str, str | int | float]]] = {}
    for block in blocks:
        if not block.applies_to(turn):
            continue
        if block.word in SAID:
            said = {"kind": block.word, **block.fields}
            words.setdefault("say", []).append(said)
        else:
            words.setdefault(block.word, []).append(block.fields)
    for word, given in words.items():
        if len(given) > 1 and word not in REPEATABLE:
            raise ScriptError(f"[[fake:{word}]]: expected once for a request, got more")
    base = _named_script(words.pop("script", []), library)
    parts = base.model_dump(exclude_none=True, mode="json")
    if any(word in ENDINGS for word in words):
        parts = {name: part for name, part in parts.items() if name not in ENDINGS}
    for word, given in words.items():
        parts[word] = given if word in REPEATABLE else given[0]
    return parse_script(json.dumps(parts), where="directives")


def _named_script(
    given: Sequence[Mapping[str, str | int | float]], library: Library
) -> Script:
    if not given:
        return library.scripts.get("default", Script())
    name = str(given[0].get("name", ""))
    if name in library.scripts:
        return library.scripts[name]
    known = library.scripts
    hint = f", {suggestion(name, known)}" if known else ": none is loaded"
    raise ScriptError(f"[[fake:script]]: unknown script {name!r}{hint}")


def _blocks_of(text: str) -> Iterator[tuple[str, Block]]:
    at = text.find(OPENING)
    while at >= 0:
        block, end = _parse_block(text, at)
        yield text[at:end], block
        at = text.find(OPENING, end)


def _parse_block(text: str, start: int) -> tuple[Block, int]:
    """Parse the directive that opens at `start`; return it and where it ends."""
    match = _WORD.match(text, start + len(OPENING))
    word, at = (match[0], match.end()) if match else ("", start)
    if word not in SPELLINGS:
        raise ScriptError(
            f"[[fake:{word}]]: unknown word {word!r}, " + suggestion(word, SPELLINGS)
        )
    values: dict[str, str] = {}
    fields: dict[str, str | int | float] = {}
    while not (end := _END.match(text, at)):
        key, value, at = _parse_pair(text, at, word)
        if key in values or key in fields:
            raise ScriptError(f"[[fake:{word}]]: key {key!r} is given twice")
        if key in COMMON_KEYS:
            values[key] = str(value)
        else:
            fields[key] = value
    first, last = _parse_turn(values.get("turn"), word)
    block = Block(
        word=word,
        fields=_checked({SPELLINGS[word][key]: fields[key] for key in fields}, word),
        call=_parse_call(values.get("call"), word),
        first_turn=first,
        last_turn=last,
    )
    return block, end.end()


def _parse_pair(text: str, at: int, word: str) -> tuple[str, str | int | float, int]:
    match = _KEY.match(text, at)
    if not match:
        got = text[at : at + 20]
        raise ScriptError(
            f"[[fake:{word}]]: expected key=value or ']]', got {got!r} "
            "(a value with white space goes in quotes)"
            if got.strip()
            else f"[[fake:{word}]]: expected ']]', got the end of the text"
        )
    key = match[1]
    known = (*SPELLINGS[word], *COMMON_KEYS)
    if key not in known:
        raise ScriptError(
            f"[[fake:{word}]]: unknown key {key!r}, " + suggestion(key, known)
        )
    value, end = _parse_value(text, match.end(), word=word, key=key)
    return key, value, end


def _parse_value(
    text: str, at: int, *, word: str, key: str
) -> tuple[str | int | float, int]:
    where = f"[[fake:{word}]]: {key}"
    if text.startswith('"', at):
        try:
            value, end = _JSON.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise ScriptError(
                f"{where}: expected a JSON string, got {text[at : at + 20]!r} "
                f"({error.msg.lower()})"
            ) from None
        return str(value), end
    match = _BARE.match(text, at)
    if not match:
        raise ScriptError(f"{where}: expected a value, got {text[at : at + 20]!r}")
    return _typed(word, key, match[0]), match.end()


def _typed(word: str, key: str, bare: str) -> str | int | float:
    if (word, key) not in PLAIN_KEYS:
        return bare
    if bare in {"true", "false"}:
        return bare == "true"
    if not _NUMBER.fullmatch(bare):
        return bare
    return float(bare) if "." in bare else int(bare)


def _parse_call(value: str | None, word: str) -> str | None:
    if value is not None and not KEY.fullmatch(value):
        raise ScriptError(
            f"[[fake:{word}]]: expected call to be {SPELLING}, got {value[:80]!r}"
        )
    return value


def _parse_turn(value: str | None, word: str) -> tuple[int, int | None]:
    if value is None:
        return 1, None
    match = _TURN.fullmatch(value)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if last < first:
        raise ScriptError(
            f"[[fake:{word}]]: expected turn=N or turn=A-B with 1 <= A <= B, "
            f"got {value[:80]!r}"
        )
    return first, last


def _checked(
    fields: Mapping[str, str | int | float], word: str
) -> Mapping[str, str | int | float]:
    """Let the script's own model judge the values, so that a bad one is named."""
    if word in WORDS:
        check_part(word, json.dumps(fields), where=f"[[fake:{word}]]")
    return fields
