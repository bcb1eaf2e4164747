"""The six stages of a generation: order, progress, what is said, usual duration.

Data only.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage.

    Attributes:
        name: what the protocol calls it.
        progress: percent on entering it.
        message: what a clinician reads.
        default_ms: how long it takes, until enough were timed.
    """

    name: str
    progress: int
    message: str
    default_ms: float


STARTED = Stage(
    name="started",
    progress=5,
    message="Request accepted",
    default_ms=50,
)
FETCHING = Stage(
    name="fetching-exercises",
    progress=15,
    message="Looking for exercises that fit",
    default_ms=100,
)
GENERATING = Stage(
    name="generating",
    progress=40,
    message="Writing the programme",
    default_ms=20_000,
)
VALIDATING = Stage(
    name="validating",
    progress=70,
    message="Checking the programme",
    default_ms=20,
)
STORING = Stage(
    name="storing",
    progress=85,
    message="Storing the timings",
    default_ms=50,
)
COMPLETE = Stage(
    name="complete",
    progress=100,
    message="The programme is ready",
    default_ms=0,
)
STAGES = (STARTED, FETCHING, GENERATING, VALIDATING, STORING, COMPLETE)
