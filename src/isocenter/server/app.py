"""The web application: every face of the archive on one port, behind one gate."""

import asyncio
from collections.abc import Callable
from typing import Final

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount
from starlette.types import ASGIApp

from isocenter import __version__
from isocenter.archive import Archive
from isocenter.server import health, viewer_files
from isocenter.server.gate import Gate
from isocenter.server.methods_of import MethodsOf
from isocenter.server.metrics import Metrics
from isocenter.server.settings import Settings
from isocenter.services import changes, studies, viewer
from isocenter.services.routing import SlashRedirect, router

__all__ = ["create_app"]

# What a trusted page may read besides what every page may. A `*` is no wildcard where the page
# sends credentials (Fetch Standard, "CORS protocol and credentials").
_READABLE: Final = [
    "Accept-Ranges",
    "Content-Location",
    "Content-Range",
    "ETag",
    "Retry-After",
    "Warning",
    "WWW-Authenticate",
]


def create_app(
    archive: Archive,
    settings: Settings,
    *,
    metrics: Metrics,
    probe: Callable[[], None],
    closing: asyncio.Event,
) -> ASGIApp:
    """Put the application together.

    Parameters
    ----------
    archive
        What is served.
    settings
        `tokens`, `hosts`, `origins` and the limits are read.
    metrics
        What `/metrics` shows, and where requests are counted.
    probe
        Raises an IsocenterError while the node is not ready; asked by `/health/ready`.
    closing
        Set when the server stops; streams that never end by themselves then do.
    """
    api = FastAPI(
        title="Isocenter",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
    )
    # As they are: what is included is put together anew, at the first request.
    api.router.routes.extend([*viewer.router(archive).routes, *viewer_files.routes()])
    limits = studies.StoreLimits(object_bytes=settings.max_object_size)
    app = Starlette(
        routes=[
            Mount("/dicomweb", app=router(studies.routes(archive, limits=limits))),
            *changes.routes(archive, closing),
            *health.routes(probe, metrics),
        ]
    )
    app.router.redirect_slashes = False
    # FastAPI's layers would cost every DICOMweb request a tenth of its time.
    app.router.default = SlashRedirect(app.routes, otherwise=api)
    return _behind_gate(MethodsOf(app), settings, metrics)


def _behind_gate(app: ASGIApp, settings: Settings, metrics: Metrics) -> ASGIApp:
    gate = Gate(app, settings, metrics)
    if not settings.origins:
        return gate
    # Outside the gate, for a browser's preflight request carries no token.
    return CORSMiddleware(
        gate,
        allow_origins=settings.origins,
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,
        expose_headers=_READABLE,
    )
