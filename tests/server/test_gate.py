import asyncio
import base64

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from isocenter.server.gate import Gate
from isocenter.server.metrics import Metrics
from isocenter.server.settings import load

TOKEN = "0123456789abcdef-secret"


def client(base_url: str = "http://127.0.0.1:8104", **settings) -> TestClient:
    async def hello(request):
        return PlainTextResponse("hello")

    app = Starlette(
        routes=[
            Route(path, hello, methods=["GET", "POST", "DELETE", "OPTIONS"])
            for path in ("/", "/health/live", "/health/ready", "/metrics")
        ]
    )
    gate = Gate(app, load(settings).settings, Metrics())
    return TestClient(gate, base_url=base_url)


def basic(user: str, password: str) -> dict[str, str]:
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}


@pytest.mark.parametrize("host", ["127.0.0.1:8104", "localhost", "[::1]:8104", "192.168.1.9:80"])
def test_addresses_and_localhost_are_always_known(host):
    assert client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8104", ""])
def test_a_foreign_host_name_is_refused_so_that_dns_rebinding_reads_nothing(host):
    assert client().get("/", headers={"Host": host}).status_code == 421


def test_a_health_check_under_a_foreign_name_is_refused_like_all_else():
    for path in ("/", "/health/ready"):
        assert client().options(path, headers={"Host": "evil.example"}).status_code == 421


def test_a_request_that_names_two_hosts_is_refused():
    for second in ("localhost", "evil.example"):
        answer = client().get("/", headers=[("Host", "localhost"), ("Host", second)])
        assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health/ready", 200),
        ("OPTIONS", "/health/ready", 200),
        ("OPTIONS", "/", 200),
        ("GET", "/", 421),
        ("OPTIONS", "/metrics", 421),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"tokens": TOKEN}])
def test_a_load_balancer_that_names_no_host_is_told_the_health_alone(
    method, path, status, settings
):
    answers = []

    async def send(message):
        answers.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
    asyncio.run(client(**settings).app(scope, lambda: None, send))
    assert answers[0]["status"] == status


def test_a_configured_host_name_is_known():
    assert client(hosts="pacs.example").get("/", headers={"Host": "PACS.example"}).is_success


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_asked_for_by_another_sites_page_is_refused(headers):
    for method in ("POST", "DELETE"):
        assert client().request(method, "/", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8104", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_change_from_our_own_page_or_from_a_program_passes(headers):
    assert client().post("/", headers=headers).status_code == 200


def test_a_trusted_origin_may_change_things():
    trusted = "https://viewer.example"
    headers = {"Origin": trusted, "Sec-Fetch-Site": "cross-site"}
    assert client(origins=trusted).post("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic"},
        {"Authorization": f"Digest {TOKEN}"},
        basic(TOKEN, ""),
    ],
)
def test_without_a_right_token_nothing_is_answered(headers):
    answer = client(tokens=TOKEN).get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {TOKEN}"}, basic("anyone", TOKEN), basic("", TOKEN)]
)
def test_a_token_opens_as_bearer_or_as_a_browsers_password(headers):
    assert client(tokens=f"another-token-of-ours,{TOKEN}").get("/", headers=headers).is_success


def test_health_needs_no_token():
    for path in ("/health/live", "/health/ready"):
        assert client(tokens=TOKEN).get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/nothing"])
def test_every_answer_carries_the_security_headers(path):
    headers = client().get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_what_says_nothing_about_caching_is_not_kept_on_the_way():
    assert client().get("/").headers["cache-control"] == "private, no-cache"


def test_what_says_how_to_cache_keeps_saying_so():
    async def picture(request):
        return PlainTextResponse("...", headers={"Cache-Control": "max-age=60"})

    gate = Gate(Starlette(routes=[Route("/", picture)]), load().settings, Metrics())
    answer = TestClient(gate, base_url="http://localhost").get("/")
    assert answer.headers["cache-control"] == "max-age=60"


def test_refusals_carry_the_security_headers_too():
    headers = client().get("/", headers={"Host": "evil.example"}).headers
    assert "content-security-policy" in headers


def test_requests_are_counted_by_method_and_status():
    metrics = Metrics()
    gate = Gate(Starlette(), load().settings, metrics)
    TestClient(gate, base_url="http://localhost").get("/nothing")
    TestClient(gate, base_url="http://localhost").request("BREW", "/nothing")
    assert 'isocenter_http_requests_total{method="GET",status="404"} 1' in metrics.text()
    assert 'isocenter_http_requests_total{method="other",status="404"} 1' in metrics.text()


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Basic éé".encode()}, {"Authorization": b"Basic ===="}]
)
def test_credentials_that_cannot_be_read_are_refused_as_wrong_ones(headers):
    assert client(tokens=TOKEN).get("/", headers=headers).status_code == 401


def test_an_origin_that_cannot_be_read_is_refused_as_a_foreign_one():
    assert client().post("/", headers={"Origin": "http://[evil"}).status_code == 403
