"""The index's database: connections, the one write at a time, migrations."""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    Row,
    bindparam,
    event,
    func,
    select,
    text,
)
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    OperationalError,
    ProgrammingError,
)

from isocenter.errors import OutOfResources

from .busy_index import ONE_TRY, PATIENCE, IndexBusy, is_busy
from .connections import KeptConnection, as_operational, make_engine
from .log_room import LOG_PAGES, make_log_room
from .prepared import Parameters, Prepared
from .reserve import Reserve
from .resources import reported_as_out_of_resources, said_of_exhaustion
from .schema import change

__all__ = ["HEAD", "AnyRow", "Index", "Transaction"]

AnyRow = Row[*tuple[Any, ...]]
"""A row of any columns."""

HEAD = "0003"
"""The migration that this release's tables stand at."""

# A key of PostgreSQL's advisory locks, of our own choosing: one writer at a time everywhere.
_WRITE_LOCK = 0x150C3
_TAKE_WRITE_LOCK = select(func.pg_advisory_xact_lock(_WRITE_LOCK))
_TRY_WRITE_LOCK = select(
    func.set_config("lock_timeout", f"{ONE_TRY * 1000:.0f}ms", True),
    func.pg_advisory_xact_lock(_WRITE_LOCK),
)
_NUMBER = select(func.txid_current(), func.set_config("lock_timeout", bindparam("wait"), True))
_STATUS = text("SELECT txid_status(:number)")
_ATTEMPTS = 3
_MIGRATION_PATIENCE = 60.0
_IDLE_READERS = 16
_LAST_SEQUENCE = Prepared(select(func.max(change.c.sequence)))


class Transaction:
    """The one write that goes on.

    Parameters
    ----------
    connection
        A connection in a transaction.
    cursor
        The driver's, on that connection.
    """

    def __init__(self, connection: Connection, cursor: Any) -> None:
        self.connection = connection
        self._dialect = connection.dialect
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._cursor = cursor
        last = self.run(_LAST_SEQUENCE, {}).fetchone()
        self.sequence: int = last[0] or 0
        """Sequence number of the last change."""
        self.before_rollback: Callable[[], None] | None = None
        """What else to take back where the transaction fails, while nobody else can write."""

    def execute(
        self, statement: Executable, parameters: Parameters | Sequence[Parameters] | None = None
    ) -> CursorResult[Any]:
        """Run a statement through SQLAlchemy."""
        return self.connection.execute(statement, parameters)  # pyright: ignore[reportArgumentType, reportReturnType]

    def run(self, statement: Prepared, parameters: Parameters) -> Any:
        """Run a prepared statement; returns the driver's cursor."""
        return statement.run(self._cursor, self._dialect, parameters)

    def find(self, statement: Prepared, parameters: Parameters) -> tuple[Any, ...] | None:
        """Run a prepared query; returns its first row."""
        return self.run(statement, parameters).fetchone()

    def insert(self, statement: Prepared, row: Parameters) -> int:
        """Run a prepared insert of one row; returns the number that the row got."""
        cursor = self.run(statement, row)
        return cursor.lastrowid if self._is_sqlite else cursor.fetchone()[0]

    def run_many(self, statement: Prepared, rows: Sequence[Parameters]) -> None:
        """Run a prepared statement once a row."""
        statement.run_many(self._cursor, self._dialect, rows)


