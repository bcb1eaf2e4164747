"""`performance.engine`: plans played on virtual time and a virtual connection."""

from __future__ import annotations

import json

import pytest
from tests.fakes.stage import THREE, Stage

from streamproof.fakes.content import Omission
from streamproof.fakes.net.link import Peer
from streamproof.fakes.performance.engine import SLICE
from streamproof.fakes.script import (
    Delay,
    Drop,
    Fail,
    Garble,
    Garbling,
    Hold,
    InStreamError,
    Omit,
    Page,
    Queue,
    Say,
    Script,
    Stall,
    Tool,
    Truncate,
    Wire,
)


def test_an_answer_without_delays_is_over_at_once() -> None:
    stage = Stage(Script(say=THREE)).start()

    assert stage.names == [
        "accepted",
        "headers_sent",
        "token_generated:1",
        "token_generated:2",
        "token_generated:3",
        "token_sent:1",
        "token_sent:2",
        "token_sent:3",
        "terminator_sent",
        "ended",
    ]
    assert stage.record["outcome"] == "completed"
    assert stage.record["status"] == 200
    assert stage.link.finished is True
    assert stage.link.data.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert stage.timers.pending == 0


def test_headers_and_role_leave_before_the_first_token() -> None:
    stage = Stage(Script(say=THREE, delay=Delay(first_ms=100, each_ms=20))).start()

    assert stage.names == ["accepted", "headers_sent"]
    assert b'"role":"assistant"' in stage.link.data
    stage.timers.advance(99.9)
    assert stage.names == ["accepted", "headers_sent"]
    stage.timers.advance(0.1)
    assert stage.names[2:] == ["token_generated:1", "token_sent:1"]


def test_the_schedule_does_not_drift_when_every_timer_is_late() -> None:
    script = Script(say=(Say(tokens=50),), delay=Delay(first_ms=10, each_ms=20))
    stage = Stage(script).start()
    stage.timers.advance(5000, late_ms=7)
    expected = [10 + 20 * n + 7 for n in range(50)]

    assert stage.times_ms("token_sent") == pytest.approx(expected)


def test_a_stall_is_silence_of_that_length() -> None:
    script = Script(
        say=THREE, delay=Delay(each_ms=10), stall=(Stall(after=2, ms=40_000),)
    )
    stage = Stage(script).start()
    stage.timers.advance(60_000)

    assert stage.times_ms("token_sent") == pytest.approx([0, 10, 40_020])


def test_a_stall_without_end_lasts_until_the_peer_leaves() -> None:
    stage = Stage(Script(say=THREE, stall=(Stall(after=1),))).start()
    stage.timers.advance(3_600_000)
    assert stage.names[-1] == "token_sent:1"
    stage.performance.peer_left(Peer.FIN)

    assert stage.names[-2:] == ["peer_gone", "ended"]
    assert stage.record["outcome"] == "cancelled_midstream"


def test_a_gate_holds_until_released_and_moves_the_schedule() -> None:
    script = Script(
        say=THREE, delay=Delay(each_ms=10), hold=(Hold(at="token", after=1),)
    )
    stage = Stage(script).start()
    stage.timers.advance(1000)
    assert stage.names[-2:] == ["token_sent:1", "held"]
    assert stage.gates.release(None) == 1
    stage.timers.advance(1000)

    assert stage.times_ms("held") == [0]
    assert stage.times_ms("released") == [1000]
    assert stage.times_ms("token_sent") == pytest.approx([0, 1010, 1020])
    assert stage.record["outcome"] == "completed"


def test_an_open_gate_is_passed_without_a_trace() -> None:
    stage = Stage(Script(say=THREE, hold=(Hold(at="headers"),)))
    stage.gates.release(1)
    stage.start()

    assert "held" not in stage.names
    assert stage.record["outcome"] == "completed"


