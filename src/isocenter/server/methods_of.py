"""Which methods a resource has: what a request by OPTIONS asks (RFC 9110 9.3.7)."""

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MethodsOf"]


class MethodsOf:
    """ASGI middleware that answers OPTIONS wherever the application has no answer of its own.

    Parameters
    ----------
    app
        Its answer 405 names the methods (RFC 9110 15.5.6).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await self._app(scope, receive, send)
        elif scope["path"] == "*":  # the server itself: that it answers is the answer
            await Response(status_code=204)(scope, receive, send)
        else:
            await self._app(scope, receive, _Allowing(send))


class _Allowing:
    """Sends an answer on; instead of 405 one that says which methods there are."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 405:
            self._replaced = True
            allowed = MutableHeaders(raw=message["headers"]).get("allow", "")
            methods = sorted({*filter(None, allowed.replace(" ", "").split(",")), "OPTIONS"})
            headers = [(b"allow", ", ".join(methods).encode())]
            await self._send({**message, "status": 204, "headers": headers})
        elif not self._replaced:
            await self._send(message)
        elif not message.get("more_body", False):
            await self._send({**message, "body": b""})
