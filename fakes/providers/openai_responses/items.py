"""The parts of an answer as output items, and the events that tell of each.

One item for each part: a message with one content part (text or refusal), a reasoning
item with one summary, or a function call. An item is told of by its opening events, a
delta for each piece, and its closing events; where each of them points (item, place in
the output, place in the item) is the same in all.
Must not know the response around the items, sequence numbers or framing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ...content import Kind
from ...dice import HEX

if TYPE_CHECKING:
    from ...content import Part
    from ...dice import Dice

__all__ = ["Event", "Item"]

Event: TypeAlias = tuple[str, dict[str, object]]

_PREFIXES: Final = {
    Kind.TEXT: "msg_",
    Kind.REFUSAL: "msg_",
    Kind.THINKING: "rs_",
    Kind.TOOL: "fc_",
}
# kind -> (name of its delta and done events, field of the whole in the done event)
_SAID: Final = {
    Kind.TEXT: ("response.output_text", "text"),
    Kind.REFUSAL: ("response.refusal", "refusal"),
    Kind.THINKING: ("response.reasoning_summary_text", "text"),
    Kind.TOOL: ("response.function_call_arguments", "arguments"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One part at its place in the output of a response."""

    part: Part
    output_index: int
    id: str
    call_id: str

    @classmethod
    def of(cls, part: Part, *, output_index: int, dice: Dice) -> Item:
        """Give a part its ids."""
        return cls(
            part=part,
            output_index=output_index,
            id=_PREFIXES[part.kind] + dice.text(HEX, f"item {part.index}", 50),
            call_id="call_" + dice.text(HEX, f"call {part.index}", 24),
        )

    @property
    def delta_type(self) -> str:
        """Return the type of the events that bring its pieces."""
        return f"{_SAID[self.part.kind][0]}.delta"

    def place(self) -> dict[str, object]:
        """Return where the events of its pieces point."""
        place: dict[str, object] = {
            "item_id": self.id,
            "output_index": self.output_index,
        }
        if self.part.kind is Kind.THINKING:
            place["summary_index"] = 0
        elif self.part.kind is not Kind.TOOL:
            place["content_index"] = 0
        return place

    def opening(self) -> list[Event]:
        """Return the events before its first piece."""
        events = [self._item_event("added", self.render("in_progress", said=None))]
        return events + self._part_events("added", "")

    def closing(self, status: str) -> list[Event]:
        """Return the events behind its last piece."""
        name, field = _SAID[self.part.kind]
        done = {**self.place(), field: self.part.text}
        if self.part.kind is Kind.TEXT:
            done["logprobs"] = []
        return [
            (f"{name}.done", done),
            *self._part_events("done", self.part.text),
            self._item_event("done", self.render(status, said=self.part.text)),
        ]

    def render(self, status: str, *, said: str | None) -> dict[str, object]:
        """Return the item; with `said` None as it is before anything is said."""
        part = self.part
        if part.kind is Kind.THINKING:
            summary = [] if said is None else [self._content(said)]
            return {"id": self.id, "type": "reasoning", "summary": summary}
        if part.kind is Kind.TOOL:
            return {
                "id": self.id,
                "type": "function_call",
                "status": status,
                "arguments": said or "",
                "call_id": self.call_id,
                "name": part.name,
            }
        return {
            "id": self.id,
            "type": "message",
            "status": status,
            "content": [] if said is None else [self._content(said)],
            "role": "assistant",
        }

    def _content(self, said: str) -> dict[str, object]:
        if self.part.kind is Kind.THINKING:
            return {"type": "summary_text", "text": said}
        if self.part.kind is Kind.REFUSAL:
            return {"type": "refusal", "refusal": said}
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": said}

    def _item_event(self, what: str, item: dict[str, object]) -> Event:
        event = {"output_index": self.output_index, "item": item}
        return f"response.output_item.{what}", event

    def _part_events(self, what: str, said: str) -> list[Event]:
        if self.part.kind is Kind.TOOL:
            return []
        name = (
            "reasoning_summary_part"
            if self.part.kind is Kind.THINKING
            else "content_part"
        )
        event = {**self.place(), "part": self._content(said)}
        return [(f"response.{name}.{what}", event)]
