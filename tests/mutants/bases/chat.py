"""The reference server with its dialect `chat`, each with a database of its own.

Nothing of one server is there for the next one. The databases are copies of one that is
made once: Alembic cannot make two at a time in one process.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from tests.mutants.bases.pipeline import PIPELINE
from tests.mutants.frames import kind

from streamproof.reference_server.store.database import Database
from streamproof.reference_server.store.schema import prepare

_folder = tempfile.TemporaryDirectory(prefix="streamproof-")
_making = threading.Lock()
_numbers = count(1)


def _settings(fakes_url: str) -> Mapping[str, object]:
    return {**PIPELINE.settings(fakes_url), "database_url": f"sqlite:///{_copy()}"}


def _copy() -> Path:
    folder = Path(_folder.name)
    with _making:
        original = folder / "empty.db"
        if not original.exists():
            asyncio.run(_make(original))
        copy = folder / f"{next(_numbers)}.db"
        shutil.copy(original, copy)
    return copy


async def _make(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    await prepare(database)
    await database.close()


CHAT = replace(
    PIPELINE,
    name="chat",
    profile="chat",
    settings=_settings,
    endpoint="/chat/stream",
    prompt="message",
    is_terminal=lambda frame: kind(frame) in ("done", "error"),
)
