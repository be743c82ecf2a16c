"""Every face of the archive on one port."""

import asyncio
from urllib.parse import urljoin

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient
from tests.factories import ct_slice, part10_bytes
from tests.server.raw_http import answers

from isocenter.archive import Archive
from isocenter.errors import OutOfResources
from isocenter.server.app import create_app
from isocenter.server.metrics import Metrics
from isocenter.server.settings import load


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "data", durability="fast") as archive:
        yield archive


def client(archive: Archive, probe=lambda: None, **settings: str) -> TestClient:
    app = create_app(
        archive,
        load(settings).settings,
        metrics=Metrics(),
        probe=probe,
        closing=asyncio.Event(),
    )
    return TestClient(app, base_url="http://127.0.0.1:8104")


def test_the_same_study_shows_in_dicomweb_and_in_the_viewers_list(archive):
    dataset = ct_slice(8, 8)
    archive.ingest(part10_bytes(dataset))
    browser = client(archive)
    (found,) = browser.get("/dicomweb/studies").json()
    assert found["0020000D"]["Value"] == [dataset.StudyInstanceUID]
    (listed,) = browser.get("/api/studies").json()["studies"]
    assert listed["uid"] == dataset.StudyInstanceUID


def test_the_api_is_described_and_dicomweb_is_not_part_of_it(archive):
    paths = client(archive).get("/api/openapi.json").json()["paths"]
    assert "/api/studies" in paths
    assert not [path for path in paths if not path.startswith("/api/")]


@pytest.mark.parametrize("path", ["/", "/api/studies"])
def test_the_first_visitor_does_not_wait_for_routes_to_be_put_together(path, archive, monkeypatch):
    browser = client(archive)
    built: list[object] = []
    monkeypatch.setattr(TypeAdapter, "__init__", lambda adapter, *_, **__: built.append(adapter))
    assert browser.get(path).status_code == 200
    assert built == []


@pytest.mark.parametrize("path", ["/dicomweb/nothing", "/api/nothing", "/docs/oauth2-redirect.js"])
def test_a_wrong_path_of_a_program_is_an_error(path, archive):
    assert client(archive).get(path).status_code == 404


def test_it_is_not_ready_while_the_index_fails_and_tells_strangers_nothing_of_it(archive):
    def probe():
        raise ConnectionError("no route to secret.host as user somebody")

    answer = client(archive, probe).get("/health/ready")
    assert answer.status_code == 503
    assert "secret" not in answer.text


def test_it_is_not_ready_while_it_cannot_work_and_says_why(archive):
    def probe():
        raise OutOfResources("the disk is full")

    answer = client(archive, probe).get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "reason": "the disk is full"}
    assert client(archive, probe).get("/health/live").status_code == 200


def test_objects_over_the_limit_are_refused(archive):
    small = client(archive, max_object_size="10kB")
    answer = small.post(
        "/dicomweb/studies",
        content=part10_bytes(ct_slice(128, 128)),
        headers={"Content-Type": "application/dicom"},
    )
    assert answer.status_code in (409, 413)
    assert archive.changes() == []


VIEWER = "https://viewer.example"


def test_a_trusted_origin_gets_its_preflight_answered_without_a_token(archive):
    browser = client(archive, origins=VIEWER, tokens="0123456789abcdef")
    asked = {"Origin": VIEWER, "Access-Control-Request-Method": "POST"}
    answer = browser.options("/dicomweb/studies", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == VIEWER
    assert browser.get("/dicomweb/studies", headers={"Origin": VIEWER}).status_code == 401


def test_a_trusted_page_that_sends_credentials_may_read_what_an_answer_says_in_headers(archive):
    answer = client(archive, origins=VIEWER).get("/dicomweb/studies", headers={"Origin": VIEWER})
    assert answer.headers["access-control-allow-credentials"] == "true"
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"etag", "warning", "retry-after"} <= set(exposed)
    assert {"accept-ranges", "content-range"} <= set(exposed)


@pytest.mark.parametrize("settings", [{}, {"origins": VIEWER}])
def test_no_other_origin_may_read_answers(settings, archive):
    answer = client(archive, **settings).get(
        "/api/studies", headers={"Origin": "https://x.example"}
    )
    assert "access-control-allow-origin" not in answer.headers


STUDY = "/dicomweb/studies/1.2.3"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", {"GET", "HEAD"}),
        ("/dicomweb/", set()),
        ("/dicomweb/studies", {"GET", "HEAD", "POST"}),
        (STUDY, {"GET", "HEAD", "POST", "DELETE"}),
        (f"{STUDY}/metadata", {"GET", "HEAD"}),
        ("/api/studies", {"GET"}),
        ("/metrics", {"GET", "HEAD"}),
    ],
)
def test_options_tells_the_methods_of_a_resource(path, methods, archive):
    answer = client(archive).options(path)
    assert answer.status_code == 204
    assert answer.content == b""
    assert "content-length" not in answer.headers  # RFC 9110 8.6
    assert set(answer.headers["allow"].split(", ")) == methods | {"OPTIONS"}


def test_options_of_what_is_not_there_is_404(archive):
    assert client(archive).options(f"{STUDY}/nothing").status_code == 404


@pytest.mark.parametrize("settings", [{}, {"tokens": "0123456789abcdef"}])
@pytest.mark.parametrize(
    ("target", "status"),
    [("/", 204), ("*", 204), ("/health/live", 200), ("/health/ready", 200)],
)
def test_a_load_balancer_may_ask_as_haproxy_does(target, status, settings, archive):
    """HAProxy's configuration manual, "option httpchk": OPTIONS, HTTP/1.0 and no Host."""
    answer = answers(client(archive, **settings).app, f"OPTIONS {target} HTTP/1.0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 %d " % status)


def test_a_node_that_is_not_ready_says_so_to_options_too(archive):
    def probe():
        raise OutOfResources("the disk is full")

    browser = client(archive, probe)
    assert browser.options("/health/ready").status_code == 503
    assert browser.options("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/dicomweb/studies/", "/dicomweb/studies"),
        ("/dicomweb/studies/?PatientID=a%20b", "/dicomweb/studies?PatientID=a%20b"),
        ("/dicomweb/studies/1.2.3/series/", "/dicomweb/studies/1.2.3/series"),
        ("/dicomweb", "/dicomweb/"),
        ("/metrics/", "/metrics"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/pacs"])
@pytest.mark.parametrize("told", [{}, {"X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/x"}])
def test_a_slash_too_many_is_redirected_to_where_the_user_agent_finds_it(
    path, target, prefix, told, archive
):
    asked = f"https://hospital.example{prefix}{path}"
    answer = client(archive).get(path, headers=told, follow_redirects=False)
    assert answer.status_code == 307
    assert urljoin(asked, answer.headers["location"]) == f"https://hospital.example{prefix}{target}"


def test_a_redirect_never_leads_to_another_host(archive):
    for path in ("//evil.example/dicomweb/studies/", "/dicomweb//evil.example//"):
        answer = client(archive).get(path, follow_redirects=False)
        location = answer.headers.get("location", "")
        assert urljoin("https://hospital.example/", location).startswith(
            "https://hospital.example/"
        )
