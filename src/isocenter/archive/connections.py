"""Connections to the index's database, whichever it is."""

import contextlib
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from isocenter.errors import ConfigurationError

from .busy_index import PATIENCE

__all__ = ["KeptConnection", "as_operational", "make_engine"]


class KeptConnection:
    """A connection that is kept, with what the driver has of it.

    Parameters
    ----------
    connection
        One that nobody else uses.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.driver: Any = connection.connection.driver_connection
        self.cursor: Any = self.driver.cursor()
        self.has_log_room = False
        self.number: int | None = None
        """PostgreSQL's, of the transaction that was begun last."""

    def close(self) -> None:
        """Give it back; nothing is told of one that was lost."""
        with contextlib.suppress(Exception):
            self.connection.close()


def as_operational(error: BaseException, engine: Engine) -> BaseException:
    """Give what the driver raises at begin and commit the form that SQLAlchemy gives the rest."""
    driver = engine.dialect.loaded_dbapi
    if isinstance(error, driver.Error):
        return OperationalError(None, None, error)
    return error


def make_engine(url: str) -> Engine:
    """Make what gives connections to a database; none is made yet.

    Parameters
    ----------
    url
        SQLAlchemy's, of SQLite or PostgreSQL.

    Raises
    ------
    ConfigurationError
        It cannot be used.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        options: dict[str, Any] = {"pool_size": 16, "max_overflow": 48, "pool_timeout": 60}
        options["hide_parameters"] = True  # they are patients' data, and errors are logged
        if parsed.get_backend_name() == "sqlite":
            options["connect_args"] = {"check_same_thread": False, "cached_statements": 512}
        else:
            options["pool_pre_ping"] = True  # a restarted database leaves dead connections behind
            options["connect_args"] = {
                "connect_timeout": 10,
                "options": f"-c lock_timeout={PATIENCE * 1000:.0f}ms",  # of those who read
            }
        return create_engine(parsed, **options)
    except (ArgumentError, ImportError) as error:
        raise ConfigurationError(
            f"the index URL cannot be used ({error}); expected sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST/DATABASE, the latter with isocenter[postgres] installed"
        ) from error
