"""`calls.queues`: who is let in, and who is next."""

from __future__ import annotations

from streamproof.fakes.calls.queues import Place, Queues


class Door:
    """Queues, and the names of those who were let in."""

    def __init__(self) -> None:
        self.queues = Queues()
        self.inside: list[str] = []

    def enter(self, name: str, *, slots: int = 1, model: str = "m") -> Place:
        place = self.queues.enter(model, slots, lambda: self.inside.append(name))
        if place.is_admitted:
            self.inside.append(name)
        return place


def test_calls_are_let_in_while_there_are_slots() -> None:
    door = Door()
    places = [door.enter(name, slots=2) for name in "abc"]

    assert door.inside == ["a", "b"]
    assert [place.is_admitted for place in places] == [True, True, False]


def test_who_came_first_goes_first() -> None:
    door = Door()
    places = [door.enter(name) for name in "abcd"]
    places[0].leave()
    assert door.inside == ["a", "b"]
    places[1].leave()

    assert door.inside == ["a", "b", "c"]


def test_who_leaves_the_line_is_not_let_in() -> None:
    door = Door()
    places = [door.enter(name) for name in "abc"]
    places[1].leave()
    places[1].leave()
    places[0].leave()

    assert door.inside == ["a", "c"]


def test_models_have_lines_of_their_own() -> None:
    door = Door()
    door.enter("a")
    door.enter("b", model="other")

    assert door.inside == ["a", "b"]


def test_nobody_overtakes_one_who_needs_more_room() -> None:
    door = Door()
    first = door.enter("a", slots=2)
    door.enter("b", slots=2)
    door.enter("alone", slots=1)
    door.enter("c", slots=3)
    first.leave()

    assert door.inside == ["a", "b"]


def test_one_who_leaves_lets_in_all_there_is_room_for() -> None:
    door = Door()
    alone = door.enter("a", slots=2)
    second = door.enter("b", slots=2)
    waits = door.enter("alone", slots=1)
    for name in "cd":
        door.enter(name, slots=2)
    second.leave()
    assert door.inside == ["a", "b"]
    waits.leave()

    assert door.inside == ["a", "b", "c"]
    alone.leave()
    assert door.inside == ["a", "b", "c", "d"]


def test_a_model_that_nobody_plays_is_forgotten() -> None:
    door = Door()
    places = [door.enter(name) for name in "ab"]
    assert len(door.queues) == 1
    for place in places:
        place.leave()
        place.leave()

    assert len(door.queues) == 0
    assert door.enter("c").is_admitted
