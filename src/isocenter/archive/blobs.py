"""Files of an archive: `<Study>/<Series>/<SOPInstance>.dcm`, and the folders that serve them.

Names that begin with a dot can never be a UID, so the folders of this module live beside the
studies. A file arrives in a folder of this process below `.incoming`, on the same file system, and
moves to its place by one rename; a reader therefore sees all of it or nothing.
"""

import contextlib
import itertools
import logging
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from isocenter.dicom.uids import is_path_safe_uid
from isocenter.errors import InvalidAttribute, OutOfResources

from .file_system import O_BINARY, link_new, sync
from .resources import EXHAUSTED, reported_as_out_of_resources
from .temporary import Temporary, has_nameless_files

if os.name == "nt":
    import msvcrt
else:
    import fcntl

__all__ = ["FOLDER_IS_GONE", "BlobStore", "folder_of"]

FOLDER_IS_GONE = "the folder of the archive is gone; is its disk mounted?"

_log = logging.getLogger(__name__)

_STUDY_INSTANCE_UID = (0x0020000D, "StudyInstanceUID")
_SERIES_INSTANCE_UID = (0x0020000E, "SeriesInstanceUID")
_SOP_INSTANCE_UID = (0x00080018, "SOPInstanceUID")
_ATTEMPTS = 10
_T = TypeVar("_T")


