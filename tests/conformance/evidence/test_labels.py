"""Names of exchanges that a probe makes and a check finds."""

from streamproof.conformance.evidence.labels import (
    in_form,
    label_of,
    side_step,
    side_stream,
)


def test_the_first_of_several_has_the_plain_name() -> None:
    assert [label_of("cancel", form) for form in (0, 1)] == ["cancel", "cancel-2"]
    assert in_form("expired", "bearer", "bearer") == "expired"
    assert in_form("expired", "cookie", "bearer") == "expired-cookie"


def test_what_belongs_to_a_side_begins_with_its_name_and_a_dot() -> None:
    assert side_stream("notes") == "notes.stream"
    assert side_step("notes", 3) == "notes.03"
    assert side_step("notes", 12, "none") == "notes.12.none"
