"""Isocenter: a DICOM imaging platform in one package."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isocenter.archive import Archive
    from isocenter.series import Series

__all__ = ["Series", "open"]

__version__ = "0.1.0.dev0"


def open(directory: str, **options: Any) -> "Archive":  # noqa: A001
    """Open the archive in a directory, or make one there.

    Parameters
    ----------
    directory
        Where it is.
    **options
        As `isocenter.archive.Archive.open` takes them: `index_url`, `durability`, `on_conflict`.

    Raises
    ------
    OutOfResources
        The directory or the index cannot be written.
    """
    from isocenter.archive import Archive  # what it needs takes long to import

    return Archive.open(directory, **options)


def __getattr__(name: str) -> Any:
    if name != "Series":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from isocenter.series import Series  # what it needs takes long to import

    return Series
