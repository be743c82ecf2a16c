"""The running server: listeners opened, announced, and stopped without losing anything."""

import asyncio
import contextlib
import gc
import logging
import os
import socket
import sys
from collections.abc import Sequence

from isocenter.archive import Archive, Change
from isocenter.archive.stored_instance import allowed_files
from isocenter.dimse import Acceptor
from isocenter.errors import OutOfResources
from isocenter.server import demo, logs
from isocenter.server.app import create_app
from isocenter.server.dicom_listener import dicom_acceptor
from isocenter.server.exposure import refuse_open_listeners
from isocenter.server.http_server import HttpServer
from isocenter.server.listen_address import ListenAddress
from isocenter.server.memory import free_memory_given_back
from isocenter.server.metrics import Metrics
from isocenter.server.opening import open_archive
from isocenter.server.settings import Settings, unknown_variables

__all__ = ["run"]

_log = logging.getLogger(__name__)

_OPEN_FILES = 4096
"""As many are seldom open at the same time."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let running transfers finish and return.

    Parameters
    ----------
    settings
        Where to listen and what to keep; see `isocenter config`.

    Raises
    ------
    ConfigurationError
        If an address cannot be listened on or would be open to anyone.
    OutOfResources
        If the archive cannot be opened.
    """
    logs.configure(settings.log_level)
    _make_room_for_open_files()
    for name in unknown_variables():
        _log.warning("unknown variable %s", name)
    refuse_open_listeners(settings)
    metrics = Metrics()
    with (
        free_memory_given_back(),
        settings.http.bind() as listener,
        open_archive(settings) as archive,
    ):
        archive.subscribe(lambda changes: _count(metrics, changes))
        if settings.quarantine is not None:
            metrics.gauge(
                "isocenter_unquarantined_instances",
                "Refused instances that the quarantine could not keep.",
                lambda: archive.unquarantined,
            )
        if settings.demo:
            _fill(archive, _url(listener))
        archive.make_ready()
        acceptor = dicom_acceptor(archive, settings, metrics)
        acceptor.start()
        try:
            _serve_http(archive, settings, metrics, acceptor, listener)
        finally:
            acceptor.stop(settings.shutdown_grace)


def _count(metrics: Metrics, changes: Sequence[Change]) -> None:
    for change in changes:
        metrics.count("isocenter_changes_total", action=change.action.name.lower())


def _make_room_for_open_files() -> None:
    """Raise the limit of open files, a connection each, as far as the system lets us.

    Linux doubles its table of a process's files when it is full. Once there are threads, who opens
    the file that is one too many waits for all processors, 10 ms and more: it is enlarged before.
    """
    if sys.platform == "win32":
        return
    import fcntl
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(OSError), open(os.devnull, "rb") as file:
        last = min(allowed_files(), _OPEN_FILES) - 1
        os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, last))


def _fill(archive: Archive, url: str) -> None:
    if stored := demo.fill(archive):
        print(f"demo   {stored} instances of sample studies: look at {url}", flush=True)
    else:
        print(f"demo   nothing added, the archive is not empty: look at {url}", flush=True)


def _url(listener: socket.socket) -> str:
    return f"http://{ListenAddress(*listener.getsockname()[:2])}/"


def _serve_http(
    archive: Archive,
    settings: Settings,
    metrics: Metrics,
    acceptor: Acceptor,
    listener: socket.socket,
) -> None:
    """Run the web application in this thread until a signal ends it."""
    closing = asyncio.Event()

    def probe() -> None:
        if closing.is_set():
            raise OutOfResources("the server is stopping")
        archive.require_directory()
        archive.require_room()
        archive.changes(limit=1)

    def announce() -> None:
        gc.freeze()  # modules stay: looking through them again would stop all work for 0.1 s
        dicom = ListenAddress(*acceptor.address[:2])
        print(f"DICOM  {settings.aet}@{dicom}", flush=True)
        print(f"HTTP   {_url(listener)}", flush=True)

    async def stop() -> None:
        _log.info("stopping; what is under way gets %g s", settings.shutdown_grace)
        closing.set()
        await asyncio.to_thread(acceptor.stop, settings.shutdown_grace)

    app = create_app(archive, settings, metrics=metrics, probe=probe, closing=closing)
    server = HttpServer(app, grace=settings.shutdown_grace, on_ready=announce, on_stop=stop)
    server.run(sockets=[listener])
