"""Walk over a data set and write each element in the DICOM JSON Model.

The loops over elements are written for speed: what can be known of an element by its tag and value
representation alone is looked up once and kept.
"""

import struct
from collections.abc import Callable
from mmap import mmap
from operator import lt
from typing import NamedTuple

from isocenter.dicom import dictionary, tags
from isocenter.dicom.encoding import (
    LONG_VRS,
    MAXIMUM_DEPTH,
    SHORT_VRS,
    UNDEFINED_LENGTH,
    Layout,
    describe,
    element_value,
    item_implicit,
    padding_end,
    skip_undefined,
)
from isocenter.dicom.json_values import (
    BINARY_VRS,
    CONVERTERS,
    Converter,
    inline_binary,
    lut_descriptor,
    quote,
)
from isocenter.dicom.places import find_element
from isocenter.dicom.value_representations import LUT_DESCRIPTORS, TEACHING_TAGS, Level
from isocenter.errors import InvalidDicom, LimitExceeded

BulkDataURI = str | Callable[[str], str]
"""The link's beginning, before the slash and the element's path; or what makes it of the path."""

LONGEST_INLINE = 1 << 20
"""Values of any kind longer than this many bytes become bulk data."""

_PIXEL_DATA = frozenset({tags.PixelData, tags.FloatPixelData, tags.DoubleFloatPixelData})
_LONGEST_UNKNOWN = 0xFFFF  # a longer value was written as UN because its own VR cannot hold it
_OUTSIDE_GROUPS = frozenset({0x0000, 0x0002})  # command sets and File Meta Information
_CACHE_SIZE = 1 << 14
_SHORTEST_ELEMENT = 8


class _Kind(NamedTuple):
    """What can be known of an element by its tag and value representation alone."""

    tag: int
    vr: str
    prefix: str  # the beginning of its member
    convert: Converter | None  # None if there is more to do than to convert its value


