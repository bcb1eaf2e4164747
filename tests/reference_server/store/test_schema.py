"""The schema: made, checked, brought up to date."""

import asyncio
import importlib
import pkgutil
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from streamproof.reference_server import store
from streamproof.reference_server.refusals import SettingsError
from streamproof.reference_server.store.database import Database, StoreError
from streamproof.reference_server.store.schema import (
    SchemaError,
    at_url,
    migrate,
    prepare,
)
from streamproof.reference_server.store.tables import metadata

HEAD = "0001"


async def tables(database: Database) -> set[str]:
    return await database.run(lambda c: set(inspect(c).get_table_names()))


async def set_revision(database: Database, revision: str) -> None:
    change = text("UPDATE alembic_version SET version_num = :revision")
    await database.execute(change, [{"revision": revision}])


async def test_migrations_make_the_tables_that_the_modules_name(
    database: Database,
) -> None:
    for module in pkgutil.iter_modules(store.__path__, f"{store.__name__}."):
        if not module.ispkg:
            importlib.import_module(module.name)

    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert await database.run(compare) == []


async def test_a_second_migration_does_nothing(database: Database) -> None:
    before = await tables(database)

    assert await migrate(database) == HEAD
    assert await tables(database) == before


async def test_a_database_that_is_up_to_date_is_left_alone(database: Database) -> None:
    await prepare(database)

    assert await migrate(database) == HEAD


async def test_a_start_makes_a_new_sqlite_file_and_no_postgresql(
    empty_database: Database,
) -> None:
    if empty_database.is_shared:
        with pytest.raises(SchemaError, match=r"got none; run streamproof-server mig"):
            await prepare(empty_database)
        assert await tables(empty_database) == set()
    else:
        await prepare(empty_database)
        assert "generation_metrics" in await tables(empty_database)


async def test_tables_of_another_program_are_not_touched(
    empty_database: Database,
) -> None:
    await empty_database.execute(text("CREATE TABLE theirs (id INTEGER)"))

    with pytest.raises(SchemaError, match=f"expected schema {HEAD}, got none"):
        await prepare(empty_database)

    assert await tables(empty_database) == {"theirs"}


async def test_a_newer_schema_is_refused(database: Database) -> None:
    await set_revision(database, "9999")

    for use in (prepare, migrate):
        with pytest.raises(SchemaError, match="got 9999, which a newer version"):
            await use(database)


async def test_the_message_shows_no_password() -> None:
    database = Database("postgresql://ada:sesame@127.0.0.1:1/kept")

    with pytest.raises(StoreError) as failed:
        await prepare(database)

    assert re.fullmatch(
        r"postgresql://ada:\*\*\*@127\.0\.0\.1:1/kept: .*refused.*|"
        r"postgresql://ada:\*\*\*@127\.0\.0\.1:1/kept: .*Connect call failed.*",
        str(failed.value),
    )


def test_servers_of_several_threads_start_at_once(tmp_path: Path) -> None:
    def start(number: int) -> None:
        asyncio.run(at_url(f"sqlite:///{tmp_path / f'{number}.db'}", prepare))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(start, range(8))) == [None] * 8


async def test_servers_of_one_loop_start_at_once(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / f'{number}.db'}" for number in range(8)]

    await asyncio.gather(*(at_url(url, prepare) for url in urls))


async def test_a_command_line_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^database_url: sqlite:.*unable to open"):
        await at_url(f"sqlite:///{tmp_path}/missing/kept.db", prepare)
