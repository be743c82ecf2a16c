"""DICOMweb servers for tests: Isocenter under uvicorn, and Orthanc with its plugin."""

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.free_ports import free_port
from tests.interop.peers import ORTHANC, orthanc_configuration, serving

from isocenter.archive import Archive
from isocenter.services import studies

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
START_SECONDS = 30.0
LOOP = "uvloop" if sys.platform != "win32" else "asyncio"


@contextlib.contextmanager
def isocenter_web(directory: Path) -> Iterator[str]:
    """A running Isocenter; gives the URL of its DICOMweb service."""
    with Archive.open(directory, durability="fast") as archive:
        app = Starlette(routes=[Mount("/dicomweb", routes=studies.routes(archive))])
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", http="httptools", loop=LOOP)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + START_SECONDS
            while not server.started:
                assert thread.is_alive() and time.monotonic() < deadline
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/dicomweb"
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)
            listener.close()


@contextlib.contextmanager
def orthanc_web(folder: Path) -> Iterator[str]:
    """A running Orthanc with DICOMweb; gives the URL of its service."""
    http_port, dicom_port = free_port(), free_port()
    configuration = orthanc_configuration(dicom_port, folder / "data", http_port) | {
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration))
    with serving([ORTHANC, path], http_port, folder):
        yield f"http://127.0.0.1:{http_port}/dicom-web"
