"""Opens the archive that the settings describe, for the server and for commands beside it."""

from pathlib import Path

from isocenter.archive import Archive
from isocenter.errors import ConfigurationError
from isocenter.server.settings import Settings

__all__ = ["open_archive"]


def open_archive(settings: Settings) -> Archive:
    """Open the archive, making its folder and index when there is none.

    Raises
    ------
    ConfigurationError
        If something else than a folder has its name, or that of the quarantine.
    OutOfResources
        If the folder or the index cannot be written.
    """
    if settings.data.exists() and not settings.data.is_dir():
        raise ConfigurationError(f"{settings.data} is no folder; name that of the archive (--data)")
    if settings.quarantine is not None:
        _require_room_for_folder(settings.quarantine)
    index_url = settings.index_url.get_secret_value() if settings.index_url else None
    return Archive.open(
        settings.data,
        index_url=index_url,
        durability=settings.durability,
        on_conflict=settings.on_conflict,
        quarantine=settings.quarantine,
        validation=settings.validation,
        prepare_metadata=True,
    )


def _require_room_for_folder(quarantine: Path) -> None:
    """Refuse a quarantine that can be no folder: each refused object would be lost."""
    there = next(path for path in (quarantine, *quarantine.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ConfigurationError(
            f"{there} is no folder; name one that keeps refused objects (--quarantine)"
        )
