"""What a profile can promise of the values of a stream, one class per kind.

Pure. Says what must hold; `checks.invariants` judges it. Every kind has a `name`, the
sentence that a finding begins with. `type` and the like are names of event types;
an event of a type by a condition is one that `framing.type.named` names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue

from .strictness import STRICT
from .values import HeaderName, Marker, Pointer, Seconds, Text


class _Kind(BaseModel):
    model_config = STRICT

    name: str


class Place(BaseModel):
    """The value at `pointer` in events of `type`."""

    model_config = STRICT

    type: Text
    pointer: Pointer


class Sequence(_Kind):
    """The values at `pointer` in events of `type` are exactly `values`, in order."""

    kind: Literal["sequence"]
    type: Text
    pointer: Pointer
    values: tuple[JsonValue, ...]


class Equal(_Kind):
    """In every event that has them, the values at both pointers are equal."""

    kind: Literal["equal"]
    left: Pointer
    right: Pointer


class Mapping(_Kind):
    """The value at `pointer` decides the value at `to`."""

    kind: Literal["mapping"]
    pointer: Pointer
    to: Pointer
    values: dict[str, JsonValue]


class Monotonic(_Kind):
    """The value at `pointer` never decreases (or never increases) over a stream.

    `of` says what it is: a number, or a time as in RFC 3339. Without `type` all events
    count that have a value there, heartbeats that are events included. `strict`: it
    never stays the same either.
    """

    kind: Literal["monotonic"]
    type: Text | None = None
    pointer: Pointer
    of: Literal["number", "time"] = "number"
    direction: Literal["up", "down"] = "up"
    strict: bool = False


class Constant(_Kind):
    """The value at `pointer` is the same in every event of a stream."""

    kind: Literal["constant"]
    pointer: Pointer


class Bracketed(_Kind):
    """Between `opens` and `closes` the value at `pointer` is the opening event's."""

    kind: Literal["bracketed"]
    opens: Text
    closes: Text
    pointer: Pointer


class Final(_Kind):
    """At the end of a stream that succeeds, the value at `pointer` is `value`.

    It stands in the last event of `type`, or without one in the terminal event.
    """

    kind: Literal["final"]
    type: Text | None = None
    pointer: Pointer
    value: JsonValue


class Followed(_Kind):
    """Right after an event of `type` comes one of the types in `by`.

    Heartbeats and the types of `order.anywhere` may stand between the two.
    """

    kind: Literal["followed"]
    type: Text
    by: Annotated[tuple[Text, ...], Field(min_length=1)]


class Returned(_Kind):
    """The value at `to` in `to_type` is one that the response has told before.

    Told by its `header`, or at `pointer` in the last event before that has a value
    there, of type `type` where that is given. Where nothing was told, nothing is said.
    """

    kind: Literal["returned"]
    header: HeaderName | None = None
    type: Text | None = None
    pointer: Pointer | None = None
    to_type: Text
    to: Pointer


class Placed(_Kind):
    """The number at `pointer` in `type` is a place in a list, counted from 1.

    The list is the last one before that stood at `items`; the values at `members` are
    the same in the event and in that item of the list.
    """

    kind: Literal["placed"]
    type: Text
    pointer: Pointer
    items: Place
    members: tuple[Pointer, ...] = ()


class Joined(_Kind):
    """The texts at `pointer` in events of `type`, joined, equal the one at `to`.

    Each whole is made of the texts since the whole before it, and only of those since
    the last event of type `since`.
    """

    kind: Literal["joined"]
    type: Text
    pointer: Pointer
    to_type: Text
    to: Pointer
    since: Text | None = None


class Words(_Kind):
    """The number at `to` in `to_type` is how many words the joined texts have.

    The texts are those at `pointer` in the events of `type` so far; words are
    separated by white space.
    """

    kind: Literal["words"]
    type: Text
    pointer: Pointer
    to_type: Text
    to: Pointer


class Sum(_Kind):
    """The number at `to` in `to_type` is the sum of those at `pointer` in `type`."""

    kind: Literal["sum"]
    type: Text
    pointer: Pointer
    to_type: Text
    to: Pointer


class Count(_Kind):
    """The number at `pointer` in `type` equals how many events of `counts` came.

    With `distinct`, how many different values they had there.
    """

    kind: Literal["count"]
    type: Text
    pointer: Pointer
    counts: Text
    distinct: Pointer | None = None


class Length(_Kind):
    """In events of `type` the number at `to` is how long the list at `pointer` is."""

    kind: Literal["length"]
    type: Text
    pointer: Pointer
    to: Pointer


class Marked(_Kind):
    r"""Each marker in the joined texts yields exactly one event, and no other comes.

    The texts are those at `pointer` in `type`; a marker is what `marker` matches, such
    as `\[([1-9][0-9]{0,3})\]`, and its one group is the value at `value` in the event
    of type `by`. Events come after the last byte of their marker, in the order in which
    values first appear, one for each value; `within_s` bounds how long after.

    `text` is what a probe lets the model write, so that there are markers to judge.
    With `sources`, a place of a list, a marker without an item there (counted from 1)
    yields no event; with `rest`, such values and no others are listed there.
    """

    kind: Literal["marked"]
    type: Text
    pointer: Pointer
    marker: Marker
    by: Text
    value: Pointer
    text: Text
    within_s: Seconds | None = None
    sources: Place | None = None
    rest: Place | None = None


class Within(_Kind):
    """The first event of `type` comes at most `within_s` after something.

    After the first event of type `after`, or else after the request was sent.
    """

    kind: Literal["within"]
    type: Text
    after: Text | None = None
    within_s: Seconds


Invariant = Annotated[
    Sequence
    | Equal
    | Mapping
    | Monotonic
    | Constant
    | Bracketed
    | Final
    | Followed
    | Returned
    | Placed
    | Joined
    | Words
    | Sum
    | Count
    | Length
    | Marked
    | Within,
    Field(discriminator="kind"),
]
