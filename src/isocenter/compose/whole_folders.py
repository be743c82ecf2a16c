"""Folders of files that are there all together or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Generator
from pathlib import Path

from isocenter.errors import CannotCompose, OutOfResources

__all__ = ["whole_folder"]


@contextlib.contextmanager
def whole_folder(folder: Path) -> Generator[Path]:
    """Give a folder to write into, whose files become those of `folder` when the block ends well.

    A new folder appears in one step. Into an empty one that is there already the files are moved,
    and taken out again if one cannot be.

    Parameters
    ----------
    folder
        Where the files go.

    Yields
    ------
    Path
        The folder to write them into.

    Raises
    ------
    CannotCompose
        When the folder has files already, with which the new ones would lie mixed.
    OutOfResources
        When they cannot be written there.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise CannotCompose(f"{folder} has files already; the new series needs its own.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = folder.parent / f".{secrets.token_hex(8)}.part"
        scratch.mkdir()
    except OSError as error:
        raise OutOfResources(f"{folder} cannot be written: {error.strerror}.") from error
    try:
        yield scratch
        if folder.exists():
            _move(scratch, folder)
        else:
            os.replace(scratch, folder)
    except OSError as error:
        raise OutOfResources(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _move(scratch: Path, folder: Path) -> None:
    moved: list[Path] = []
    try:
        for one in sorted(scratch.iterdir()):
            target = folder / one.name
            if target.exists():
                raise FileExistsError(17, "a file of the same name is there", str(target))
            os.replace(one, target)
            moved.append(target)
    except OSError:
        for one in moved:
            one.unlink(missing_ok=True)
        raise