class BlobStore:
    """Keeps the files.

    Parameters
    ----------
    root
        The archive's directory; made where it is missing.
    durable
        Whether to wait for the disk before a file counts as kept.
    """

    INCOMING = ".incoming"
    REPLACED = ".replaced"
    ASIDE = ".aside"
    DAMAGED = ".damaged"
    WITHDRAWN = ".withdrawn"

    def __init__(self, root: Path, *, durable: bool) -> None:
        self.root = root
        self.durable = durable
        self._root = str(root)
        self._synced_folders: set[str] = set()
        self._removals = 0
        self._numbers = itertools.count(1)
        self._closed = False
        self._lock = threading.Lock()
        new = [folder for folder in (root, *root.parents) if not folder.exists()]
        with reported_as_out_of_resources(f"make the folders of the archive in {root}"):
            for name in (self.INCOMING, self.REPLACED, self.ASIDE):
                (root / name).mkdir(parents=True, exist_ok=True)
            for folder in new:
                with contextlib.suppress(PermissionError):  # who may write there need not read
                    self.sync_folder(folder.parent)
            self._incoming = root / self.INCOMING / secrets.token_hex(8)
            self._arriving = str(self._incoming)
            self._claim = _Claim(self._incoming.with_suffix(".lock"))
            self._incoming.mkdir()
        self._nameless = has_nameless_files(self._next_name())

    def close(self) -> None:
        """Remove this process's folder of arrivals; nothing can arrive any more."""
        self._closed = True
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._claim.release()

    def path(self, study: str, series: str, instance: str) -> Path:
        """Give the place of an instance as `place_of` does."""
        return Path(self.place_of(study, series, instance))

    def place_of(self, study: str, series: str, instance: str) -> str:
        """Give the place of an instance, from UIDs that are safe in a path.

        Raises
        ------
        InvalidAttribute
            A UID that is not made of digits and dots.
        """
        folder = _folder_of_series(self._root, study, series)
        _require_path_safe(_SOP_INSTANCE_UID, instance)
        return f"{folder}{os.sep}{instance}.dcm"

    def temporary(self) -> Temporary:
        """Open a file to write an arrival to.

        Raises
        ------
        OutOfResources
            The archive is closed, or its folder is away.
        OSError
            The disk is full, read-only or failing.
        """
        name = self._next_name()
        try:
            return Temporary(name, durable=self.durable, named=not self._nameless)
        except FileNotFoundError as error:
            raise OutOfResources(
                "the archive is closed" if self._closed else FOLDER_IS_GONE
            ) from error

    def _next_name(self) -> str:
        return f"{self._arriving}{os.sep}{next(self._numbers)}"

    def move(self, source: str, path: Path) -> None:
        """Rename a file to its place, making the folders; `sync_names` makes that last."""
        try:
            os.replace(source, path)
        except FileNotFoundError:
            self._in_new_folder(str(path), lambda: os.replace(source, path))

    def place(self, temporary: Temporary, place: str) -> bool:
        """Give an arrival its place unless a file stands there.

        A rename would silently take the place of what another process put there meanwhile.
        `sync_names` makes it last.

        Returns
        -------
        bool
            False where the place is taken.
        """
        try:
            return temporary.link(place)
        except FileNotFoundError:  # the first of its series
            return self._in_new_folder(place, lambda: temporary.link(place))

    def _in_new_folder(self, place: str, act: Callable[[], _T]) -> _T:
        """Make the folder of a place, and do something in it."""
        folder = folder_of(place)
        for attempt in range(_ATTEMPTS):
            try:
                self._forget_folder(folder)
                os.makedirs(folder, exist_ok=True)
                return act()
            except FileNotFoundError:  # deleting a series took the empty folder away meanwhile
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def journal(self, sequence: int, study: str, series: str, instance: str) -> Path:
        """Give the place where a file waits while change `sequence` replaces it."""
        return self.root / self.REPLACED / f"{sequence}_{study}_{series}_{instance}.dcm"

    def is_replacing(self, study: str, series: str) -> bool:
        """Whether an instance of a series is being replaced at this moment."""
        names = os.listdir(self.root / self.REPLACED)
        return any(f"_{study}_{series}_" in name for name in names)

    def aside(self, name: str) -> Path:
        """Give the place of a file that is kept beside the instance of the same UID."""
        return self.root / self.ASIDE / name

    def new_aside(self, instance: str) -> Path:
        """Give a place for one more file beside an instance."""
        return self.aside(f"{instance}_{secrets.token_hex(6)}.dcm")

    def files_aside(self) -> list[Path]:
        """List the files that are kept beside instances."""
        folder = self.root / self.ASIDE
        return [folder / name for name in _names(folder) if name.endswith(".dcm")]

    def withdrawn(self, name: str) -> Path:
        """Give the place of a note about a file that is no instance: its object was refused."""
        return self.root / self.WITHDRAWN / name

    def link(self, path: Path, other: Path) -> None:
        """Give a file a second name, or a copy where the file system has only one name a file."""
        other.unlink(missing_ok=True)
        try:
            os.link(path, other)
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise
            self._copy(path, other)

    def put_back(self, journal: Path, path: Path) -> None:
        """Give a file that waits while it is replaced its place again."""
        self.move(str(journal), path)
        # Where nothing had been moved yet, both name one file, and moving it does nothing.
        journal.unlink(missing_ok=True)

    def give_place(self, path: Path, place: str) -> bool:
        """Give a file the place of its instance too, unless a file stands there; False then."""
        try:
            return link_new(str(path), place)
        except FileNotFoundError:
            return self._in_new_folder(place, lambda: link_new(str(path), place))

    def _copy(self, path: Path, other: Path) -> None:
        """Copy a file under a name that never stands for a part of it."""
        part = f"{self._next_name()}.part"
        try:
            shutil.copy2(path, part)
            if self.durable:
                with open(part, "r+b", buffering=0) as file:
                    sync(file.fileno())
            os.replace(part, other)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise

    def sync_folder(self, folder: Path | str) -> None:
        """Wait until the names in a folder are on the disk."""
        if not self.durable or os.name == "nt":  # Windows syncs no folders
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)

    def sync_names(self, folder: str) -> None:
        """Wait until the names in a folder are on the disk, and its own and its parents' names.

        The file's bytes go first: the file system's journal then takes bytes and all these names
        in one go, and the rest is soon done.
        """
        if not self.durable:
            return
        removals = self._removals
        self.sync_folder(folder)
        if folder in self._synced_folders:
            return
        # Also where it was there: whoever made it may not have come to this, or died before.
        for parent in Path(folder).parents:
            if parent.is_relative_to(self.root):
                self.sync_folder(parent)
        with self._lock:
            if removals != self._removals:  # it may be another folder by now
                return
            if len(self._synced_folders) > 100_000:
                self._synced_folders.clear()
            self._synced_folders.add(folder)

    def remove(self, path: Path) -> None:
        """Remove a file and the folders that it leaves empty; one that is gone already is fine."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        for folder in (path.parent, path.parent.parent):
            if folder == self.root or not folder.is_relative_to(self.root):
                return
            if folder.name.startswith("."):  # one of ours
                return
            self._forget_folder(str(folder))
            try:
                folder.rmdir()
            except OSError:  # not empty
                return

    def _forget_folder(self, folder: str) -> None:
        """Have the names above a folder synced again, for it may be another one from now on."""
        with self._lock:
            self._synced_folders.discard(folder)
            self._removals += 1

    def studies(self) -> list[str]:
        """List the Study Instance UIDs that have a folder."""
        return [folder.name for folder in _subfolders(self.root)]

    def files(self, study: str) -> list[Path]:
        """List the stored files of a study."""
        return [
            series / name
            for series in _subfolders(self.root / study)
            for name in sorted(_names(series))
            if name.endswith(".dcm") and is_path_safe_uid(name.removesuffix(".dcm"))
        ]

    def statuses(self, study: str, series: str) -> dict[str, os.stat_result]:
        """Look at the stored files of a series, by SOP Instance UID."""
        found: dict[str, os.stat_result] = {}
        folder = self.path(study, series, "0").parent
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    found[entry.name.removesuffix(".dcm")] = entry.stat()
        return found

    def leftovers(self) -> Iterator[Path]:
        """Find the folders of arrivals whose process is dead; each is ours until the next."""
        for folder in sorted((self.root / self.INCOMING).iterdir()):
            if folder.suffix == ".lock" or folder == self._incoming:
                continue
            claim = _Claim.try_taking(folder.with_suffix(".lock"))
            if claim is None:
                continue
            try:
                if folder.is_dir():  # its process, or another that clears up, may just have ended
                    yield folder
            finally:
                claim.release()

    def remove_leftovers(self) -> int:
        """Remove what processes that died left half received; returns how many files that were."""
        count = 0
        for folder in self.leftovers():
            count += sum(1 for _ in folder.iterdir())
            shutil.rmtree(folder, ignore_errors=True)
        return count


@lru_cache(4096)
def _folder_of_series(root: str, study: str, series: str) -> str:
    _require_path_safe(_STUDY_INSTANCE_UID, study)
    _require_path_safe(_SERIES_INSTANCE_UID, series)
    return f"{root}{os.sep}{study}{os.sep}{series}"


def _require_path_safe(attribute: tuple[int, str], uid: str) -> None:
    if not is_path_safe_uid(uid):
        tag, keyword = attribute
        raise InvalidAttribute(
            f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword} is {uid[:80]!r}; expected a "
            "UID: 1 to 64 digits and dots (PS3.5 9.1)",
            tag,
        )


def folder_of(place: str) -> str:
    """Give the folder of a file that `BlobStore.place_of` named; `os.path` takes any path apart."""
    return place[: place.rindex(os.sep)]


def _subfolders(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        return sorted(
            Path(entry.path)
            for entry in entries
            if is_path_safe_uid(entry.name) and entry.is_dir(follow_symlinks=False)
        )
    return []


def _names(folder: Path) -> list[str]:
    """List what is in a folder; one that is gone holds nothing."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:  # with the last of its files
        return []


class _Claim:
    """A lock file that the system frees when its process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | O_BINARY, 0o640)
        try:
            if os.name == "nt":
                msvcrt.locking(self._descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have removed its name, which then is another file's, or nobody's.
            if not os.path.samestat(os.stat(path), os.fstat(self._descriptor)):
                raise FileNotFoundError(path)
        except OSError:
            os.close(self._descriptor)
            raise

    @classmethod
    def try_taking(cls, path: Path) -> "_Claim | None":
        try:
            return cls(path)
        except OSError:
            return None

    def release(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)
        if os.name == "nt":  # which removes no file that is open
            with contextlib.suppress(OSError):
                self._path.unlink()
