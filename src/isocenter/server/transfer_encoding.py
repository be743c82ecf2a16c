"""Which transfer codings a request may have: one, that tells where its body ends (RFC 9112 6.1)."""

from collections.abc import Iterable

__all__ = ["refused_transfer_encoding"]


def refused_transfer_encoding(
    headers: Iterable[tuple[bytes, bytes]], http_version: str
) -> tuple[int, str] | None:
    """Tell whether the length of a body can be told as every program on its way tells it.

    Parameters
    ----------
    headers
        Names in lower case, and values, of a request that has a Transfer-Encoding.
    http_version
        `1.0` or `1.1`.

    Returns
    -------
    tuple of int and str, or None
        Status and sentence of the refusal, after which the connection has to be closed.

    References
    ----------
    RFC 9112 6.1 and 6.3, RFC 9110 5.6.1.2 (empty elements of a list)
    """
    fields = list(headers)
    listed = b",".join(value for name, value in fields if name == b"transfer-encoding")
    codings = [each for part in listed.split(b",") if (each := part.strip(b" \t").lower())]
    if http_version == "1.0":
        return 400, "HTTP/1.0 has no Transfer-Encoding; send a Content-Length.\n"
    if any(name == b"content-length" for name, _ in fields):
        return 400, "The request has both Transfer-Encoding and Content-Length; send one.\n"
    if codings == [b"chunked"]:
        return None
    if codings[-1:] != [b"chunked"] or codings.count(b"chunked") > 1:
        return 400, "The Transfer-Encoding does not end with chunked, once; send it chunked.\n"
    return 501, "The body has a transfer coding besides chunked; send it chunked alone.\n"
