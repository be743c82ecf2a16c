"""A real `isocenter serve` in a process of its own, for tests that look at it from outside."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 60


class RunningServer:
    """A server started on free ports; `http` and `dicom_port` say where it listens."""

    def __init__(self, data: Path, *flags: str, environment: dict[str, str] | None = None) -> None:
        self.data = data
        self._lines: list[str] = []
        self._ready = threading.Event()
        variables = {k: v for k, v in os.environ.items() if not k.startswith("ISOCENTER_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "isocenter", "serve", "--data", str(data)]
            + ["--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=variables | {"TCP_NODELAY": "1"} | (environment or {}),
            cwd=data.parent,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(START_SECONDS) or self.process.poll() is not None:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not start:\n{self.output}")
        self.http = self._announced(r"(http://\S+)").rstrip("/")
        self.dicom_port = int(self._announced(r"@127\.0\.0\.1:(\d+)"))

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.append(line)
            if line.startswith("HTTP"):
                self._ready.set()
        self._ready.set()

    def _announced(self, pattern: str) -> str:
        found = re.search(pattern, self.output)
        assert found, self.output
        return found[1]

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Send SIGKILL, as a power cut would."""
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop:\n{self.output}") from None
        self._reader.join(5)
        return code


@contextlib.contextmanager
def running_server(data: Path, *flags: str, **options: dict[str, str]) -> Iterator[RunningServer]:
    """Run a server while the block runs."""
    server = RunningServer(data, *flags, **options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.terminate()


def wait_until(condition, seconds: float = 30) -> None:
    """Wait for something that another process does; fail when it does not happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
