"""Finding the route of a path: by its shape, or with another slash at its end."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["RoutesByShape", "SlashRedirect", "router"]

_FOUND: Final = "isocenter.route"
_ALLOWED: Final = "isocenter.allowed"
_TAIL: Final = ":path}"

_Shape: TypeAlias = tuple[int, tuple[str, ...]]


class RoutesByShape(BaseRoute):
    """Routes whose paths are words and UIDs in turn, `/studies/{study}/series/{series}`.

    Trying one regular expression after the other took longer than a search in the index does.

    Parameters
    ----------
    routes
        Tried in this order among those of one shape.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._open_ended = [route for route in routes if route.path.endswith(_TAIL)]
        self._by_shape: defaultdict[_Shape, list[Route]] = defaultdict(list)
        for route in routes:
            if route not in self._open_ended:
                self._by_shape[_shape(route.path)].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the route, or one that would be it but for the method."""
        allowed: set[str] = set()
        shape = _shape(scope["path"].removeprefix(scope.get("root_path", "")))
        for route in self._by_shape.get(shape) or self._open_ended:
            match, found = route.matches(scope)
            if match is Match.FULL:
                return match, {**found, _FOUND: route}
            if match is Match.PARTIAL:
                allowed |= route.methods or set()
        return (Match.PARTIAL, {_ALLOWED: allowed}) if allowed else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that was found answer, or say which methods there are (RFC 9110 15.5.6)."""
        if _FOUND not in scope:
            allowed = ", ".join(sorted(scope[_ALLOWED] | {"OPTIONS"}))
            sentence = f"{scope['method']} is no method of this resource; it has {allowed}\n"
            raise HTTPException(405, sentence, headers={"Allow": allowed})
        await scope[_FOUND].handle(scope, receive, send)


def _shape(path: str) -> _Shape:
    """Give the number of the segments of a path and every second of them: those that are words."""
    segments = path.split("/")
    return len(segments), tuple(segments[1::2])


class SlashRedirect:
    """Sends a user agent on that asks with a slash too many, or one too few, at the end.

    The Location is relative to what was asked (RFC 9110 10.2.2), so that it is right behind any
    proxy, whatever scheme, host or path that answers under, and whether or not it tells.

    Parameters
    ----------
    routes
        Those that have what is asked for.
    otherwise
        Answers where they have nothing either way.
    """

    def __init__(self, routes: Sequence[BaseRoute], otherwise: ASGIApp) -> None:
        self._routes = routes
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that no route answers."""
        path: str = scope["path"]
        within = path.removeprefix(scope.get("root_path", ""))
        other = path[:-1] if path.endswith("/") else f"{path}/"
        if scope["type"] != "http" or within == "/" or not self._have({**scope, "path": other}):
            await self._otherwise(scope, receive, send)
            return
        name = quote(path.rstrip("/").rpartition("/")[2])
        location = f"../{name}" if path.endswith("/") else f"./{name}/"
        if query := scope["query_string"].decode("latin-1"):
            location += f"?{query}"
        await RedirectResponse(location)(scope, receive, send)

    def _have(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in self._routes)


def router(routes: Sequence[BaseRoute]) -> Router:
    """Make what answers below a path, redirects as of `SlashRedirect` included.

    Parameters
    ----------
    routes
        Below the path.
    """
    made = Router(routes, redirect_slashes=False)
    made.default = SlashRedirect(made.routes, made.not_found)
    return made
