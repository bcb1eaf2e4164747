"""An event loop whose time moves only when nothing is left to do.

Waiting costs nothing and a deadline is met to the microsecond, so tests of heartbeats,
graces and timeouts are exact and immediate. What SQLite does in its thread takes no
time at all: it is waited for.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike


_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")

# Real seconds.
_PATIENCE_S = 20


class _JumpingSelector(selectors.BaseSelector):
    """Instead of waiting for `timeout`, moves the clock on by it."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 0.0
        # Tasks that another thread works on.
        self.abroad = 0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(_PATIENCE_S if self.abroad and timeout != 0 else 0)
        if ready or timeout == 0:
            return ready
        if self.abroad:
            raise RuntimeError(f"expected SQLite's answer within {_PATIENCE_S} s")
        if timeout is None:
            raise RuntimeError("expected something to wait for, got a deadlock")
        self.now += timeout
        return ready

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: object = None
    ) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Event loop on virtual time; starts at 0 s."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[Unpack[_Arguments]], _T],
        *args: *_Arguments,
    ) -> asyncio.Future[_T]:
        """Let no time pass before a thread has done its work."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.abroad += 1
        future.add_done_callback(self._return)
        return future

    def _return(self, _future: asyncio.Future[Any]) -> None:
        self._jumping.abroad -= 1
