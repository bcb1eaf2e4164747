"""The nodes of a chapter: what the protocol calls them, what a reader is told.

Data only.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node; the workflow is the one that holds the others."""

    name: str
    description: str


WORKFLOW = Node(name="workflow", description="The chapter is ready")
GENERATE = Node(name="generate_content", description="Writing the chapter")
CHECK = Node(name="safety_check", description="Checking that it is fit for children")
MEASURE = Node(name="calculate_metrics", description="Measuring the chapter")
