"""A database of its own for each reference server.

Nothing of one server is there for the next one. They are copies of one that is made
once: Alembic has one context for a process, and mutants are started in threads.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from itertools import count
from pathlib import Path

from streamproof.reference_server.store.database import Database
from streamproof.reference_server.store.schema import prepare

_folder = tempfile.TemporaryDirectory(prefix="streamproof-")
_making = threading.Lock()
_numbers = count(1)


def make_database() -> str:
    """Return the URL of a new one."""
    folder = Path(_folder.name)
    with _making:
        original = folder / "empty.db"
        if not original.exists():
            asyncio.run(_make(original))
        copy = folder / f"{next(_numbers)}.db"
        shutil.copy(original, copy)
    return f"sqlite:///{copy}"


async def _make(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    await prepare(database)
    await database.close()
