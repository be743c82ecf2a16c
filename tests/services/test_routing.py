"""Which route answers which path."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from isocenter.services.routing import RoutesByShape

PATHS = {
    "/studies": "GET",
    "/studies/{study}": "DELETE",
    "/studies/{study}/metadata": "GET",
    "/studies/{study}/series": "GET",
    "/studies/{study}/series/{series}": "GET",
    "/studies/{study}/series/{series}/bulkdata/{path:path}": "GET",
}


def route(path: str, method: str) -> Route:
    async def answer(request: Request) -> Response:
        return PlainTextResponse(f"{path} {sorted(request.path_params.items())}")

    return Route(path, answer, methods=[method])


@pytest.fixture(params=["", "/mounted"])
def client(request: pytest.FixtureRequest) -> TestClient:
    routes = [route(path, method) for path, method in PATHS.items()]
    by_shape = [RoutesByShape([*routes, route("/studies", "POST")])]
    app = Starlette(routes=[Mount(request.param, routes=by_shape)] if request.param else by_shape)
    return TestClient(app, base_url=f"http://testserver{request.param}")


@pytest.mark.parametrize(
    ("path", "template", "parameters"),
    [
        ("/studies", "/studies", {}),
        ("/studies/1.2/metadata", "/studies/{study}/metadata", {"study": "1.2"}),
        ("/studies/1.2/series", "/studies/{study}/series", {"study": "1.2"}),
        (
            "/studies/1/series/2",
            "/studies/{study}/series/{series}",
            {"study": "1", "series": "2"},
        ),
        (
            "/studies/1/series/2/bulkdata/00540016/0/7FE00010",
            "/studies/{study}/series/{series}/bulkdata/{path:path}",
            {"study": "1", "series": "2", "path": "00540016/0/7FE00010"},
        ),
    ],
)
def test_a_path_finds_its_route_and_its_parameters(
    client: TestClient, path: str, template: str, parameters: dict[str, str]
) -> None:
    answer = client.get(path)
    assert answer.text == f"{template} {sorted(parameters.items())}"


def test_methods_of_one_path_have_routes_of_their_own(client: TestClient) -> None:
    assert client.post("/studies").status_code == 200
    assert client.delete("/studies/1.2").status_code == 200
    refused = client.get("/studies/1.2")
    assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, OPTIONS")


@pytest.mark.parametrize(
    "path",
    ["/", "/study", "/studies/1.2/nothing", "/studies/1/series/2/more/3", "/studies//series"],
)
def test_other_paths_are_not_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_method_that_there_is_not_is_answered_with_those_that_there_are(
    client: TestClient,
) -> None:
    answer = client.put("/studies")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.text == "PUT is no method of this resource; it has GET, HEAD, OPTIONS, POST\n"