class Writer:
    """Writes one data set with all that is nested in it.

    Parameters
    ----------
    data
        Where the data set stands.
    layout
        How it is laid out.
    bulk_data_uri, bulk_threshold
        As for `json_model.data_set_json`.
    start
        Where the data set begins.
    """

    def __init__(
        self,
        data: bytes | mmap,
        layout: Layout,
        bulk_data_uri: BulkDataURI,
        bulk_threshold: int,
        start: int = 0,
    ) -> None:
        self.data = data
        self.layout = layout
        self.bulk_data_uri = bulk_data_uri
        self.bulk_threshold = bulk_threshold
        self.start = start
        self.kinds = _kinds(layout, implicit=False)
        self.implicit_kinds = _kinds(layout, implicit=True)
        self.unpack = struct.Struct(f"{layout.order}6sH").unpack_from
        self.unpack_implicit = struct.Struct(f"{layout.order}4sI").unpack_from
        self._found_representation: int | None = None

    def data_set(self, offset: int, end: int | None, level: Level) -> tuple[list[str], int]:
        """Write the elements up to `end`, or to the Item Delimitation Item if that is None."""
        members: list[str] = []
        if level.depth > MAXIMUM_DEPTH:
            raise LimitExceeded(f"sequences nest deeper than {MAXIMUM_DEPTH} at offset {offset}")
        walk = self._implicit if level.implicit else self._explicit
        try:
            offset = walk(offset, end, level, members)
        except struct.error:
            raise self._truncated(len(self.data)) from None
        return in_order(members), offset

    def _explicit(self, offset: int, end: int | None, level: Level, members: list[str]) -> int:
        data, kinds, unpack, order = self.data, self.kinds, self.unpack, self.layout.order
        limit = len(data) if end is None else end
        last = limit - _SHORTEST_ELEMENT
        characters = level.characters
        while offset <= last:
            head, length = unpack(data, offset)
            kind = kinds.get(head) or _learn_kind(head, self.layout, kinds)
            convert = kind.convert
            if convert is not None:
                start = offset + 8
                offset = start + length
                if offset > limit:
                    raise self._truncated(start - 8, kind.tag)
                raw = data[start:offset]
                try:
                    members.append(f"{kind.prefix}{convert(raw, characters, order)}}}")
                except (struct.error, ValueError):
                    members.append(_unreadable(kind.tag, raw))
            elif kind.tag == tags.ItemDelimitationItem and end is None:
                return offset + 8
            else:
                offset = self._special(offset, limit, level, kind, members)
                characters = level.characters
        return self._ended(offset, end)

    def _implicit(self, offset: int, end: int | None, level: Level, members: list[str]) -> int:
        data, kinds, unpack = self.data, self.implicit_kinds, self.unpack_implicit
        limit = len(data) if end is None else end
        last = limit - _SHORTEST_ELEMENT
        while offset <= last:
            head, length = unpack(data, offset)
            kind = kinds.get(head) or _learn_implicit_kind(head, self.layout, kinds)
            if kind.convert is not None and length <= LONGEST_INLINE:
                start = offset + 8
                offset = start + length
                if offset > limit:
                    raise self._truncated(start - 8, kind.tag)
                raw = data[start:offset]
                try:
                    value = kind.convert(raw, level.characters, self.layout.order)
                    members.append(f"{kind.prefix}{value}}}")
                except (struct.error, ValueError):
                    members.append(_unreadable(kind.tag, raw))
            elif kind.tag == tags.ItemDelimitationItem and end is None:
                return offset + 8
            else:
                offset = self._special(offset, limit, level, kind, members)
        return self._ended(offset, end)

    def _ended(self, offset: int, end: int | None) -> int:
        """Return where a level ended, behind which nothing but padding may stand."""
        if end is None or self.data[offset:end].strip(b"\0"):
            raise self._truncated(offset)
        return end

    def _special(
        self, offset: int, limit: int, level: Level, kind: _Kind, members: list[str]
    ) -> int:
        """Write an element that takes more than converting its value; return where it ends."""
        tag = kind.tag
        if tag == 0:
            return min(padding_end(self.data, offset), limit)
        start, length, inner = element_value(self.data, offset, self.layout, level.implicit)
        vr = self._vr(kind, level, length)
        if tag in _PIXEL_DATA and not level.depth:
            return self._pixel_data(start, limit, length, vr, kind, members)
        if length == UNDEFINED_LENGTH and (vr in BINARY_VRS - {"UN"} or tag in _PIXEL_DATA):
            members.append(self._link(tag, "OB", level))
            return skip_undefined(self.data, start, self.layout, implicit=inner)
        if length == UNDEFINED_LENGTH:
            return self._sequence(start, None, level, tag, inner, members)
        end = start + length
        if end > limit:
            raise self._truncated(offset, tag)
        if tag & 0xFFFF == 0 or tag >> 16 in _OUTSIDE_GROUPS or tag >= tags.DataSetTrailingPadding:
            return end  # says something about the encoding, which JSON does not have
        if vr == "SQ" and self._holds_items(start, length):
            inner = inner or kind.vr == "UN"
            return self._sequence(start, end, level, tag, inner, members)
        members.append(self._member(tag, "UN" if vr == "SQ" and length else vr, start, end, level))
        return end

    def _vr(self, kind: _Kind, level: Level, length: int) -> str:
        """Find the value representation that an element really has."""
        if kind.vr not in {"", "UN"} or (kind.vr and _LONGEST_UNKNOWN <= length < UNDEFINED_LENGTH):
            return kind.vr
        if level.pixel_representation is None and dictionary.vr(kind.tag) == "US or SS":
            level.pixel_representation = self._pixel_representation()
        return level.vr(kind.tag)

    def _pixel_representation(self) -> int:
        """Look ahead for Pixel Representation, for attributes that come before it."""
        if self._found_representation is None:
            tag, start = tags.PixelRepresentation, self.start
            found = find_element(self.data, self.layout, tag, offset=start)
            raw = self.data[found.offset : found.offset + 2] if found else b""
            self._found_representation = int(raw in {b"\1\0", b"\0\1"})
        return self._found_representation

    def _pixel_data(
        self, start: int, limit: int, length: int, vr: str, kind: _Kind, members: list[str]
    ) -> int:
        if length == UNDEFINED_LENGTH:
            vr = "OB" if vr == "UN" or not kind.vr else vr
        link = self._uri(f"{kind.tag:08X}")
        members.append(f'"{kind.tag:08X}":{{"vr":"{vr}"{link if length else ""}}}')
        if length != UNDEFINED_LENGTH:
            return min(start + length, limit)
        try:
            return skip_undefined(self.data, start, self.layout)
        except struct.error:
            return limit

    def _member(self, tag: int, vr: str, start: int, end: int, level: Level) -> str:
        length = end - start
        if length > LONGEST_INLINE or (vr in BINARY_VRS and length > self.bulk_threshold):
            return self._link(tag, vr, level)
        raw = self.data[start:end]
        level.learn(tag, raw, self.layout.order)
        if tag == tags.SpecificCharacterSet:
            return _UTF_8 if raw.strip(b"\0 ") else f'"{tag:08X}":{{"vr":"CS"}}'
        convert = CONVERTERS[vr]
        if tag in LUT_DESCRIPTORS and vr == "SS":
            convert = lut_descriptor
        try:
            value = convert(raw, level.characters, self.layout.order)
        except (struct.error, ValueError):
            return _unreadable(tag, raw)
        return f'"{tag:08X}":{{"vr":"{vr}"{value}}}'

    def _sequence(
        self,
        offset: int,
        end: int | None,
        level: Level,
        tag: int,
        implicit: bool,
        members: list[str],
    ) -> int:
        """Write a sequence of items; return where it ends."""
        items: list[str] = []
        layout, data = self.layout, self.data
        limit = len(data) if end is None else end
        while offset < limit:
            raw, length = layout.unpack_item(data, offset)
            offset += 8
            if raw == layout.sequence_end:
                if end is None:
                    break
                continue
            if raw != layout.item:
                raise InvalidDicom(
                    f"{describe(layout.raw_tag(raw))} in the sequence {describe(tag)}; "
                    "expected an Item (FFFE,E000) or Sequence Delimitation Item (FFFE,E0DD)"
                )
            item_end = None if length == UNDEFINED_LENGTH else offset + length
            if item_end is not None and item_end > limit:
                if end is None:
                    raise self._truncated(offset - 8, tag)
                item_end = end  # the sequence's length wins over that of its last item
            of_item = item_implicit(data, offset, layout, implicit)
            inner = level.item(tag, len(items), of_item)
            item, offset = self.data_set(offset, item_end, inner)
            items.append(f"{{{','.join(item)}}}")
        else:
            self._ended(offset, end)
        value = f',"Value":[{",".join(items)}]' if items else ""
        members.append(f'"{tag:08X}":{{"vr":"SQ"{value}}}')
        return offset

    def _holds_items(self, start: int, length: int) -> bool:
        """Tell whether a value that should be a sequence is one."""
        if length < 8:
            return length == 0
        return self.layout.unpack_item(self.data, start)[0] == self.layout.item

    def _link(self, tag: int, vr: str, level: Level) -> str:
        return f'"{tag:08X}":{{"vr":"{vr}"{self._uri(f"{level.path}{tag:08X}")}}}'

    def _uri(self, path: str) -> str:
        make = self.bulk_data_uri
        return f',"BulkDataURI":{quote(f"{make}/{path}" if isinstance(make, str) else make(path))}'

    def _truncated(self, offset: int, tag: int | None = None) -> InvalidDicom:
        what = f"element {describe(tag)}" if tag is not None else "something"
        return InvalidDicom(
            f"the data set is truncated: {what} at offset {offset} reaches behind its end or that "
            "of the item it is in; send the complete object"
        )


