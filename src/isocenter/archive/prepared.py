"""Statements of the hot path: written in SQLAlchemy Core, compiled once, run by the bare driver.

SQLAlchemy takes 17 microseconds around a statement that SQLite runs in two, and an arrival needs
six; this is where a third of an arrival's time went.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from weakref import WeakSet

from sqlalchemy import Dialect, Executable, Table, bindparam, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

__all__ = ["Parameters", "Prepared", "blank_row", "insert_rows"]

Parameters = Mapping[str, Any]


def insert_rows(table: Table, *but: str) -> "Prepared":
    """Prepare an insert of whole rows, all columns of a table save those in `but`."""
    columns = [column.name for column in table.columns if column.name not in but]
    return Prepared(insert(table).values({name: bindparam(name) for name in columns}))


def blank_row(table: Table) -> dict[str, Any]:
    """Give a row with nothing in it, for an insert of whole rows: NULL, or "" where that is not."""
    return {column.name: None if column.nullable else "" for column in table.columns}


class Prepared:
    """A statement without bind processing or result processing: columns of text and integers.

    Parameters
    ----------
    statement
        With `bindparam`s, or an insert of whole rows.
    """

    made: ClassVar[WeakSet["Prepared"]] = WeakSet()
    """All that this process has."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self.made.add(self)
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None]] = {}

    def run(self, cursor: Any, dialect: Dialect, parameters: Parameters) -> Any:
        """Run the statement; returns the cursor.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            As SQLAlchemy raises it.
        """
        text, names = self._compiled.get(dialect.name) or self.compile(dialect)
        given = parameters if names is None else [parameters[name] for name in names]
        try:
            return cursor.execute(text, given)
        except dialect.loaded_dbapi.Error as error:
            raise _wrapped(error, text, dialect) from error

    def run_many(self, cursor: Any, dialect: Dialect, rows: Sequence[Parameters]) -> None:
        """Run the statement once a row.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            As SQLAlchemy raises it.
        """
        if len(rows) == 1:
            self.run(cursor, dialect, rows[0])
            return
        text, names = self._compiled.get(dialect.name) or self.compile(dialect)
        given = rows if names is None else [[row[name] for name in names] for row in rows]
        try:
            cursor.executemany(text, given)
        except dialect.loaded_dbapi.Error as error:
            raise _wrapped(error, text, dialect) from error

    def compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
        """Give the text of the statement and, where they go by order, its parameters' names."""
        assert isinstance(self._statement, ClauseElement)
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        names = tuple(compiled.positiontup) if compiled.positiontup is not None else None
        self._compiled[dialect.name] = str(compiled), names
        return self._compiled[dialect.name]


def _wrapped(error: Exception, text: str, dialect: Dialect) -> BaseException:
    return DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
    )
