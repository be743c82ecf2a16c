"""What the kernel is asked for on a connection: a peer that delays must not delay us."""

import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from tests.tracing import traced

PROGRAM = """
import asyncio
from isocenter.dimse import Acceptor, VerificationService, connect, connect_sync

async def echo(address):
    async with connect(address) as association:
        assert (await association.echo()).code == 0

with Acceptor([VerificationService()], port=0) as acceptor:
    address = "ISOCENTER@127.0.0.1:%d" % acceptor.address[1]
    with connect_sync(address) as association:
        assert association.echo().code == 0
    asyncio.run(echo(address))
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The calls about connections, by thread."""
    log = Path(tmp_path_factory.mktemp("traced")) / "log"
    traced(PROGRAM, [], calls="setsockopt,recvfrom,recvmsg,accept4,connect", log=log)
    found = defaultdict(list)
    begun: dict[str, str] = {}
    for thread, call in re.findall(r"^(\d+) +(.*)$", log.read_text(), re.M):
        if call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>")
            continue
        if call.startswith("<... "):
            call = begun[thread] + call.partition("resumed>")[2]
        found[thread].append(call)
    return found


def test_small_segments_leave_at_once_on_either_side(calls: dict[str, list[str]]) -> None:
    together = [call for thread in calls.values() for call in thread]
    opened = sum(call.startswith("connect(") and "AF_INET" in call for call in together)
    accepted = sum(call.startswith("accept4(") and call.count("AF_INET") for call in together)
    without_delay = sum("TCP_NODELAY, [1]" in call for call in together)
    assert opened == accepted == 2
    assert without_delay >= opened + accepted


def test_what_was_received_is_acknowledged_at_once_each_time(calls: dict[str, list[str]]) -> None:
    received = 0
    for thread in calls.values():
        ours = [call for call in thread if re.match(r"recv|setsockopt.*QUICKACK", call)]
        for call, behind in pairwise([*ours, ""]):
            if re.search(r"\) += [1-9]\d*$", call) and re.search(r'"\\[1-7]\\0', call):
                received += 1
                assert "TCP_QUICKACK, [1]" in behind, (call, behind)
    assert received >= 2 * 6  # request, acceptance, an echo and its response, both releases
