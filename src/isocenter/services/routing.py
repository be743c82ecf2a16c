"""Finding the route of a path by its shape, however many routes there are."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

__all__ = ["RoutesByShape"]

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
            allowed = ", ".join(sorted(scope[_ALLOWED]))
            sentence = f"{scope['method']} is no method of this resource; it has {allowed}\n"
            raise HTTPException(405, sentence, headers={"Allow": allowed})
        await scope[_FOUND].handle(scope, receive, send)


def _shape(path: str) -> _Shape:
    """Give the number of the segments of a path and every second of them: those that are words."""
    segments = path.split("/")
    return len(segments), tuple(segments[1::2])
