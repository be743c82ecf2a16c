"""A server as a process: started, awaited, measured and ended by its own process id."""

import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

START_SECONDS = 60
STOP_SECONDS = 30
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


class ServerError(Exception):
    """A server did not start, or did not keep what it was sent."""


class Server:
    """A program that listens for DICOM, and perhaps for HTTP, on the loopback interface.

    Used as a context manager: its folder is made and the program started; afterwards it has ended,
    and its files are empty.

    Parameters
    ----------
    folder
        Where it keeps its data; must not exist.
    environment
        What is added to the environment of this process.
    """

    name: str
    ae_title: str

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.dicom_port = _free_port()
        self.http_port = _free_port()
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Write the configuration into the folder and say how the program is called."""
        raise NotImplementedError

    def stored(self) -> int:
        """Count the objects that the server holds, by its own account and on its disk."""
        raise NotImplementedError

    def await_ready(self) -> None:
        """Wait until the DICOM port answers."""
        self._await_port(self.dicom_port)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        log = open(self.folder / "server.log", "wb")
        with log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.await_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        for path in self.folder.rglob("*"):
            if path.is_file():
                os.truncate(path, 0)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def expect(self, count: int) -> None:
        """Raise ServerError unless exactly this many objects were kept."""
        deadline = time.monotonic() + 30
        while (stored := self.stored()) != count:
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} was sent {count} objects and holds {stored}")
            time.sleep(0.2)

    def processor_seconds(self) -> float:
        """User and system time of the program and of every process it has started."""
        return sum(_processor_ticks(pid) for pid in _family(self.pid)) * TICK_SECONDS

    def peak_memory(self) -> int:
        """The most memory that the program has held so far, in bytes."""
        return sum(_status_bytes(pid, "VmHWM") for pid in _family(self.pid))

    def _await_health(self, path: str) -> None:
        """Wait until a URL of the HTTP port answers with success."""
        self._await_port(self.http_port)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5)
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ServerError(f"{self.name} is not ready: {error}") from error
                time.sleep(0.05)

    def _await_port(self, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._process is not None and self._process.poll() is not None:
                raise ServerError(f"{self.name} ended at its start:\n{self._log()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise ServerError(f"{self.name} did not listen:\n{self._log()}") from None
                time.sleep(0.05)

    def _log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-4000:]

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def files_below(folder: Path, pattern: str = "*") -> int:
    """Count the files of a folder whose names match."""
    return sum(1 for path in folder.rglob(pattern) if path.is_file())


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _family(pid: int) -> list[int]:
    """Return the process and its living descendants."""
    pids = [pid]
    for parent in pids:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                pids.extend(int(child) for child in task.read_text().split())
            except OSError:
                continue  # the thread ended meanwhile
    return pids


def _processor_ticks(pid: int) -> int:
    """Own time and that of children already waited for (fields 14 to 17 of proc_pid_stat(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def _status_bytes(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0
