"""Retrieve Capabilities (PS3.18 8.9): the service is there; it has no description of itself yet."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["routes"]


def routes() -> list[Route]:
    """Make the route of the service's Base URI."""
    return [Route("/", _capabilities, methods=["OPTIONS"])]


async def _capabilities(request: Request) -> Response:
    return Response(status_code=204, headers={"allow": "OPTIONS"})