@pytest.mark.parametrize(
    ("hold", "outcome"),
    [
        (Hold(at="headers"), "cancelled_before_headers"),
        (Hold(at="token", after=0), "cancelled_before_first_token"),
        (Hold(at="token", after=1), "cancelled_midstream"),
        (Hold(at="end"), "cancelled_midstream"),
        (Hold(at="body_end"), "closed_after_terminal"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.at,
)
@pytest.mark.parametrize("peer", list(Peer))
def test_leaving_at_a_gate_ends_in_the_outcome_of_its_phase(
    hold: Hold, outcome: str, peer: Peer
) -> None:
    stage = Stage(Script(say=THREE, hold=(hold,))).start()
    stage.performance.peer_left(peer)
    released = stage.gates.release(None)
    stage.timers.advance(1000)

    assert (stage.record["outcome"], stage.record["peer"]) == (outcome, peer)
    assert released == 0
    assert stage.record["tokens"]["after_peer_gone"] == 0
    assert stage.names[-2:] == ["peer_gone", "ended"]


def test_a_peer_that_leaves_between_tokens_stops_the_model() -> None:
    script = Script(say=(Say(tokens=100),), delay=Delay(each_ms=10))
    stage = Stage(script).start()
    stage.timers.advance(95)
    stage.performance.peer_left(Peer.RST)
    stage.timers.advance(5000)

    assert stage.record["tokens"] == {
        "generated": 10,
        "sent": 10,
        "after_peer_gone": 0,
    }
    assert stage.timers.pending == 0


def test_a_peer_that_leaves_after_the_end_changes_nothing() -> None:
    stage = Stage(Script(say=THREE)).start()
    stage.performance.peer_left(Peer.FIN)
    stage.performance.shut_down()

    assert stage.record["outcome"] == "completed"
    assert stage.record["peer"] is None


def test_a_shutdown_ends_the_record() -> None:
    stage = Stage(Script(say=THREE, stall=(Stall(after=1),))).start()
    stage.performance.shut_down()

    assert stage.record["outcome"] == "shutdown"
    assert stage.names[-1] == "ended"


def test_long_answers_let_the_event_loop_have_its_turn() -> None:
    stage = Stage(Script(say=(Say(tokens=1000),))).start()

    assert stage.call.generated < SLICE
    assert stage.timers.pending == 1
    stage.timers.advance(0)
    assert stage.record["outcome"] == "completed"


def test_a_full_link_stops_the_model_until_it_drains() -> None:
    stage = Stage(Script(say=(Say(tokens=10),), delay=Delay(each_ms=10)))
    stage.link.fills_on_write = True
    stage.start()
    stage.timers.advance(1000)
    assert stage.names == ["accepted"]

    stage.link.is_full = stage.link.fills_on_write = False
    stage.performance.writable()
    stage.timers.advance(1000)

    assert stage.names[1] == "headers_sent"
    assert stage.times_ms("headers_sent") == [1000]
    assert stage.record["tokens"]["sent"] == 10


def test_a_peer_that_leaves_while_the_link_is_full_has_not_got_the_tokens() -> None:
    stage = Stage(Script(say=THREE, delay=Delay(first_ms=10))).start()
    stage.link.fills_on_write = True
    stage.timers.advance(10)
    stage.performance.peer_left(Peer.RST)
    stage.performance.writable()

    assert stage.record["tokens"]["sent"] == 0
    assert stage.record["outcome"] == "cancelled_before_first_token"


def test_a_write_that_breaks_the_link_stops_the_model() -> None:
    script = Script(say=(Say(tokens=9),), delay=Delay(first_ms=10, each_ms=10))
    stage = Stage(script).start()
    stage.link.breaks_on_write = True
    stage.timers.advance(1000)
    stage.performance.peer_left(Peer.WRITE_ERROR)

    assert stage.record["tokens"]["generated"] == 1
    assert stage.record["peer"] == "write_error"


def test_the_record_is_committed_before_the_last_byte_is_written() -> None:
    stage = Stage(Script(say=THREE))
    seen: list[tuple[bytes, str | None]] = []
    write = stage.link.write

    def watch(data: bytes) -> None:
        seen.append((data, stage.call.outcome))
        write(data)

    stage.link.write = watch  # type: ignore[method-assign]  # to look at the moment
    stage.start()

    assert seen[-1] == (b"0\r\n\r\n", "completed")
    assert seen[-2][0].endswith(b"data: [DONE]\n\n\r\n")
    assert seen[-2][1] is None


@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_is_an_http_error(*, stream: bool) -> None:
    stage = Stage(Script(fail=Fail(status=503, retry_after_s=2)), stream=stream).start()

    assert stage.link.data.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"retry-after: 2\r\n" in stage.link.data
    assert stage.names == ["accepted", "headers_sent", "ended"]
    assert (stage.record["outcome"], stage.record["fault"]) == ("faulted", "fail")
    assert stage.record["status"] == 503
    assert stage.link.finished is True


def test_an_error_in_the_stream_ends_as_the_provider_ends_it() -> None:
    stage = Stage(
        Script(say=THREE, error=InStreamError(after=1, message="broke"))
    ).start()

    assert b'"message":"broke"' in stage.link.data
    assert stage.link.data.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert stage.names[-3:] == ["token_sent:1", "terminator_sent", "ended"]
    assert (stage.record["outcome"], stage.record["fault"]) == ("faulted", "error")


def test_a_truncated_stream_ends_cleanly_and_says_nothing_more() -> None:
    stage = Stage(Script(say=THREE, truncate=Truncate(after=2))).start()

    assert stage.link.data.endswith(b"\r\n0\r\n\r\n")
    assert b"[DONE]" not in stage.link.data
    assert b'"finish_reason":"stop"' not in stage.link.data
    assert (stage.record["outcome"], stage.record["fault"]) == ("faulted", "truncate")
    assert stage.record["tokens"]["sent"] == 2


def test_a_drop_with_fin_comes_after_the_tokens_left() -> None:
    stage = Stage(Script(say=THREE, drop=Drop(after=2))).start()

    assert stage.link.how == "fin"
    assert stage.record["tokens"]["sent"] == 2
    assert (stage.record["outcome"], stage.record["fault"]) == ("faulted", "drop")
    assert not stage.link.data.endswith(b"0\r\n\r\n")


def test_a_drop_with_reset_waits_until_the_tokens_are_delivered() -> None:
    stage = Stage(Script(say=THREE, drop=Drop(after=2, how="rst"))).start()
    assert stage.link.how is None
    assert stage.link.on_delivery is not None
    stage.link.on_delivery()

    assert stage.link.how == "rst"
    assert stage.record["outcome"] == "faulted"


def test_a_peer_that_leaves_before_the_reset_was_there_first() -> None:
    stage = Stage(Script(say=THREE, drop=Drop(after=2, how="rst"))).start()
    stage.performance.peer_left(Peer.FIN)
    assert stage.link.on_delivery is not None
    stage.link.on_delivery()

    assert stage.link.how is None
    assert stage.record["outcome"] == "cancelled_midstream"


def test_a_whole_answer_keeps_the_schedule_and_leaves_at_the_end() -> None:
    script = Script(say=THREE, delay=Delay(first_ms=100, each_ms=20))
    stage = Stage(script, stream=False).start()
    stage.timers.advance(130)
    assert stage.link.writes == []
    assert stage.names == ["accepted", "token_generated:1", "token_generated:2"]
    stage.timers.advance(10)

    assert stage.times_ms("token_generated") == pytest.approx([100, 120, 140])
    assert stage.names[-6:] == [
        "headers_sent",
        "token_sent:1",
        "token_sent:2",
        "token_sent:3",
        "terminator_sent",
        "ended",
    ]
    assert stage.link.data.count(b"\r\n\r\n") == 1
    body = json.loads(stage.link.data.partition(b"\r\n\r\n")[2])
    assert body["choices"][0]["message"]["content"] == "a b c"


def test_leaving_while_a_whole_answer_is_made_is_leaving_before_headers() -> None:
    script = Script(say=THREE, delay=Delay(first_ms=100, each_ms=20))
    stage = Stage(script, stream=False).start()
    stage.timers.advance(130)
    stage.performance.peer_left(Peer.FIN)
    stage.timers.advance(1000)

    assert stage.record["outcome"] == "cancelled_before_headers"
    assert stage.record["tokens"] == {"generated": 2, "sent": 0, "after_peer_gone": 0}


def test_an_error_in_a_whole_answer_is_a_500() -> None:
    script = Script(say=THREE, error=InStreamError(after=1))
    stage = Stage(script, stream=False).start()

    assert stage.link.data.startswith(b"HTTP/1.1 500 ")
    assert stage.record["status"] == 500
    assert stage.record["fault"] == "error"


def test_a_truncated_whole_answer_has_the_length_it_says() -> None:
    stage = Stage(Script(say=THREE, truncate=Truncate(after=2)), stream=False).start()
    head, _, body = stage.link.data.partition(b"\r\n\r\n")

    assert b"content-length: %d\r\n" % len(body) in head
    assert body.endswith(b'"content":"a b ')
    assert stage.record["fault"] == "truncate"


def test_a_drop_of_a_whole_answer_leaves_no_byte() -> None:
    stage = Stage(Script(say=THREE, drop=Drop(after=1)), stream=False).start()

    assert stage.link.data == b""
    assert stage.link.how == "fin"
    assert stage.record["tokens"] == {"generated": 1, "sent": 0, "after_peer_gone": 0}


def test_a_drop_inside_a_frame_comes_after_its_first_bytes() -> None:
    whole = Stage(Script(say=THREE)).start()
    stage = Stage(Script(say=THREE, drop=Drop(after=2, bytes=20))).start()
    frame = stage.link.data.rpartition(b"\r\n14\r\n")[2]

    assert stage.link.how == "fin"
    assert frame == b'data: {"id":"chatcmp\r\n'
    assert whole.link.data.startswith(stage.link.data.rpartition(b"14\r\n")[0])
    assert stage.record["tokens"] == {"generated": 2, "sent": 2, "after_peer_gone": 0}


def test_a_drop_behind_the_last_token_cuts_what_closes_the_answer() -> None:
    stage = Stage(Script(say=THREE, drop=Drop(after=3, bytes=9))).start()

    assert stage.link.data.endswith(b'\r\n9\r\ndata: {"i\r\n')
    assert stage.record["fault"] == "drop"


def test_a_drop_of_more_than_there_is_takes_all_of_it() -> None:
    stage = Stage(Script(say=THREE, drop=Drop(after=3, bytes=1_000_000))).start()

    assert stage.link.data.endswith(b"data: [DONE]\n\n\r\n")
    assert "terminator_sent" not in stage.names


def test_a_truncated_body_can_end_inside_a_frame() -> None:
    stage = Stage(Script(say=THREE, truncate=Truncate(after=1, bytes=7))).start()

    assert stage.link.data.endswith(b"\r\n7\r\ndata: {\r\n0\r\n\r\n")
    assert stage.record["fault"] == "truncate"
    assert stage.record["tokens"]["sent"] == 1


@pytest.mark.parametrize("how", ["fin", "half_close"])
def test_a_cut_waits_for_what_the_kernel_has_not_taken(how: str) -> None:
    script = Script.model_validate(
        {"say": THREE, "drop": {"after": 2, "bytes": 5, "how": how}}
    )
    stage = Stage(script)
    stage.link.fills_on_write = True
    stage.start()
    assert stage.link.how is None
    for _ in range(2):
        stage.link.is_full = stage.link.fills_on_write = False
        stage.performance.writable()

    assert stage.link.how == how
    assert stage.link.data.endswith(b"\r\ndata:\r\n")


def test_tokens_that_are_kept_back_leave_before_a_cut() -> None:
    script = Script(say=THREE, wire=Wire(coalesce=9), drop=Drop(after=2))
    stage = Stage(script).start()

    assert stage.record["tokens"]["sent"] == 2
    assert b'"content":"b "' in stage.link.data


def test_a_page_is_none_of_the_services_answers() -> None:
    page = Page(status=502, type="text/plain", text="bad gateway")
    stage = Stage(Script(page=page)).start()

    assert stage.link.data.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert stage.link.data.endswith(b"\r\n\r\nbad gateway")
    assert stage.names == ["accepted", "headers_sent", "ended"]
    assert (stage.record["outcome"], stage.record["fault"]) == ("faulted", "page")
    assert stage.record["status"] == 502


@pytest.mark.parametrize("stream", [True, False])
def test_a_wrong_frame_is_a_fault_of_a_call_that_goes_on(*, stream: bool) -> None:
    garble = (Garble(at=2, how=Garbling.BAD_JSON),)
    stage = Stage(Script(say=THREE, garble=garble), stream=stream).start()

    assert stage.names[-2:] == ["terminator_sent", "ended"]
    assert (stage.record["outcome"], stage.record["fault"]) == ("faulted", "garble")
    assert stage.record["tokens"]["sent"] == 3
    assert stage.link.finished is True


def test_a_call_that_ends_before_its_wrong_frame_has_the_fault_it_ended_in() -> None:
    garble = (Garble(at=3, how=Garbling.EMPTY),)
    stage = Stage(Script(say=THREE, garble=garble, drop=Drop(after=1))).start()

    assert stage.record["fault"] == "drop"


def test_an_answer_without_its_terminator_ends_with_the_body() -> None:
    omit = (Omit(what=Omission.TERMINATOR),)
    stage = Stage(Script(say=THREE, omit=omit)).start()

    assert b"[DONE]" not in stage.link.data
    assert b'"finish_reason":"stop"' in stage.link.data
    assert stage.link.data.endswith(b"\r\n0\r\n\r\n")
    assert "terminator_sent" not in stage.names
    assert (stage.record["outcome"], stage.record["fault"]) == ("faulted", "omit")


def test_arguments_that_are_not_kept_are_not_said() -> None:
    tool = Tool(name="f", arguments='{"city":"Rome"}', keep=9)
    stage = Stage(Script(say=(tool,)), stream=False).start()
    body = json.loads(stage.link.data.partition(b"\r\n\r\n")[2])
    (call,) = body["choices"][0]["message"]["tool_calls"]

    assert call["function"]["arguments"] == '{"city":"'
    assert stage.record["outcome"] == "completed"


def test_calls_stand_in_line_for_a_slot() -> None:
    script = Script(say=THREE, delay=Delay(each_ms=10), queue=Queue(slots=1))
    first = Stage(script).start()
    second, third = (Stage(script, beside=first).start() for _ in range(2))
    assert first.names[:2] == ["accepted", "admitted"]
    assert second.names == third.names == ["accepted", "queued"]
    first.timers.advance(1000)

    assert [call.times_ms("admitted") for call in (first, second, third)] == [
        [0],
        [20],
        [40],
    ]
    assert third.times_ms("token_sent") == pytest.approx([40, 50, 60])
    assert len(first.queues) == 0


@pytest.mark.parametrize(
    "ending",
    [
        {"fail": {"status": 503}},
        {"page": {}},
        {"drop": {"after": 1}},
        {"truncate": {"after": 1}},
        {"error": {"after": 1}},
        {"omit": ({"what": "terminator"},)},
    ],
    ids=lambda ending: next(iter(ending)),
)
def test_a_slot_is_free_again_however_the_call_ends(ending: dict[str, object]) -> None:
    queue = {"slots": 1}
    first = Stage(Script.model_validate({"queue": queue, **ending})).start()
    second = Stage(Script(queue=Queue(slots=1)), beside=first).start()

    assert first.record["fault"] == next(iter(ending))
    assert second.record["outcome"] == "completed"


@pytest.mark.parametrize("is_shut_down", [True, False])
def test_a_slot_is_free_again_when_a_call_is_stopped(*, is_shut_down: bool) -> None:
    queue = Queue(slots=1)
    first = Stage(Script(queue=queue, stall=(Stall(after=1),))).start()
    second = Stage(Script(queue=queue), beside=first).start()
    third = Stage(Script(queue=queue), beside=first).start()
    for call in (second, first):
        if is_shut_down:
            call.performance.shut_down()
        else:
            call.performance.peer_left(Peer.FIN)
    first.timers.advance(0)

    assert second.record["outcome"] != "completed"
    assert "admitted" not in second.names
    assert third.record["outcome"] == "completed"


def test_a_call_that_waits_in_line_may_be_left() -> None:
    queue = Queue(slots=1)
    first = Stage(Script(queue=queue, stall=(Stall(after=1),))).start()
    second = Stage(Script(queue=queue), beside=first).start()
    second.timers.advance(500)
    second.performance.peer_left(Peer.RST)

    assert second.record["outcome"] == "cancelled_before_headers"
    assert second.names == ["accepted", "queued", "peer_gone", "ended"]


def test_a_gate_before_the_headers_stands_behind_the_line() -> None:
    script = Script(say=THREE, queue=Queue(slots=1), hold=(Hold(at="headers"),))
    first = Stage(script).start()
    second = Stage(script, beside=first).start()
    first.gates.release(1)
    first.timers.advance(1000)

    assert first.names[:4] == ["accepted", "admitted", "held", "released"]
    assert second.names == ["accepted", "queued", "admitted", "held"]
