"""Serves the built viewer: hashed assets for ever, the page itself always fresh.

The files are few and small, so they are read (and compressed) once; a path from a request is only
ever looked up in that table, never joined to a folder.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from isocenter.dicom import is_path_safe_uid

__all__ = ["routes"]

STATIC = Path(__file__).parent / "static"
_COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")
_IMMUTABLE = "public, max-age=31536000, immutable"
# The viewer routes between these in the browser. What programs ask for elsewhere, such as /studies
# without /dicomweb, is an error and never the page.
_PAGES = frozenset({"", "viewer"})
_NOTHING = "There is nothing here: the viewer is at /, DICOMweb at /dicomweb.\n"
_NOT_BUILT = """<!doctype html><title>Isocenter</title><h1>Isocenter runs</h1>
<p>The viewer is not built in this checkout: run <code>python hatch_build.py</code>, then restart.
DICOMweb is at <code>/dicomweb</code>, the API's description at
<a href="/api/openapi.json">/api/openapi.json</a>.</p>
"""


@dataclass(frozen=True, slots=True)
class ViewerFile:
    """One file of the viewer, ready to send.

    Parameters
    ----------
    content, compressed
        Its bytes; `compressed` is their gzip form where that is smaller, else None.
    media_type, etag, cache_control
        The headers it is sent with.
    """

    content: bytes
    compressed: bytes | None
    media_type: str
    etag: str
    cache_control: str

    @classmethod
    def read(cls, path: Path, relative: str) -> "ViewerFile":
        """Read a file and prepare its headers; `relative` is its path below the viewer."""
        content = path.read_bytes()
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if path.suffix == ".js":  # Windows' registry may call it text/plain
            media_type = "text/javascript"
        compressed = None
        if media_type.startswith(_COMPRESSIBLE) or path.suffix == ".wasm":
            compressed = gzip.compress(content, 9, mtime=0)
        etag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
        hashed = relative.startswith("assets/")
        return cls(content, compressed, media_type, etag, _IMMUTABLE if hashed else "no-cache")

    def response(self, request: Request) -> Response:
        """Answer with the file, or 304 when the client has it."""
        headers = {
            "etag": self.etag,
            "cache-control": self.cache_control,
            "vary": "accept-encoding",
        }
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = self.content
        if self.compressed and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["content-encoding"] = self.compressed, "gzip"
        return Response(body, headers=headers, media_type=self.media_type)


def _preloads(path: str, request: Request) -> str:
    """Tell the browser what the page will ask for, so that it is on its way before the page is."""
    studies = request.query_params.getlist("StudyInstanceUIDs")
    series = request.query_params.get("SeriesInstanceUID")
    uids = [*studies, *([series] if series else [])]
    if path != "viewer" or len(studies) != 1 or not all(map(is_path_safe_uid, uids)):
        return ""
    study = f"/api/studies/{studies[0]}"
    if series:
        urls = [study, f"{study}/series/{series}", f"{study}/first-frame?series={series}"]
    else:
        urls = [f"{study}?display=true", f"{study}/first-frame"]
    return ", ".join(f"<{url}>; rel=preload; as=fetch; crossorigin=anonymous" for url in urls)


def routes(folder: Path = STATIC) -> list[BaseRoute]:
    """Make the catch-all route of the viewer; it goes after every other route.

    Parameters
    ----------
    folder
        The built viewer: `index.html`, and `assets/` with hashed names.
    """
    files = {
        path.relative_to(folder).as_posix(): ViewerFile.read(
            path, path.relative_to(folder).as_posix()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

    async def serve(request: Request) -> Response:
        path: str = request.path_params["path"]
        if path in files:
            return files[path].response(request)
        if path.removesuffix("/") not in _PAGES:
            return PlainTextResponse(_NOTHING, status_code=404)
        index = files.get("index.html")
        if index is None:
            return HTMLResponse(_NOT_BUILT)
        response = index.response(request)
        if preloads := _preloads(path, request):
            response.headers["link"] = preloads
        return response

    return [Route("/{path:path}", serve, methods=["GET"])]
