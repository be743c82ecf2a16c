"""What the DICOMweb services do alike."""

import pytest
from starlette.requests import Request

from isocenter import errors
from isocenter.services.web import (
    accepts_gzip,
    base_url,
    failure,
    forwarded_prefix,
    not_modified,
)


def request(**headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "server": ("127.0.0.1", 8104),
        "path": "/dicomweb/studies",
        "root_path": "/dicomweb",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8104"), *named],
    }
    return Request(scope)


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({}, "http://127.0.0.1:8104/dicomweb"),
        ({"x_forwarded_proto": "https"}, "https://127.0.0.1:8104/dicomweb"),
        ({"x_forwarded_host": "pacs, inner"}, "http://pacs/dicomweb"),
        ({"forwarded": "proto=https; host=pacs.example"}, "https://pacs.example/dicomweb"),
        (
            {"forwarded": 'for=1.1.1.1;host="[2001:db8::1]:8443"'},
            "http://[2001:db8::1]:8443/dicomweb",
        ),
        ({"forwarded": "host=a/b"}, "http://127.0.0.1:8104/dicomweb"),
        ({"forwarded": "proto=javascript"}, "http://127.0.0.1:8104/dicomweb"),
        ({"x_forwarded_prefix": "/a/b/"}, "http://127.0.0.1:8104/a/b/dicomweb"),
        ({"x_forwarded_prefix": "//evil"}, "http://127.0.0.1:8104/dicomweb"),
    ],
)
def test_the_url_of_the_service_is_the_one_that_was_asked(headers: dict, url: str) -> None:
    assert base_url(request(**headers)) == url


def test_a_prefix_that_is_no_path_is_passed_over() -> None:
    assert forwarded_prefix(request(x_forwarded_prefix="/pacs")) == "/pacs"
    for bad in ("pacs", "/a b", '/"', "/a\\b"):
        assert forwarded_prefix(request(x_forwarded_prefix=bad)) == ""


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.00", False),
        ("identity", False),
    ],
)
def test_gzip_is_used_where_it_is_accepted(text: str, accepted: bool) -> None:
    assert accepts_gzip(request(accept_encoding=text)) is accepted


@pytest.mark.parametrize("text", ['"a"', 'W/"a"', '"b", "a"', "*"])
def test_a_known_etag_is_recognised(text: str) -> None:
    assert not_modified(request(if_none_match=text), '"a"')
    assert not not_modified(request(if_none_match='"b"'), '"a"')


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("x"), 404),
        (errors.NotAcceptable("x"), 406),
        (errors.UnsupportedMediaType("x"), 415),
        (errors.InvalidRequest("x"), 400),
        (errors.QueryError("x"), 400),
        (errors.LimitExceeded("x"), 413),
        (errors.PixelDataError("x"), 422),
        (errors.InvalidDicom("x"), 422),
        (errors.OutOfResources("x"), 503),
        (errors.IsocenterError("x"), 500),
    ],
)
def test_an_error_becomes_its_status_and_its_sentence(
    error: errors.IsocenterError, status: int
) -> None:
    answer = failure(error)
    assert (answer.status_code, answer.body) == (status, b"x\n")
