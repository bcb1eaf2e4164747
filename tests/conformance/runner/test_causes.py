"""A task group's wrapping never hides what went wrong."""

from streamproof.conformance.runner.causes import cause_of


def test_the_first_exception_of_nested_groups_is_the_cause() -> None:
    first = RuntimeError("first")
    group = ExceptionGroup("a", [ExceptionGroup("b", [first]), RuntimeError("second")])

    assert cause_of(group) is first


def test_a_plain_exception_is_its_own_cause() -> None:
    problem = RuntimeError()

    assert cause_of(problem) is problem
