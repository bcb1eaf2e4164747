"""The database: transactions, and what it says when it cannot."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.reference_server.store.postgresql import PostgreSQL

from streamproof.reference_server.refusals import SettingsError
from streamproof.reference_server.store.database import Database, StoreError


async def count(database: Database) -> int:
    async with database.begin() as connection:
        found = (await connection.execute(text("SELECT count(*) FROM n"))).scalar()
        assert isinstance(found, int)
        return found


async def insert(connection: AsyncConnection, number: int) -> None:
    await connection.execute(text("INSERT INTO n VALUES (:n)"), {"n": number})


async def fill(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE n (n INTEGER PRIMARY KEY)"))
        await insert(connection, 1)


async def test_a_transaction_is_kept(empty_database: Database) -> None:
    await fill(empty_database)

    assert await count(empty_database) == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
async def test_what_is_left_by_an_exception_is_not_kept(
    empty_database: Database, error: type[BaseException]
) -> None:
    await fill(empty_database)

    with pytest.raises(error):  # noqa: PT012 -- raised in the middle
        async with empty_database.begin() as connection:
            await insert(connection, 2)
            raise error

    assert await count(empty_database) == 1


async def test_transactions_at_the_same_time_are_apart(
    empty_database: Database,
) -> None:
    await fill(empty_database)

    async def add(number: int) -> None:
        async with empty_database.begin() as connection:
            await insert(connection, number)
            await asyncio.sleep(0)
            if number % 2:
                raise ZeroDivisionError

    results = await asyncio.gather(*map(add, range(2, 12)), return_exceptions=True)

    assert await count(empty_database) == 6
    assert results.count(None) == 5


async def test_memory_outlives_a_transaction() -> None:
    database = Database("sqlite://")
    await fill(database)

    assert await count(database) == 1
    await database.close()


async def test_a_failure_is_one_line_with_neither_statement_nor_values(
    empty_database: Database,
) -> None:
    await fill(empty_database)

    with pytest.raises(StoreError) as failed:
        async with empty_database.begin() as connection:
            await insert(connection, 1)

    message = str(failed.value)
    assert message.startswith(f"{empty_database}: ")
    assert "unique" in message.lower()
    assert "\n" not in message
    assert "INSERT" not in message


async def test_a_folder_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'kept.db'}")

    with pytest.raises(StoreError, match="unable to open database file"):
        await count(database)
    await database.close()


async def test_another_file_is_a_failure_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "letter"
    file.write_text("Dear Ada, this is a letter. " * 90)
    database = Database(f"sqlite:///{file}")

    with pytest.raises(StoreError, match="letter: file is not a database"):
        await count(database)
    await database.close()
    assert file.read_text().startswith("Dear Ada")


async def test_a_database_that_was_away_is_found_again(postgresql: PostgreSQL) -> None:
    database = Database(postgresql.create("away"))
    await fill(database)

    postgresql.stop()
    with pytest.raises(StoreError, match="away: "):
        await count(database)
    postgresql.start()

    assert await count(database) == 1
    await database.close()
    postgresql.drop("away")


@pytest.mark.parametrize(
    ("url", "got"),
    [
        ("mysql://ada:sesame@host/kept", "mysql:"),
        ("sqlite+pysqlite:///x", r"sqlite\+pysqlite:"),
        ("kept.db", "something that is no URL"),
        ("postgresql://ada@host:port/kept", "something that is no URL"),
        ("", "something that is no URL"),
    ],
)
def test_another_url_is_refused_without_its_secrets(url: str, got: str) -> None:
    with pytest.raises(SettingsError, match=f"^database_url: .*, got {got}$") as failed:
        Database(url)

    assert "sesame" not in str(failed.value)
