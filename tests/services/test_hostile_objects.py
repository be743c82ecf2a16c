"""Objects that have hurt other receivers, sent over a wire into an archive.

Each costs its sender a failure or is kept as it is; the association goes on, and so does the node.
"""

import re
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dimse.wire import (
    CT,
    EXPLICIT,
    RawPeer,
    accepting,
    context,
    p_data,
    pdv,
    status_of,
    store_rq,
)
from tests.factories import ct_slice, data_set_bytes

from isocenter.archive import Archive
from isocenter.dimse import Acceptor
from isocenter.services.storage import storage_service

DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
SYNTAXES = {EXPLICIT: 1, DEFLATED: 3, JPEG: 5}
SLICE = ct_slice(16, 16)
INSTANCE = str(SLICE.SOPInstanceUID)
WHOLE = data_set_bytes(SLICE)
PIXEL_DATA = WHOLE.rindex(b"\xe0\x7f\x10\x00")
HEAD, PIXELS = WHOLE[:PIXEL_DATA], WHOLE[PIXEL_DATA:]
ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
ENDS = b"\xfe\xff\x0d\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """An element with a long length field, which may lie."""
    claimed = len(value) if length is None else length
    return struct.pack("<HH2sHI", group, number, vr, 0, claimed) + value


def nested(depth: int) -> bytes:
    begin = element(0x40, 0xA730, b"SQ", b"", 0xFFFFFFFF) + ITEM
    return HEAD + begin * depth + ENDS * depth + PIXELS


def bomb(size: int) -> bytes:
    """A deflated data set that inflates to so many bytes in front of its pixels."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    mebibyte = bytes(1 << 20)
    parts = [packer.compress(HEAD + element(0x7FDF, 0x1001, b"UN", b"", size))]
    parts += [packer.compress(mebibyte) for _ in range(size >> 20)]
    parts += [packer.compress(PIXELS), packer.flush()]
    packed = b"".join(parts)
    return packed + bytes(len(packed) % 2)


def with_rows_and_columns(value: int) -> bytes:
    found = re.sub(rb"\x28\x00[\x10\x11]\x00US\x02\x00", lambda tag: tag[0] + b"*", WHOLE)
    return re.sub(rb"(US\x02\x00)\*..", lambda tag: tag[1] + struct.pack("<H", value), found)


KEPT = {
    "a private element without its creator": (EXPLICIT, HEAD + element(0x7FDF, 0x1001, b"UN", b"")),
    "65535 rows and columns, 512 bytes of pixels": (EXPLICIT, with_rows_and_columns(0xFFFF)),
    "two billion frames, one there": (
        EXPLICIT,
        WHOLE.replace(b"\x28\x00\x10\x00", b"\x28\x00\x08\x00IS\x0a\x002000000000\x28\x00\x10\x00"),
    ),
}
REFUSED = {
    "nested a thousand deep": (EXPLICIT, nested(1000), b"sequences nest deeper than 64"),
    "nested a hundred thousand deep": (EXPLICIT, nested(100_000), b"sequences nest deeper than 64"),
    "an unknown VR of four gigabytes": (
        EXPLICIT,
        element(8, 5, b"ZZ", b"", 0xFFFFFFF0) + WHOLE,
        b"bytes long; at most",
    ),
    "an element that reaches far past the end": (
        EXPLICIT,
        HEAD + element(0x7FDF, 0x1001, b"UN", b"", 0xFFFFFFF0) + PIXELS,
        b"truncated",
    ),
    "pixels that break off": (EXPLICIT, WHOLE[:-100], b"truncated"),
    "a fragment that breaks off": (
        JPEG,
        HEAD
        + element(0x7FE0, 0x10, b"OB", b"\xfe\xff\x00\xe0" + bytes(4), 0xFFFFFFFF)
        + b"\xfe\xff\x00\xe0\xff\xff\xff\x7fabcd",
        b"fragment 1 of pixel data is cut off",
    ),
    "fragments without their delimiter": (
        JPEG,
        HEAD + element(0x7FE0, 0x10, b"OB", b"\xfe\xff\x00\xe0" + bytes(4), 0xFFFFFFFF),
        b"pixel data",
    ),
    "a deflate bomb": (DEFLATED, bomb(160 << 20), b"inflated bytes hold no Pixel Data"),
    "a deflated data set that is none": (DEFLATED, b"\xff" * 4096, b"deflate"),
    "nothing but zeros": (EXPLICIT, bytes(5000), b""),
}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "data", durability="fast") as archive:
        yield archive


