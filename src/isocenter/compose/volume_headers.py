"""What headers of MetaImage and NRRD files say of their values, and whether these are all there."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from isocenter.errors import CannotCompose

__all__ = ["DAMAGED", "check_whole", "not_whole"]

DAMAGED = "its values cannot be unpacked; the file is damaged or not whole: copy it again"

_LONGEST = 1 << 20
_PIECE = 1 << 16
_ANY_STREAM = 47  # of zlib or gzip
_META = (".mha", ".mhd")
_NRRD = b"NRRD0"
_META_SIZES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_SIGN = re.compile(r"^u(?=[^n])|^(un)?signed |_t$| int$")
_NRRD_SIZES = {
    **dict.fromkeys(("char", "int8"), 1),
    **dict.fromkeys(("short", "int16"), 2),
    **dict.fromkeys(("int", "int32", "float"), 4),
    **dict.fromkeys(("long long", "longlong", "int64", "double"), 8),
}
_MANY_FILES = ("list", "%")
_BEGINS_LATER = ("headersize", "byte skip", "line skip", "byteskip", "lineskip")


@dataclass(frozen=True, slots=True)
class _Header:
    """The fields of a header, by name in small letters, and where values begin behind it."""

    kind: str
    fields: Mapping[str, str]
    end: int
    needed: tuple[str, ...]

    @property
    def data_file(self) -> str:
        """The file of the values; empty where they follow the header."""
        for name in ("elementdatafile", "data file", "datafile"):
            found = self.fields.get(name, "")
            if found and found.lower() != "local":
                return found
        return ""


def check_whole(path: Path) -> None:
    """Refuse a MetaImage or NRRD file that breaks off, or whose file of values is not there.

    Parameters
    ----------
    path
        Any file; of other formats nothing is said.

    Raises
    ------
    CannotCompose
        Saying how much there is and how much the header speaks of.
    """
    header = _header(path)
    if header is None:
        return
    if missing := [name for name in header.needed if name not in header.fields]:
        raise CannotCompose(
            f"{path} cannot be read as an image: its {header.kind} header breaks off without "
            f"{missing[0]!r}; copy the whole file again."
        )
    name = header.data_file
    if name.lower().startswith(_MANY_FILES[0]) or _MANY_FILES[1] in name:
        return
    data = path.parent / name if name else path
    if not data.is_file():
        raise CannotCompose(
            f"{path} cannot be read as an image: there is no file {data}, in which its "
            f"{header.kind} header says that the values are; put it there."
        )
    begin = 0 if name else header.end
    there, expected = data.stat().st_size - begin, _bytes_stored(header)
    if expected is not None and there < expected:
        raise not_whole(path, there, expected)
    if header.kind == "MetaImage" and _says(header, "compresseddata") and not _unpacks(data, begin):
        raise CannotCompose(f"{path} cannot be read as an image: {DAMAGED}.")


def not_whole(path: Path, there: int, expected: int) -> CannotCompose:
    """Return the error of a file that has fewer values than its header says, in bytes."""
    return CannotCompose(
        f"{path} cannot be read as an image: it has {max(there, 0)} bytes of values, and its "
        f"header speaks of {expected}; the file is not whole: copy it again."
    )


def _header(path: Path) -> _Header | None:
    with path.open("rb") as file:
        head = file.read(_LONGEST)
    if head.startswith(_NRRD):
        gap = re.search(rb"\r?\n\r?\n", head)
        fields = _fields(head[: gap.start()] if gap else head, ":")
        ends = gap or "datafile" in fields
        needed = ("type", "sizes") if ends else ("type", "sizes", "data file")
        return _Header("NRRD", fields, gap.end() if gap else len(head), needed)
    if path.suffix.lower() in _META and (found := re.search(rb"(?m)^\s*NDims\s*=", head)):
        last = re.compile(rb"(?m)^\s*ElementDataFile\s*=[^\n]*\n?").search(head, found.start())
        end = last.end() if last else len(head)
        needed = ("dimsize", "elementtype", "elementdatafile")
        return _Header("MetaImage", _fields(head[:end], "="), end, needed)
    return None


def _fields(text: bytes, sign: str) -> dict[str, str]:
    lines = (line.partition(sign) for line in text.decode("latin-1").splitlines())
    return {
        name.strip().lower(): value.strip()
        for name, found, value in lines
        if found and not value.startswith("=")  # `:=`, a remark of the writer's own
    }


def _says(header: _Header, name: str) -> bool:
    return header.fields.get(name, "").lower() == "true"


def _unpacks(path: Path, begin: int) -> bool:
    """Tell whether a stream unpacks to its end; ITK's reader of MetaImage looks at no error."""
    stream = zlib.decompressobj(_ANY_STREAM)
    with path.open("rb") as file:
        file.seek(begin)
        try:
            while (piece := file.read(_PIECE)) and not stream.eof:
                stream.decompress(piece)
        except zlib.error:
            return False
    return stream.eof


def _bytes_stored(header: _Header) -> int | None:
    """Return how many bytes the values take as they are stored; None where that is not said."""
    fields = header.fields
    if any(fields.get(name, "0") != "0" for name in _BEGINS_LATER):
        return None
    if header.kind == "NRRD":
        size = _NRRD_SIZES.get(_SIGN.sub("", fields["type"].lower()))
        counts, plain = fields["sizes"].split(), fields.get("encoding") == "raw"
    elif _says(header, "compresseddata"):
        stored = fields.get("compresseddatasize", "")
        return int(stored) if stored.isdecimal() else None
    else:
        size = _META_SIZES.get(re.sub(r"^MET_U?|_ARRAY$", "", fields["elementtype"]))
        counts = [fields.get("elementnumberofchannels", "1"), *fields["dimsize"].split()]
        plain = fields.get("binarydata", "true").lower() == "true"
    if size is None or not plain or not all(one.isdecimal() for one in counts):
        return None
    return size * math.prod(map(int, counts))
