"""Isocenter and its peers, each with the configuration that is measured."""

import json
import shutil
import sys
import urllib.request
from pathlib import Path

from benchmarks.process import Server, ServerError, files_below

TUNED = {"TCP_NODELAY": "1"}  # read by DCMTK, and so by Orthanc
STOCK: dict[str, str] = {}
PDU = 131072  # the largest that DCMTK takes; Orthanc is faster with its default of 16384


class Isocenter(Server):
    """Isocenter as `isocenter serve` runs it, in its own process."""

    name = "Isocenter"
    ae_title = "ISOCENTER"

    def __init__(self, folder: Path, environment: dict[str, str], durable: bool = True) -> None:
        super().__init__(folder, environment)
        self._durability = "safe" if durable else "fast"

    def command(self) -> list[str]:
        return [
            str(Path(sys.executable).parent / "isocenter"),
            "serve",
            *("--data", str(self.folder / "data")),
            *("--http", f"127.0.0.1:{self.http_port}"),
            *("--dicom", f"127.0.0.1:{self.dicom_port}"),
            *("--aet", self.ae_title),
            *("--durability", self._durability),
        ]

    def await_ready(self) -> None:
        self._await_health("/health/ready")
        self._await_port(self.dicom_port)

    def stored(self) -> int:
        rows, offset, counted = [{}], 0, 0
        while rows:
            rows = _json(
                f"http://127.0.0.1:{self.http_port}/dicomweb/studies"
                f"?includefield=00201208&limit=200&offset={offset}"
            )
            counted += sum(row["00201208"]["Value"][0] for row in rows)
            offset += len(rows)
        return min(counted, files_below(self.folder / "data", "*.dcm"))


class Orthanc(Server):
    """Orthanc with its DICOMweb plugin and its default SQLite index."""

    name = "Orthanc"
    ae_title = "ORTHANC"

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        durable: bool = True,
        association_threads: int = 4,
    ) -> None:
        super().__init__(folder, environment)
        self._durable = durable
        self._association_threads = association_threads

    def command(self) -> list[str]:
        program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            raise ServerError("Orthanc is not installed (Debian: orthanc, orthanc-dicomweb)")
        configuration = {
            "StorageDirectory": str(self.folder / "data"),
            "IndexDirectory": str(self.folder / "data"),
            "StorageCompression": False,
            "SyncStorageArea": self._durable,
            "DicomAet": self.ae_title,
            "DicomPort": self.dicom_port,
            "DicomThreadsCount": self._association_threads,
            "HttpPort": self.http_port,
            "AuthenticationEnabled": False,
            "KeepAlive": True,
            "SaveJobs": False,
            "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
            "DicomWeb": {"Enable": True, "Root": "/dicomweb/"},
        }
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        return [program, str(path)]

    def await_ready(self) -> None:
        self._await_health("/system")
        self._await_port(self.dicom_port)

    def stored(self) -> int:
        counted = _json(f"http://127.0.0.1:{self.http_port}/statistics")["CountInstances"]
        # Beside each file may lie a second one, the object up to its pixels.
        return min(counted, files_below(self.folder / "data", "????????-*"))


class Dcmqrscp(Server):
    """DCMTK's image archive: an index file a study, nothing synced."""

    name = "dcmqrscp"
    ae_title = "QRSCP"

    def command(self) -> list[str]:
        area = self.folder / "data"
        area.mkdir()
        path = self.folder / "dcmqrscp.cfg"
        path.write_text(
            f"NetworkTCPPort = {self.dicom_port}\nMaxPDUSize = {PDU}\nMaxAssociations = 16\n"
            "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\n{self.ae_title} {area} RW (5000, 4096mb) ANY\nAETable END\n"
        )
        return ["dcmqrscp", "-c", str(path)]

    def stored(self) -> int:
        return files_below(self.folder / "data") - files_below(self.folder / "data", "index.dat")


class Storescp(Server):
    """DCMTK's receiver: files without an index, nothing synced."""

    name = "storescp"
    ae_title = "STORESCP"

    def command(self) -> list[str]:
        area = self.folder / "data"
        area.mkdir()
        return ["storescp", "-od", str(area), "-pdu", str(PDU), "--fork", str(self.dicom_port)]

    def stored(self) -> int:
        return files_below(self.folder / "data")


class Sink(Server):
    """No archive: takes and drops everything, so that it shows what the sender can do."""

    name = "sink"
    ae_title = "SINK"

    def command(self) -> list[str]:
        return [sys.executable, str(Path(__file__).with_name("sink.py")), str(self.dicom_port)]

    def expect(self, count: int) -> None:
        """Nothing is kept: that every object was answered with success is all there is."""


class Qrscp(Server):
    """pynetdicom's qrscp: files and an SQLite index, nothing synced beyond SQLite's own default."""

    name = "pynetdicom"
    ae_title = "QRSCP"

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "pynetdicom", "qrscp", "--quiet"),
            *("--port", str(self.dicom_port), "--bind-address", "127.0.0.1"),
            *("--ae-title", self.ae_title, "--max-pdu", str(PDU)),
            *("--database-location", str(self.folder / "index.sqlite")),
            *("--instance-location", str(self.folder / "data")),
        ]

    def stored(self) -> int:
        return files_below(self.folder / "data")


def _json(url: str) -> object:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer) if answer.status == 200 else []