@pytest.fixture
def acceptor(archive: Archive) -> Iterator[Acceptor]:
    with accepting(services=[storage_service(archive)]) as acceptor:
        yield acceptor


@pytest.fixture
def peer(acceptor: Acceptor) -> Iterator[RawPeer]:
    with RawPeer.to(acceptor) as peer:
        peer.associate(*(context(number, CT, uid) for uid, number in SYNTAXES.items()))
        yield peer
        peer.release()


def stored(peer: RawPeer, syntax: str, data: bytes, instance: str = INSTANCE) -> bytes:
    """The response to an object sent in fragments, as a command set."""
    number = SYNTAXES[syntax]
    peer.send(p_data(pdv(store_rq(7, CT, instance), context_id=number)))
    for start in range(0, len(data), 16000):
        piece, last = data[start : start + 16000], start + 16000 >= len(data)
        peer.send(p_data(pdv(piece, context_id=number, command=False, last=last)))
    return peer.command()


def memory() -> int:
    """The most memory that this process has had, in bytes."""
    resource = pytest.importorskip("resource", reason="this system does not tell; run on Linux")
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


@pytest.mark.parametrize(("syntax", "data", "why"), REFUSED.values(), ids=REFUSED)
def test_a_hostile_object_is_refused_in_little_memory_and_the_next_one_is_kept(
    syntax: str, data: bytes, why: bytes, peer: RawPeer, archive: Archive
) -> None:
    before = memory()
    response = stored(peer, syntax, data)

    assert status_of(response) in (0xA700, 0xA900, 0xC000)
    assert why in response
    assert memory() - before < 64 << 20
    assert list(archive.directory.rglob("*.dcm")) == []
    assert status_of(stored(peer, EXPLICIT, WHOLE)) == 0x0000


@pytest.mark.parametrize(("syntax", "data"), KEPT.values(), ids=KEPT)
def test_an_odd_object_that_is_whole_is_kept_as_it_came_in_little_memory(
    syntax: str, data: bytes, peer: RawPeer, archive: Archive
) -> None:
    assert data != WHOLE
    before = memory()

    assert status_of(stored(peer, syntax, data)) == 0x0000
    assert memory() - before < 64 << 20
    (kept,) = archive.directory.rglob("*.dcm")
    assert kept.read_bytes().endswith(data)


@pytest.mark.parametrize("uid", ["../../../../tmp/hostile", "/tmp/hostile", "..", "1.2/3", "\\"])
def test_an_instance_uid_of_the_request_never_becomes_a_path(
    uid: str, peer: RawPeer, archive: Archive, tmp_path: Path
) -> None:
    named = WHOLE.replace(INSTANCE.encode(), uid.encode().ljust(len(INSTANCE)))

    assert status_of(stored(peer, EXPLICIT, named, uid)) == 0xA900
    assert status_of(stored(peer, EXPLICIT, WHOLE, uid)) == 0xA900
    assert status_of(stored(peer, EXPLICIT, named)) == 0xA900
    assert [one for one in tmp_path.rglob("*") if "hostile" in one.name] == []
    assert list(archive.directory.rglob("*.dcm")) == []
    assert status_of(stored(peer, EXPLICIT, WHOLE)) == 0x0000
