"""What every HTTP request passes before a route sees it.

The host it names (against DNS rebinding), the page it comes from (against cross-site request
forgery), the token it carries, the headers that the answer gets, and a count of it all.
"""

import base64
import hmac
import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isocenter.server.metrics import Metrics
from isocenter.server.settings import Settings

__all__ = ["Gate"]

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Load balancers ask for these. They carry no token, and by HTTP/1.0 name no host, as no browser
# does; they are told nothing but "up". HAProxy's `option httpchk` asks for OPTIONS of `/`.
_HEALTH_PATHS = frozenset({"/health/live", "/health/ready"})
_SERVER_PATHS = frozenset({"/", "*"})
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further.

    Parameters
    ----------
    status
        The HTTP status code.
    sentence
        What was found and what to do, for the reader of the answer.
    headers
        Further headers of the answer.
    """

    status: int
    sentence: str
    headers: dict[str, str] | None = None


Check = Callable[[Scope, Headers], Refusal | None]


class Gate:
    """ASGI middleware that refuses what must not pass, and dresses and counts every answer.

    Parameters
    ----------
    app
        The application behind the gate.
    settings
        `tokens`, `hosts`, `origins` and `http` are read.
    metrics
        Where requests are counted.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._checks: list[Check] = [_host_check(settings), _origin_check(settings)]
        if settings.tokens:
            self._checks.append(_token_check(settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _dressed(message["headers"])
                self._metrics.count_request(scope["method"], message["status"])
            await send(message)

        headers = Headers(scope=scope)
        refusals = (check(scope, headers) for check in self._checks)
        refusal = next((found for found in refusals if found), None)
        if refusal is None:
            await self._app(scope, receive, dressed)
        else:
            answer = PlainTextResponse(
                refusal.sentence + "\n", status_code=refusal.status, headers=refusal.headers
            )
            await answer(scope, receive, dressed)


def _dressed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Add the headers of every answer; what says nothing about caching is kept by nobody else."""
    given = list(headers)
    if not any(name == b"cache-control" for name, _ in given):
        given.append((b"cache-control", b"private, no-cache"))
    given.extend(_HEADERS)
    return given


def _host_check(settings: Settings) -> Check:
    """Refuse host names that are not ours: a page elsewhere may have its name point here."""
    ours = {"localhost", socket.gethostname().lower(), settings.http.host.lower()}
    ours |= {name.lower() for name in settings.hosts}

    def check(scope: Scope, headers: Headers) -> Refusal | None:
        given = headers.getlist("host")
        if len(given) > 1:
            return Refusal(400, "The request names several hosts; expected one (RFC 9112 3.2).")
        if not given and _is_health_check(scope):
            return None
        name = _host_name("".join(given))
        if name in ours or _is_address(name):
            return None
        return Refusal(
            421,
            f"This server is not known as {name!r}. If it should be, add the name to the setting "
            "`hosts`.",
        )

    return check


def _is_health_check(scope: Scope) -> bool:
    path = scope["path"]
    return path in _HEALTH_PATHS or (path in _SERVER_PATHS and scope["method"] == "OPTIONS")


def _host_name(host: str) -> str:
    """Take the name out of a Host header: no port, no brackets, lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    """Tell whether `name` is an IP address, which no other site can make its own."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _origin_check(settings: Settings) -> Check:
    """Refuse changes asked for by a page of another site."""
    allowed = frozenset(settings.origins)

    def check(scope: Scope, headers: Headers) -> Refusal | None:
        if scope["method"] in _SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin in allowed:
            return None
        same_host = origin is None or _netloc(origin) == headers.get("host")
        same_site = headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
        if same_host and same_site:
            return None
        return Refusal(
            403,
            "Refused: a page of another origin asked for a change. If that page is trusted, add "
            "its origin to the setting `origins`.",
        )

    return check


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _token_check(settings: Settings) -> Check:
    """Require one of the tokens, as bearer token or as the password of Basic authentication."""
    tokens = [token.get_secret_value().encode() for token in settings.tokens]

    def check(scope: Scope, headers: Headers) -> Refusal | None:
        if _is_health_check(scope):
            return None
        secret = _secret(headers.get("authorization", ""))
        # Every token is compared, so that the time taken tells nothing.
        if sum(hmac.compare_digest(secret, token) for token in tokens):
            return None
        return Refusal(
            401,
            "This server wants a token: `Authorization: Bearer TOKEN`, or the token as password.",
            {"www-authenticate": 'Basic realm="Isocenter", charset="UTF-8"'},
        )

    return check


def _secret(authorization: str) -> bytes:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode()
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:  # no Base64, or not even ASCII
        return b""
