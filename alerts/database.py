"""The state database: alerts, notifications, decisions. SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase

from monitor.errors import StorageError

ROWS_PER_STATEMENT = 500


class Base(DeclarativeBase):
    """All tables of this package."""


def open_database(url: str) -> Engine:
    """An engine for `url` with all tables made. SQLite writes through to the disk at every commit.

    Raises StorageError if the database cannot be reached.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    try:
        Base.metadata.create_all(engine)
    except DBAPIError as error:
        raise StorageError(f"the state database cannot be opened: {error.orig}") from error
    return engine


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that will write: committed at the end, rolled back by an exception.

    In SQLite it holds the write lock from its start: a transaction that reads first and takes the lock later fails
    at once when another one wrote in between, however long the busy timeout is.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def upsert(connection: Connection, row_type: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts `rows`, or overwrites those that have the same primary key."""
    table = row_type.__table__
    assert isinstance(table, Table), f"BUG: got {table!r}, want a table"
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    keys = [column.name for column in table.primary_key]
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        statement = dialect.insert(table)
        changed = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
        connection.execute(
            statement.on_conflict_do_update(index_elements=keys, set_=changed), rows[start : start + ROWS_PER_STATEMENT]
        )


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.close()
