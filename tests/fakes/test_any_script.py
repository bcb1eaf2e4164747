"""`performance.engine`: whatever script and peer do, a call ends and is clean."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.stage import Stage

from streamproof.fakes.net.link import Peer
from streamproof.fakes.script import Script

places = st.integers(0, 4)
ms = st.sampled_from([0, 1, 7, 20, 90])
ENDINGS: dict[str, st.SearchStrategy[object]] = {
    "fail": st.just({"status": 500}),
    "page": st.just({}),
    "error": st.fixed_dictionaries({"after": places}),
    "drop": st.fixed_dictionaries(
        {
            "after": places,
            "bytes": st.integers(0, 90),
            "how": st.sampled_from(["fin", "rst", "half_close"]),
        }
    ),
    "truncate": st.fixed_dictionaries({"after": places, "bytes": st.integers(0, 90)}),
}
endings = st.sampled_from(sorted(ENDINGS)).flatmap(
    lambda word: st.fixed_dictionaries({word: ENDINGS[word]})
)
holds = st.sampled_from(
    [
        {"at": "headers"},
        {"at": "token", "after": 0},
        {"at": "token", "after": 2},
        {"at": "end"},
        {"at": "body_end"},
    ]
)
words = st.fixed_dictionaries(
    {"say": st.just(({"tokens": 4},))},
    optional={
        "delay": st.fixed_dictionaries(
            {"first_ms": ms, "each_ms": ms, "jitter_ms": ms, "burst": st.integers(1, 5)}
        ),
        "stall": st.lists(
            st.fixed_dictionaries({"after": places}, optional={"ms": ms}), max_size=2
        ),
        "hold": st.lists(holds, max_size=3),
        "keepalive": st.just({"each_ms": 6}),
        "queue": st.just({"slots": 1}),
        "linger": st.fixed_dictionaries({}, optional={"ms": ms}),
        "garble": st.just([{"at": 2, "how": "bad_json"}]),
        "omit": st.just([{"what": "terminator"}]),
        "wire": st.just({"coalesce": 3}),
    },
)
scripts = st.tuples(words, st.just({}) | endings).map(
    lambda both: Script.model_validate({**both[0], **both[1]}, strict=False)
)
# What happens to a call, and after how many ms.
happenings = st.lists(
    st.tuples(
        st.sampled_from(["fill", "drain", "break", "leave", "release", "deliver"]), ms
    ),
    max_size=8,
)


def happen(stage: Stage, what: str) -> None:
    link = stage.link
    if what == "fill":
        link.fills_on_write = True
    elif what == "drain":
        was_full, link.is_full, link.fills_on_write = link.is_full, False, False
        if was_full:
            stage.performance.writable()
    elif what == "break":
        link.breaks_on_write = True
    elif what == "release":
        stage.gates.release(None)
    elif what == "deliver" and link.on_delivery is not None:
        link.on_delivery()
    elif what == "leave":
        link.is_open = False
        stage.performance.peer_left(Peer.FIN)


@settings(max_examples=300, deadline=None)
@given(script=scripts, stream=st.booleans(), happenings=happenings)
def test_every_call_ends_and_leaves_nothing_behind(
    script: Script, *, stream: bool, happenings: list[tuple[str, float]]
) -> None:
    first = Stage(script, stream=stream).start()
    second = Stage(script, stream=stream, beside=first).start()
    for what, wait_ms in happenings:
        first.timers.advance(wait_ms)
        happen(first, what)
    for stage in (first, second):
        happen(stage, "drain")
        happen(stage, "release")
        stage.timers.advance(2000)
        happen(stage, "leave")
        stage.timers.advance(2000)

    for stage in (first, second):
        tokens, events = stage.record["tokens"], stage.record["events"]
        assert stage.record["outcome"] is not None
        assert stage.names.count("ended") == 1
        assert stage.names[-1] == "ended"
        assert 0 <= tokens["sent"] <= tokens["generated"] <= 4
        assert all(a["at"] <= b["at"] for a, b in pairwise(events))
        assert stage.names.count("held") >= stage.names.count("released")
        if script.linger is None:
            assert tokens["after_peer_gone"] == 0
    assert first.timers.pending == 0
    assert len(first.queues) == 0
    assert len(first.lingering) == 0
    assert not first.gates.is_holding
