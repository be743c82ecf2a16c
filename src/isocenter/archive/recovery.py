"""Clearing up what a process left behind that did not end as it should."""

import logging
from pathlib import Path

from isocenter.dicom.uids import is_path_safe_uid
from isocenter.errors import OutOfResources

from .aside import remove_left_aside
from .blobs import BlobStore
from .busy_index import ONE_TRY
from .deletion import is_left_over
from .file_system import is_there, link_new
from .index import Index, Transaction
from .instance_rows import ONE_INSTANCE
from .refused_files import RefusedFile
from .resources import reported_as_out_of_resources

__all__ = ["recover", "set_apart"]

_log = logging.getLogger(__name__)


def recover(index: Index, blobs: BlobStore) -> None:
    """Remove what was half received or deleted, and decide replacements that were cut off.

    Parameters
    ----------
    index, blobs
        Of the archive that is being opened.
    """
    blobs.remove_leftovers()
    folder = blobs.root / blobs.REPLACED
    if any(folder.glob("*.dcm")):
        # Whoever replaces holds the write lock, so what is there now belongs to nobody alive, or
        # to somebody who has committed and is about to remove it.
        with index.writing() as transaction:
            for journal in list(folder.glob("*.dcm")):
                _decide(transaction, blobs, journal)
    try:
        with reported_as_out_of_resources("clear up"):
            _remove_refused(index, blobs)
            remove_left_aside(index, blobs, ONE_TRY)
    except OutOfResources as error:
        _log.warning(
            "files kept aside of deleted instances, and of refused objects, stay for now: %s; "
            "nobody finds them, and nothing need be done about them: the next opening of the "
            "archive removes them if it can, and so does `isocenter check --repair`",
            error,
        )


def _remove_refused(index: Index, blobs: BlobStore) -> None:
    """Remove the files of refused objects that a process which died could not remove."""
    notes = list(blobs.withdrawn("").glob("*"))
    if notes:
        with index.writing(ONE_TRY) as transaction:
            for note in notes:
                if (file := RefusedFile.noted(note, blobs)) is not None:
                    file.remove(blobs, transaction)


def _decide(transaction: Transaction, blobs: BlobStore, journal: Path) -> None:
    """Put the replaced file back unless its replacement was committed."""
    number, *uids = journal.stem.split("_")
    if len(uids) != 3 or not number.isdigit() or not all(map(is_path_safe_uid, uids)):
        return
    if not is_there(journal):  # whoever had committed has removed it by now
        return
    study, series, instance = uids
    named = {"study": study, "series": series, "instance": instance}
    kept = transaction.execute(ONE_INSTANCE, named).one_or_none()
    path = blobs.path(study, series, instance)
    if kept is None and not is_left_over(transaction, (study, series, instance), journal):
        _rescue(blobs, journal, path)
    elif kept is None or kept.sequence >= int(number):
        journal.unlink(missing_ok=True)
    else:
        blobs.put_back(journal, path)
        blobs.sync_names(str(path.parent))
        blobs.sync_folder(journal.parent)


def _rescue(blobs: BlobStore, journal: Path, path: Path) -> None:
    """Keep both files where the index was lost: it alone knew which of them is acknowledged."""
    if not is_there(path):
        blobs.put_back(journal, path)
        blobs.sync_names(str(path.parent))
    elif path.samefile(journal):  # which was only about to be replaced
        journal.unlink()
    else:
        place = blobs.new_aside(path.stem)
        blobs.move(str(journal), place)
        blobs.sync_folder(place.parent)
    blobs.sync_folder(journal.parent)


def set_apart(blobs: BlobStore, path: Path) -> Path:
    """Move a file that cannot be used out of the way, to be looked at by a person.

    Returns
    -------
    Path
        Where it is now, beside what was set apart of the same place before.
    """
    folder = blobs.root / blobs.DAMAGED
    folder.mkdir(exist_ok=True)
    target = place = folder / "_".join(path.relative_to(blobs.root).parts).lstrip(".")
    number = 1
    while not link_new(str(path), str(target)):
        number += 1
        target = place.with_stem(f"{place.stem}~{number}")
    blobs.remove(path)  # and the folders that it leaves empty
    return target
