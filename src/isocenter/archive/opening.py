"""What an archive consists of, put together when it opens and let go of when it closes."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from isocenter.dicom.uids import is_path_safe_uid
from isocenter.errors import OutOfResources

from .arrivals import Arrival, ConflictPolicy, Durability, Stored
from .blobs import FOLDER_IS_GONE, BlobStore
from .change_log import ChangeLog
from .deletion import Deleter
from .finding import Finder
from .group_commit import GroupCommit
from .incoming import Reception
from .index import Index
from .listing import Lister
from .places import Places
from .quarantine import Quarantine
from .quiet_series import QuietSeries
from .recognition import Recognition
from .recovery import recover
from .registration import Registrar
from .resources import reported_as_out_of_resources
from .room import require_room
from .scrutiny import Scrutiny
from .series_metadata import MetadataStore
from .stored_instance import OpenInstances

__all__ = ["BULK_DATA_ROOT", "INDEX_NAME", "OpenArchive"]

INDEX_NAME = "index.sqlite"
BULK_DATA_ROOT = "/dicomweb"


class OpenArchive:
    """The parts of an archive, and the directory that they share."""

    def __init__(
        self,
        directory: Path,
        index: Index,
        blobs: BlobStore,
        policy: ConflictPolicy,
        *,
        quarantine: Quarantine | None = None,
        scrutiny: Scrutiny = Scrutiny.OFF,
        bulk_data_root: str = BULK_DATA_ROOT,
        prepare_metadata: bool = False,
    ) -> None:
        self.directory = directory
        self._closed = False
        self._index = index
        self._blobs = blobs
        self._changes = ChangeLog(index)
        self._finder = Finder(index)
        self._lister = Lister(index)
        self._deleter = Deleter(index, blobs)
        self._open_instances = OpenInstances()
        self._metadata = MetadataStore(index, blobs, bulk_data_root)
        self._quarantine = quarantine
        self._quiet_series: QuietSeries | None = None
        if prepare_metadata:
            self._quiet_series = QuietSeries(self._metadata.metadata)
            self._changes.subscribe(self._quiet_series.note)
        recover(index, blobs)
        self._executor = ThreadPoolExecutor(8, thread_name_prefix="archive-commit")
        self._syncing = ThreadPoolExecutor(16, thread_name_prefix="archive-sync")
        self._registrar = Registrar(index, blobs, policy)
        commits = GroupCommit[Arrival, Stored](self._registrar.register)
        self._reception = Reception(
            blobs,
            Places(blobs, GroupCommit(self._registrar.withdraw)),
            commits,
            self._executor,
            self._syncing,
            self._changes.notice,
            quarantine,
            scrutiny,
        )
        self._recognition = Recognition(self._reception, index, self._finder)

    @classmethod
    def open(
        cls,
        directory: str | Path,
        *,
        index_url: str | None = None,
        durability: Durability | str = Durability.SAFE,
        on_conflict: ConflictPolicy | str = ConflictPolicy.REFUSE,
        quarantine: str | Path | None = None,
        validation: Scrutiny | str = Scrutiny.OFF,
        bulk_data_root: str = BULK_DATA_ROOT,
        prepare_metadata: bool = False,
    ) -> Self:
        """Open the archive in a directory, or make one there.

        Parameters
        ----------
        directory
            Where the files are, and the index unless `index_url` says otherwise.
        index_url
            SQLAlchemy URL of the index; an SQLite file in `directory` by default.
        durability
            What an acknowledgement promises.
        on_conflict
            What happens to an instance that is already kept with different bytes.
        quarantine
            Folder that keeps refused objects with their reason; nowhere if not given.
        validation
            What happens to an arriving object that breaks rules of its IOD: `off` (nobody looks),
            `warn` or `refuse`.
        bulk_data_root
            What the path of every BulkDataURI in metadata begins with.
        prepare_metadata
            Whether to prepare the metadata of a series in the background as soon as nothing more
            arrives for it; otherwise its first reader waits.

        Returns
        -------
        Archive
            Open until `close`; as a context manager it closes itself.

        Raises
        ------
        OutOfResources
            The directory or the index cannot be written.
        ConfigurationError
            The index URL cannot be used, or a newer release has changed the tables.
        """
        root = Path(directory).absolute()
        places = (root / each for each in (BlobStore.INCOMING, BlobStore.REPLACED, BlobStore.ASIDE))
        new = [folder for folder in (*places, root, *root.parents) if not folder.exists()]
        durable = Durability(durability) is Durability.SAFE
        blobs = BlobStore(root, durable=durable)
        try:
            index = Index(index_url or f"sqlite:///{root / INDEX_NAME}", durable=durable)
        except BaseException:
            blobs.close()
            for folder in new:
                with suppress(OSError):  # meanwhile another process keeps something there
                    folder.rmdir()
            raise
        refused = None if quarantine is None else Quarantine(quarantine)
        with reported_as_out_of_resources("open the archive"):
            return cls(
                root,
                index,
                blobs,
                ConflictPolicy(on_conflict),
                quarantine=refused,
                scrutiny=Scrutiny(validation),
                bulk_data_root=bulk_data_root,
                prepare_metadata=prepare_metadata,
            )

    @staticmethod
    def is_in(directory: str | Path) -> bool:
        """Tell whether a directory holds an archive, or the files of one whose index was lost.

        Parameters
        ----------
        directory
            Where to look; nothing is made there. An index elsewhere does not count.

        Returns
        -------
        bool
            False, too, where there is no such directory.
        """
        own = {INDEX_NAME, BlobStore.INCOMING, BlobStore.REPLACED, BlobStore.ASIDE}
        if not os.path.isdir(directory):
            return False
        with os.scandir(directory) as entries:
            return any(
                each.name in own or (is_path_safe_uid(each.name) and each.is_dir())
                for each in entries
            )

    def require_directory(self) -> None:
        """Find out whether the files are where they were when the archive was opened.

        Raises
        ------
        OutOfResources
            The directory is gone, or is another one: its disk is not mounted any more.
        """
        if not (self.directory / BlobStore.INCOMING).is_dir():
            raise OutOfResources(FOLDER_IS_GONE)

    def require_room(self) -> None:
        """Find out, without writing, whether the disks of files and index take objects now.

        Raises
        ------
        OutOfResources
            One of them is full or read-only; what is kept can be read all the same.
        """
        folders = {self.directory}
        if self._index.is_sqlite:
            folders.add(Path(self._index.engine.url.database or "").parent)
        with reported_as_out_of_resources("look at the disk"):
            for folder in folders:
                require_room(folder)

    @property
    def unquarantined(self) -> int:
        """How many refused objects the quarantine could not keep since the archive was opened."""
        return self._quarantine.failures if self._quarantine else 0

    def close(self) -> None:
        """Finish what is being kept, and let go of the directory; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        self._executor.shutdown()
        self._syncing.shutdown()
        if self._quiet_series is not None:
            self._quiet_series.close()
        self._open_instances.clear()
        self._changes.close()
        self._registrar.close()
        self._index.close()
        self._blobs.close()

    def make_ready(self) -> None:
        """Do ahead what the first arrival would wait for; a service calls it before it listens.

        Raises
        ------
        OutOfResources
            The index cannot be written.
        """
        self._index.make_ready()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
