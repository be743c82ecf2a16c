"""Steps from one form of the index to the next: for Alembic, run when an archive is opened."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from isocenter.archive.index import HEAD
from isocenter.errors import ConfigurationError

__all__ = ["upgrade"]


def upgrade(connection: Connection) -> None:
    """Bring the tables to the form that this release expects, in the caller's transaction.

    Raises
    ------
    ConfigurationError
        They stand at a form that this release does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        raise ConfigurationError(
            f"the index stands at revision {found}, and this release knows none after {HEAD}: a "
            "newer release has changed the archive. Install that release or a later one; nothing "
            "has been changed now"
        ) from error
