"""`isocenter echo` against a node that somebody else wrote."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from pynetdicom import AE

pytestmark = pytest.mark.peer


@pytest.fixture
def node() -> Iterator[tuple[AE, int]]:
    """A Verification SCP of pynetdicom that insists on its own title."""
    entity = AE("ARCHIVE")
    entity.add_supported_context("1.2.840.10008.1.1")
    entity.require_called_aet = True
    server = entity.start_server(("127.0.0.1", 0), block=False)
    yield entity, server.server_address[1]
    entity.shutdown()


def echo(title: str, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "isocenter", "echo", f"{title}@127.0.0.1:{port}", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_node_that_answers_is_said_to(node: tuple[AE, int]) -> None:
    done = echo("ARCHIVE", node[1])
    assert done.returncode == 0, done.stderr
    assert "ARCHIVE" in done.stdout


def test_a_node_of_another_title_is_told_apart_from_one_that_is_not_there(
    node: tuple[AE, int],
) -> None:
    entity, port = node
    refused = echo("SOMEBODY", port)
    entity.require_calling_aet = ["FRIEND"]
    unknown = echo("ARCHIVE", port)
    welcome = echo("ARCHIVE", port, "--calling", "FRIEND")
    entity.shutdown()
    gone = echo("ARCHIVE", port)

    assert "another AE title" in refused.stderr
    assert "does not know our AE title" in unknown.stderr
    assert "Nothing listens" in gone.stderr
    assert [done.returncode for done in (refused, unknown, welcome, gone)] == [3, 3, 0, 3]
