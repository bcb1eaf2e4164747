"""LangGraph's checkpointer: the state of each thread that is at work, in memory.

A thread is opened with what was kept of it and closed with what is to be kept, so that
the store is asked once at the start of a run and once at its end, together with all
else that there is to keep. Of a thread there is its latest checkpoint, and what a step
wrote before it failed is none: nothing is resumed or rewound here. What is kept is
JSON; LangGraph's own format can make objects of any class.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)


class Saved(TypedDict):
    """A checkpoint, as it is kept."""

    checkpoint: Checkpoint
    metadata: CheckpointMetadata


class Threads(BaseCheckpointSaver[int]):
    """The threads that are open."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[str, Saved | None] = {}

    def __contains__(self, thread: str) -> bool:
        return thread in self._open

    def open(self, thread: str, saved: Saved | None) -> None:
        """Let a thread go on from what was kept of it, None for nothing."""
        self._open[thread] = saved

    def close(self, thread: str) -> Saved | None:
        """Return what is to be kept of a thread; later checkpoints of it are lost."""
        return self._open.pop(thread, None)

    def values(self, thread: str) -> Mapping[str, Any]:
        """Return the state of a thread as it was last written."""
        return values_in(self._open.get(thread))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the latest checkpoint of a thread."""
        thread = _thread_in(config)
        saved = self._open.get(thread)
        if saved is None:
            return None
        return CheckpointTuple(
            config=_config(thread, saved["checkpoint"]),
            checkpoint=saved["checkpoint"],
            metadata=saved["metadata"],
        )

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002 -- all channels are kept together
    ) -> RunnableConfig:
        """Keep a checkpoint in place of the one before."""
        thread = _thread_in(config)
        if thread in self._open:
            self._open[thread] = Saved(checkpoint=checkpoint, metadata=metadata)
        return _config(thread, checkpoint)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep nothing of a step that has not ended: it will not be gone on with."""


def values_in(saved: Saved | None) -> Mapping[str, Any]:
    """Return the state in a checkpoint."""
    return {} if saved is None else saved["checkpoint"]["channel_values"]


def _thread_in(config: RunnableConfig) -> str:
    thread: str = config["configurable"]["thread_id"]
    return thread


def _config(thread: str, checkpoint: Checkpoint) -> RunnableConfig:
    return RunnableConfig(
        configurable={
            "thread_id": thread,
            "checkpoint_ns": "",
            "checkpoint_id": checkpoint["id"],
        }
    )
