"""What all tables share."""

from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import Column, MetaData, Table, insert, select

from streamproof.reference_server.store.database import Database
from streamproof.reference_server.store.tables import Moment


async def test_a_moment_is_read_in_utc_wherever_it_was_written(
    empty_database: Database,
) -> None:
    table = Table("moments", MetaData(), Column("at", Moment), Column("none", Moment))
    at = datetime(2026, 3, 1, 1, 30, 0, 250_000, timezone(timedelta(hours=2)))

    await empty_database.run(table.create)
    await empty_database.execute(insert(table), [{"at": at, "none": None}])
    (row,) = (await empty_database.execute(select(table))).rows

    assert tuple(row) == (at, None)
    assert row.at.tzinfo is UTC
    assert row.at.hour == 23