class Index:
    """Opens the database and gives out connections.

    Parameters
    ----------
    url
        An SQLAlchemy URL: `sqlite:///...` or `postgresql+psycopg://...`.
    durable
        Whether a commit waits for the disk.
    """

    def __init__(self, url: str, *, durable: bool) -> None:
        self.durable = durable
        self.engine = make_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writing = threading.Lock()
        self._writer: KeptConnection | None = None
        self._idle: deque[KeptConnection] = deque()  # connections that read, any thread's to take
        if self.is_sqlite:
            self._configure_sqlite()
            self._readers = self.engine
        else:
            self._readers = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.reserve = Reserve(self._reserve_path())
        """Room for what must be written so that something can be deleted."""
        try:
            self._open()
        except OutOfResources as error:
            if isinstance(error, IndexBusy) or not self.reserve.give_up():
                raise
            self._open()
        self.reserve.make()

    def _open(self) -> None:
        try:
            with reported_as_out_of_resources("open the index"):
                self._migrate()
        except BaseException:
            self.engine.dispose()  # an open connection leaves SQLite's log and its map behind
            raise

    def _reserve_path(self) -> Path | None:
        file = self.engine.url.database or ":memory:"
        is_file = self.is_sqlite and file != ":memory:"
        return Path(f"{file}-reserve") if is_file else None

    def close(self) -> None:
        """Close every connection."""
        with self._writing:
            self._drop_writer()
        self._drop_readers()
        self.engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Generator[Connection]:
        """Give a connection on which every statement sees the latest commit.

        Raises
        ------
        OutOfResources
            The database cannot be reached or read.
        """
        try:
            with self._readers.connect() as connection:
                yield connection
        except DatabaseError as error:
            raise _unreadable(error) from error

    def all(self, statement: Prepared, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run a prepared query at the driver; returns its rows, as of the latest commit.

        It runs on a connection that is kept for such queries: taking one from SQLAlchemy's pool and
        giving it back takes three times as long as the index takes to answer.

        Raises
        ------
        OutOfResources
            The database cannot be reached or read.
        """
        try:
            return self._all(statement, parameters)
        except DatabaseError as error:
            raise _unreadable(error) from error

    def _all(self, statement: Prepared, parameters: Parameters) -> list[tuple[Any, ...]]:
        kept = self._idle_reader()
        try:
            return self._rows(kept or self._open_reader(), statement, parameters)
        except DBAPIError as error:
            if kept is None or not self._is_lost(kept, error):
                raise
        # A database that was started anew has ended all of them.
        self._drop_readers()
        return self._rows(self._open_reader(), statement, parameters)

    def _rows(
        self, reader: KeptConnection, statement: Prepared, parameters: Parameters
    ) -> list[tuple[Any, ...]]:
        try:
            rows = statement.run(reader.cursor, self.engine.dialect, parameters).fetchall()
        except BaseException:
            reader.close()
            raise
        if len(self._idle) < _IDLE_READERS:
            self._idle.append(reader)
        else:
            reader.close()
        return rows

    def _idle_reader(self) -> KeptConnection | None:
        try:
            return self._idle.pop()
        except IndexError:  # another thread may take the last one
            return None

    def _drop_readers(self) -> None:
        while (reader := self._idle_reader()) is not None:
            reader.close()

    def _open_reader(self) -> KeptConnection:
        return KeptConnection(self._readers.connect())

    def _is_lost(self, kept: KeptConnection, error: DBAPIError) -> bool:
        """Tell whether an error means that a kept connection had been ended by the other side."""
        cause: Any = error.orig
        return self.engine.dialect.is_disconnect(cause, kept.driver, kept.cursor)

    def first(self, statement: Prepared, parameters: Parameters) -> tuple[Any, ...] | None:
        """Run a prepared query as `all` does; returns its first row."""
        return next(iter(self.all(statement, parameters)), None)

    @contextlib.contextmanager
    def writing(self, patience: float | None = None) -> Generator[Transaction]:
        """Give a transaction that no other writer of any process shares.

        It is begun and ended at the driver, on a connection that is kept for writing.

        Parameters
        ----------
        patience
            Seconds to wait for others who write, in this process and elsewhere; `PATIENCE` if not
            given. One try of the database's own is made in any case.

        Raises
        ------
        IndexBusy
            They took longer.
        """
        if not self._writing.acquire(blocking=False):
            patience = self._await_my_turn(patience)
        try:
            writer = self._begun_writer(patience)
            transaction: Transaction | None = None
            try:
                transaction = Transaction(writer.connection, writer.cursor)
                yield transaction
                self._commit(writer)
            except BaseException as error:
                if transaction is not None and transaction.before_rollback is not None:
                    transaction.before_rollback()
                with contextlib.suppress(Exception):
                    writer.driver.rollback()
                if not self.is_sqlite and isinstance(error, Exception):
                    self._drop_writer()
                found = as_operational(error, self.engine)
                raise (IndexBusy() if is_busy(found) else found) from error
        finally:
            self._writing.release()

    def _await_my_turn(self, patience: float | None) -> float:
        """Wait for those of this process who write; tells how much patience is left."""
        patience = PATIENCE if patience is None else patience
        begun = time.monotonic()
        if not self._writing.acquire(timeout=patience):
            raise IndexBusy
        return patience - (time.monotonic() - begun)

    def _commit(self, writer: KeptConnection) -> None:
        """Commit, or find out whether the commit went through whose answer was lost."""
        try:
            writer.driver.commit()
        except Exception:
            if writer.number is None or not self._was_committed(writer.number):
                raise
            self._drop_writer()

    def _was_committed(self, number: int) -> bool:
        for _ in range(_ATTEMPTS):  # a restarted server leaves the pool with dead connections
            with contextlib.suppress(Exception), self.engine.connect() as connection:
                connection.execute(_TAKE_WRITE_LOCK)  # so the transaction is over on the server
                return connection.execute(_STATUS, {"number": number}).scalar() == "committed"
        return False

    def make_ready(self) -> None:
        """Do ahead what the first who writes would wait for.

        Raises
        ------
        OutOfResources
            The index cannot be written.
        """
        for statement in list(Prepared.made):
            statement.compile(self.engine.dialect)
        with reported_as_out_of_resources("open the index"), self.writing():
            pass

    def reuse_log(self) -> None:
        """Let SQLite write its log from the start again: on a full disk, it needs no room then."""
        if not self.is_sqlite:
            return
        with contextlib.suppress(DBAPIError), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def give_up_reserve(self) -> None:
        """Give the reserve's room to the database, where that is enough for all that the log holds.

        The log then begins anew and needs no room; otherwise it has that room to grow.
        """
        room = self.reserve.give_up()
        with contextlib.suppress(DBAPIError, OSError):
            if room and self._growth() <= room:
                self.reuse_log()

    def _growth(self) -> int:
        """By how many bytes SQLite's file becomes longer when it takes all of the log."""
        with self._readers.connect() as connection:
            pages, size = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_count", "page_size")
            )
        return pages * size - os.stat(self.engine.url.database or "").st_size

    def _begun_writer(self, patience: float | None) -> KeptConnection:
        """Give the connection that is kept for writing, or another where it was ended meanwhile."""
        kept = self._writer
        patience = PATIENCE if patience is None else patience
        try:
            return self._begin(kept or self._open_writer(), patience)
        except Exception as error:
            found = as_operational(error, self.engine)
            if is_busy(found) and self._writer is not None:
                return self._begin_at_last(self._writer, patience - ONE_TRY)
            self._drop_writer()
            if kept is None or not isinstance(found, DBAPIError) or not self._is_lost(kept, found):
                raise found from error
        return self._begin(self._open_writer(), patience)

    def _open_writer(self) -> KeptConnection:
        self._writer = KeptConnection(self.engine.connect())
        if self.is_sqlite:
            self._writer.cursor.execute(f"PRAGMA busy_timeout={ONE_TRY * 1000:.0f}")
            self._writer.connection.detach()  # nobody else shall have it with that
        return self._writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _begin_at_last(self, writer: KeptConnection, patience: float) -> KeptConnection:
        """Begin a transaction that writes as soon as no other program does.

        Raises
        ------
        IndexBusy
            One does until patience ends.
        """
        end = time.monotonic() + patience
        with contextlib.suppress(Exception):
            writer.driver.rollback()
        while (left := end - time.monotonic()) > 0:
            try:
                return self._begin(writer, left)
            except Exception as error:
                with contextlib.suppress(Exception):
                    writer.driver.rollback()
                if not is_busy(error):
                    raise as_operational(error, self.engine) from error
        raise IndexBusy

    def _begin(self, writer: KeptConnection, patience: float) -> KeptConnection:
        """Begin, if no other writes; PostgreSQL's statements then wait so long for tables."""
        if self.is_sqlite:
            writer.cursor.execute("BEGIN IMMEDIATE")
            if self.durable and not writer.has_log_room:
                make_log_room(f"{self.engine.url.database}-wal")
                writer.has_log_room = True
            return writer
        writer.connection.execute(_TRY_WRITE_LOCK)
        wait = {"wait": f"{max(patience, ONE_TRY) * 1000:.0f}ms"}
        writer.number = writer.connection.execute(_NUMBER, wait).scalar_one()
        if not self.durable:
            writer.connection.execute(text("SET LOCAL synchronous_commit = off"))
        return writer

    def _configure_sqlite(self) -> None:
        synchronous = "FULL" if self.durable else "NORMAL"

        @event.listens_for(self.engine, "connect")
        def configure(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
            connection.isolation_level = None  # we say BEGIN ourselves
            for pragma in (
                f"busy_timeout={PATIENCE * 1000:.0f}",
                "journal_mode=WAL",
                f"synchronous={synchronous}",
                "fullfsync=1",  # macOS: through the drive's cache, too
                f"wal_autocheckpoint={LOG_PAGES}",
                "journal_size_limit=67108864",
                "cache_size=-32768",
                "mmap_size=268435456",
                "temp_store=MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}")

    def _migrate(self) -> None:
        if self._revision() == HEAD:
            return
        # SQLAlchemy must know of the transaction: Alembic would end one of the driver's by itself.
        with self.engine.connect() as connection, connection.begin():
            self._begin_at_last(KeptConnection(connection), _MIGRATION_PATIENCE)
            # Alembic takes long to import, and is needed once a release.
            from .migrations import upgrade

            upgrade(connection)
        self.reuse_log()  # the tables are in it

    def _revision(self) -> str | None:
        try:
            with self._readers.connect() as connection:
                return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except (OperationalError, ProgrammingError):
            return None


def _unreadable(error: DatabaseError) -> Exception:
    if is_busy(error):
        return IndexBusy()
    said = said_of_exhaustion(error)
    return OutOfResources(f"could not read the index: {said}") if said else error
