"""What load balancers and monitors ask: alive, ready, how much (`/health`, `/metrics`)."""

import asyncio
import logging
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from isocenter.errors import IsocenterError
from isocenter.server.metrics import Metrics

__all__ = ["routes"]

_PROBE_SECONDS = 5.0
_log = logging.getLogger(__name__)


def routes(probe: Callable[[], None], metrics: Metrics) -> list[BaseRoute]:
    """Make `/health/live`, `/health/ready` and `/metrics`.

    Parameters
    ----------
    probe
        Returns when the node can do its work; raises an IsocenterError with the reason otherwise.
        It may block, and is run beside the event loop.
    metrics
        What `/metrics` shows.
    """

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(request: Request) -> Response:
        try:
            await asyncio.wait_for(asyncio.to_thread(probe), _PROBE_SECONDS)
        except IsocenterError as error:
            return JSONResponse({"status": "not ready", "reason": str(error)}, status_code=503)
        except TimeoutError:
            reason = f"the archive did not answer within {_PROBE_SECONDS:g} s"
            return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)
        except Exception:  # of the database: it may name hosts and users, and nobody is known here
            _log.exception("the node is not ready")
            reason = "the archive cannot be read; the server's log says why"
            return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def measured(request: Request) -> Response:
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    # HAProxy asks by OPTIONS where its `option httpchk` names only the path.
    asked_by = ["GET", "OPTIONS"]
    return [
        Route("/health/live", live, methods=asked_by),
        Route("/health/ready", ready, methods=asked_by),
        Route("/metrics", measured),
    ]
