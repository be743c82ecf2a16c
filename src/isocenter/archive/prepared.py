"""Statements of the hot path: written in SQLAlchemy Core, compiled once, run by the bare driver.

SQLAlchemy takes 17 microseconds around a statement that SQLite runs in two, and an arrival needs
six; this is where a third of an arrival's time went.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, ClassVar
from weakref import WeakSet

from sqlalchemy import Dialect, Executable, Table, bindparam, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

__all__ = ["Parameters", "Prepared", "blank_row", "insert_rows"]

Parameters = Mapping[str, Any]

_Arranging = Callable[[Parameters], Any]


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
        self._compiled: dict[str, tuple[str, _Arranging]] = {}

    def run(self, cursor: Any, dialect: Dialect, parameters: Parameters) -> Any:
        """Run the statement; returns the cursor.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            As SQLAlchemy raises it.
        """
        text, arranged = self._compiled.get(dialect.name) or self.compile(dialect)
        try:
            return cursor.execute(text, arranged(parameters))
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
        text, arranged = self._compiled.get(dialect.name) or self.compile(dialect)
        try:
            cursor.executemany(text, [arranged(row) for row in rows])
        except dialect.loaded_dbapi.Error as error:
            raise _wrapped(error, text, dialect) from error

    def compile(self, dialect: Dialect) -> "tuple[str, _Arranging]":
        """Give the text of the statement, and what arranges its parameters as the driver takes."""
        assert isinstance(self._statement, ClauseElement)
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self._compiled[dialect.name] = str(compiled), _arranging(compiled.positiontup)
        return self._compiled[dialect.name]


def _arranging(names: Sequence[str] | None) -> _Arranging:
    """Make what puts parameters in the order of `names`; without names they go by theirs."""
    if names is None:
        return lambda parameters: parameters
    if len(names) < 2:  # of which an itemgetter makes no tuple
        return lambda parameters: [parameters[name] for name in names]
    return itemgetter(*names)


def _wrapped(error: Exception, text: str, dialect: Dialect) -> BaseException:
    return DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
    )
