"""The fourteen nodes of the generation pipeline: order, task, usual duration.

Data only. What a node does with its task is in `graph`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step of the pipeline."""

    name: str
    # What the model is asked to do, as the system message of the node's call.
    task: str
    # Estimate until enough runs were timed (see `progress`).
    default_ms: int


NODES = (
    Node(
        name="intake",
        task="Restate the request: subject, audience, number and kind of items.",
        default_ms=1500,
    ),
    Node(
        name="objective-map",
        task="List the learning objectives that the items have to assess.",
        default_ms=2500,
    ),
    Node(
        name="source-retrieval",
        task="Name the guidelines and references that the items should rest on.",
        default_ms=2500,
    ),
    Node(
        name="blueprint",
        task="Plan the items: one line each with objective, setting and difficulty.",
        default_ms=3000,
    ),
    Node(
        name="vignette-gen",
        task="Write the clinical vignette of every planned item.",
        default_ms=6000,
    ),
    Node(
        name="stem-gen",
        task="Write the question stem that follows each vignette.",
        default_ms=3000,
    ),
    Node(
        name="answer-key-gen",
        task="Give the single best answer to every stem.",
        default_ms=2000,
    ),
    Node(
        name="distractor-gen",
        task="Write plausible wrong answers of the same form as the key.",
        default_ms=3000,
    ),
    Node(
        name="rationale-gen",
        task="Explain why the key is right and why each distractor is wrong.",
        default_ms=5000,
    ),
    Node(
        name="bias-check",
        task="Point out stereotypes and irrelevant demographic details.",
        default_ms=2000,
    ),
    Node(
        name="fact-check",
        task="Compare every clinical statement with the named references.",
        default_ms=3000,
    ),
    Node(
        name="difficulty-estimate",
        task="Estimate the difficulty of each item and say what drives it.",
        default_ms=2000,
    ),
    Node(
        name="format-check",
        task="Check grammar, option length and order against the item format.",
        default_ms=2000,
    ),
    Node(
        name="assemble",
        task="Assemble the corrected items into the final document.",
        default_ms=5000,
    ),
)
