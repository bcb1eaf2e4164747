"""The database: transactions, and what it says when it cannot."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from tests.reference_server.store.postgresql import PostgreSQL

from streamproof.reference_server.refusals import SettingsError
from streamproof.reference_server.store.database import Database, StoreError

INSERT = text("INSERT INTO n VALUES (:n)")


async def count(database: Database) -> int:
    done = await database.execute(text("SELECT count(*) FROM n"))
    found = done.rows[0][0]
    assert isinstance(found, int)
    return found


async def insert(database: Database, number: int) -> None:
    await database.execute(INSERT, [{"n": number}])


async def fill(database: Database) -> None:
    await database.execute(text("CREATE TABLE n (n INTEGER PRIMARY KEY)"))
    await insert(database, 1)


async def test_a_statement_is_kept(empty_database: Database) -> None:
    await fill(empty_database)

    assert await count(empty_database) == 1


async def test_a_statement_tells_how_many_it_concerned(
    empty_database: Database,
) -> None:
    await fill(empty_database)
    await empty_database.execute(INSERT, [{"n": 2}, {"n": 3}])

    done = await empty_database.execute(text("UPDATE n SET n = n + 10 WHERE n > 1"))

    assert (done.rows, done.count) == ((), 2)


async def test_what_is_left_by_an_exception_is_not_kept(
    empty_database: Database,
) -> None:
    await fill(empty_database)

    def fail(connection: Connection) -> None:
        connection.execute(INSERT, {"n": 2})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await empty_database.run(fail)

    assert await count(empty_database) == 1


async def test_transactions_at_the_same_time_are_apart(
    empty_database: Database,
) -> None:
    await fill(empty_database)

    def add(number: int, connection: Connection) -> None:
        connection.execute(INSERT, {"n": number})
        if number % 2:
            raise ZeroDivisionError

    results = await asyncio.gather(
        *(empty_database.run(partial(add, number)) for number in range(2, 12)),
        return_exceptions=True,
    )

    assert await count(empty_database) == 6
    assert results.count(None) == 5


async def test_work_that_is_waited_for_no_more_leaves_the_database_in_order(
    empty_database: Database,
) -> None:
    await fill(empty_database)
    saving = asyncio.create_task(insert(empty_database, 2))
    await asyncio.sleep(0)

    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving

    assert await count(empty_database) in {1, 2}
    await insert(empty_database, 3)


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
        await insert(empty_database, 1)

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
