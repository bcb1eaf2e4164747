"""Contestants take turns, and one that fails stops no other."""

from streamproof.loadtests.benchmarks.contest import Case, ContestError
from streamproof.loadtests.benchmarks.contestants import Contestant
from streamproof.loadtests.benchmarks.fakes import FLOOD
from streamproof.loadtests.benchmarks.turns import measure


def contestant(name: str) -> Contestant:
    return Contestant(name=name, version="1", command=lambda *_: [])


def test_contestants_take_turns_and_one_that_fails_is_left_out_from_then_on() -> None:
    ran: list[str] = []

    def run(who: Contestant, case: Case) -> dict[str, float]:
        ran.append(who.name)
        if ran == ["a", "b", "a", "b"]:
            raise ContestError("gave up")
        return {"order": len(ran)}

    both = [contestant("a"), contestant("b")]
    a, b = measure(both, FLOOD, 3, run=run, say=lambda _: None)

    assert ran == ["a", "b", "a", "b", "a"]
    assert (a.rounds, a.failure) == ([{"order": 1}, {"order": 3}, {"order": 5}], None)
    assert (b.rounds, b.failure) == ([{"order": 2}], "gave up")
