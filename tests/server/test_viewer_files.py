import gzip
import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from isocenter.server.viewer_files import routes

SCRIPT = "console.log('hello');" * 100


@pytest.fixture
def client(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Viewer</title>")
    (tmp_path / "assets" / "main-a1b2c3.js").write_text(SCRIPT)
    (tmp_path / "assets" / "codec-d4.wasm").write_bytes(b"\0asm" + bytes(1000))
    (tmp_path / "favicon.svg").write_text("<svg/>")
    return TestClient(Starlette(routes=routes(tmp_path)))


@pytest.mark.parametrize(
    "path", ["/", "/?patientId=1", "/viewer?StudyInstanceUIDs=1.2.3", "/viewer/"]
)
def test_every_page_of_the_viewer_is_its_one_page_and_always_fresh(client, path):
    answer = client.get(path)
    assert "<title>Viewer</title>" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"


def test_hashed_assets_are_kept_for_ever_by_the_browser(client):
    answer = client.get("/assets/main-a1b2c3.js")
    assert answer.text == SCRIPT
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


def test_text_goes_compressed_to_whoever_takes_gzip(client):
    with client.stream(
        "GET", "/assets/main-a1b2c3.js", headers={"Accept-Encoding": "gzip"}
    ) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(answer.iter_raw())).decode() == SCRIPT
    plain = client.get("/assets/main-a1b2c3.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_webassembly_has_the_type_that_streaming_compilation_wants(client):
    assert client.get("/assets/codec-d4.wasm").headers["content-type"] == "application/wasm"


def test_an_unchanged_file_is_not_sent_again(client):
    etag = client.get("/").headers["etag"]
    answer = client.get("/", headers={"If-None-Match": f'W/"x", {etag}'})
    assert answer.status_code == 304
    assert answer.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/assets/main-old.js",
        "/api/nothing",
        "/dicomweb/nothing",
        "/v2/nothing",
        "/changefeed",
        "/studies",
        "/instances/1",
        "/patients",
        "/wado?requestType=WADO",
        "/robots.txt",
        "/..%2f..%2fviewer_files.py",
        "/assets/..%2f..%2fapp.py",
    ],
)
def test_a_wrong_path_of_a_program_is_an_error_and_never_the_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "DICOMweb at /dicomweb" in answer.text


def test_no_path_leads_out_of_the_viewers_folder(client):
    assert client.get("/%2e%2e/%2e%2e/etc/passwd").status_code == 404


def test_without_a_built_viewer_the_page_says_how_to_build_it(tmp_path):
    client = TestClient(Starlette(routes=routes(tmp_path)))
    assert "hatch_build.py" in client.get("/").text


@pytest.mark.parametrize(
    ("query", "preloaded"),
    [
        (
            "StudyInstanceUIDs=1.2",
            ["/api/studies/1.2?display=true", "/api/studies/1.2/first-frame"],
        ),
        (
            "StudyInstanceUIDs=1.2&SeriesInstanceUID=3.4",
            [
                "/api/studies/1.2",
                "/api/studies/1.2/series/3.4",
                "/api/studies/1.2/first-frame?series=3.4",
            ],
        ),
        ("StudyInstanceUIDs=1.2,1.3", []),
        ("StudyInstanceUIDs=1.2&StudyInstanceUIDs=1.3", []),
        ("StudyInstanceUIDs=%3E%3B%20rel=x", []),
        ("", []),
    ],
)
def test_the_page_says_what_it_will_ask_for(client, query, preloaded):
    link = client.get(f"/viewer?{query}").headers.get("link", "")
    assert re.findall("<(.*?)>", link) == preloaded
