"""Deleting studies, series and instances by DICOMweb, beside the standard."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import Archive
from isocenter.services.resources import resource_of
from isocenter.services.web import answered

__all__ = ["routes"]


def routes(archive: Archive, pool: ThreadPoolExecutor) -> list[Route]:
    """Make the three routes that delete: 204 when it is done, 404 when there was nothing.

    Parameters
    ----------
    archive
        Where to delete.
    pool
        Where the work is done.
    """

    async def delete(request: Request) -> Response:
        resource = resource_of(request)
        work = lambda: archive.delete(resource.study, resource.series, resource.instance)  # noqa: E731
        await asyncio.get_running_loop().run_in_executor(pool, work)
        return Response(status_code=204)

    endpoint = answered(delete)
    return [
        Route(path, endpoint, methods=["DELETE"])
        for path in (
            "/studies/{study}",
            "/studies/{study}/series/{series}",
            "/studies/{study}/series/{series}/instances/{instance}",
        )
    ]