_UTF_8 = f'"{tags.SpecificCharacterSet:08X}":{{"vr":"CS","Value":["ISO_IR 192"]}}'
_VRS = frozenset(vr.encode() for vr in SHORT_VRS | LONG_VRS)


def _kinds(layout: Layout, *, implicit: bool) -> dict[bytes, _Kind]:
    """Return the cache of kinds for a layout."""
    return _caches.setdefault((implicit, layout.little_endian), {})


def _remember(head: bytes, kind: _Kind, kinds: dict[bytes, _Kind]) -> _Kind:
    """Keep a kind, but not all that a hostile object can invent."""
    if len(kinds) >= _CACHE_SIZE:
        kinds.clear()
    kinds[head] = kind
    return kind


_caches: dict[tuple[bool, bool], dict[bytes, _Kind]] = {}


def _tag(head: bytes, layout: Layout) -> int:
    return layout.raw_tag(int.from_bytes(head[:4], "little" if layout.little_endian else "big"))


def _learn_kind(head: bytes, layout: Layout, kinds: dict[bytes, _Kind]) -> _Kind:
    """Find out about an element by its first six bytes: tag and value representation."""
    tag, vr = _tag(head, layout), head[4:].decode("latin-1")
    simple = vr in SHORT_VRS and _is_simple(tag)
    known = vr if head[4:] in _VRS else "UN"
    kind = _Kind(tag, known, f'"{tag:08X}":{{"vr":"{vr}"', CONVERTERS[vr] if simple else None)
    return _remember(head, kind, kinds)


def _learn_implicit_kind(head: bytes, layout: Layout, kinds: dict[bytes, _Kind]) -> _Kind:
    """Find out about an element by its first four bytes: the tag."""
    tag = _tag(head, layout)
    vr = None if dictionary.is_private(tag) else dictionary.vr(tag)
    simple = vr in SHORT_VRS and _is_simple(tag)
    kind = _Kind(tag, "", f'"{tag:08X}":{{"vr":"{vr}"', CONVERTERS[vr or ""] if simple else None)
    return _remember(head, kind, kinds)


def _is_simple(tag: int) -> bool:
    """Tell whether nothing but its value matters of an element with a short value."""
    return (
        tag not in TEACHING_TAGS
        and tag not in LUT_DESCRIPTORS
        and not dictionary.is_private_creator(tag)
        and tag & 0xFFFF != 0
        and tag >> 16 not in _OUTSIDE_GROUPS
    )


def _unreadable(tag: int, raw: bytes) -> str:
    """Write a value that its value representation cannot have, as what it is: unknown."""
    return f'"{tag:08X}":{{"vr":"UN"{inline_binary(raw, "UN", "<")}}}'


def in_order(members: list[str]) -> list[str]:
    """Put members in order of tags; of an attribute that occurs twice, the last counts."""
    if all(map(lt, members, members[1:])):
        return members
    by_tag = {member[:10]: member for member in members}
    return [by_tag[tag] for tag in sorted(by_tag)]
