"""Data sets as lines for people: tag, value representation, keyword, value; and what they mean."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO, Final

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator

from isocenter.dicom import dictionary, tags
from isocenter.dicom.inflation import inflate
from isocenter.dicom.iod import IOD, AttributeRule, Usage, iod, modules
from isocenter.dicom.line_filter import line_filter
from isocenter.dicom.part10 import read_file_meta
from isocenter.dicom.scan import scan_file
from isocenter.dicom.sop_classes import sop_class
from isocenter.dicom.source import require_file
from isocenter.dicom.transfer_syntaxes import transfer_syntax
from isocenter.dicom.validation.items import (
    BINARY,
    NESTS_TOO_DEEP,
    Element,
    Item,
    Value,
    from_bytes,
)
from isocenter.errors import IsocenterError

__all__ = ["SHORTENED", "Dump", "Line", "annotation", "dump", "dump_lines", "rules_of", "shortened"]

SHORTENED: Final = "tag list shortened and not shown completely"
"""The last line of a dump that was cut at its limit."""

_LARGE: Final = 1 << 16
_WIDEST: Final = 256
"""Characters of a value that are shown."""

Rules = Sequence[tuple[str, AttributeRule]]
"""What modules say of attributes, by the names of the modules."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a dump.

    Parameters
    ----------
    tag
        The attribute outside of sequences that the line belongs to.
    level
        How many sequences it stands in.
    text
        The line without indentation.
    """

    tag: int
    level: int
    text: str

    def __str__(self) -> str:
        return "  " * self.level + self.text


@dataclass(frozen=True, slots=True)
class Dump:
    """Lines, and what kept the rest of the file from being read, if anything did."""

    lines: tuple[Line, ...]
    error: str = ""


def dump(
    source: Dataset | str | PathLike[str],
    *,
    filter: str | None = None,
    annotate: bool = False,
    private_values: bool = False,
    binary_bytes: int = 8,
    limit: int | None = None,
) -> str:
    """Show a data set as text, a line for each element.

    Parameters
    ----------
    source
        A data set, or a Part 10 file.
    filter
        Keep only lines that match this regular expression; see `line_filter`.
    annotate
        Add the name of each attribute, its type in the modules that have it, and listed values.
    private_values
        Decode private values with the dictionaries of their creators, where there are some.
    binary_bytes
        How many bytes of a binary value to show.
    limit
        Most characters to show, else all; the last line then says that there was more.

    Returns
    -------
    str
        Lines that end with a line break each. If the file is broken, what can be read of it, and a
        last line that begins with `error:`.

    Raises
    ------
    ConfigurationError
        If the filter is no regular expression.
    NotDicom, OSError
        If the file is no DICOM or cannot be opened.
    """
    found = dump_lines(source, filter=filter, annotate=annotate, private_values=private_values,
                       binary_bytes=binary_bytes)  # fmt: skip
    text = shortened(found.lines, limit)
    return f"{text}error: {found.error}\n" if found.error else text


def shortened(lines: Iterable[Line], limit: int | None) -> str:
    """Join lines; beyond a limit of characters, cut them and say so."""
    text = "".join(f"{line}\n" for line in lines)
    if limit is not None and len(text) > limit:
        text = f"{text[:limit].rstrip()}\n{SHORTENED}\n"
    return text


def dump_lines(
    source: Dataset | str | PathLike[str],
    *,
    filter: str | None = None,
    annotate: bool = False,
    private_values: bool = False,
    binary_bytes: int = 8,
) -> Dump:
    """Make the lines of a dump, for programs; parameters are those of `dump`."""
    kept = line_filter(filter) if filter else None
    if isinstance(source, Dataset):
        meta = getattr(source, "file_meta", None)
        parts, error = [part for part in (meta, source) if part is not None], ""
    else:
        parts, error = _read(Path(source), binary_bytes)
    writer = _Writer(annotate, private_values, binary_bytes)
    items = [Item(part) for part in parts]
    if any(item.nests_too_deep for item in items):
        error = error or f"{NESTS_TOO_DEEP}; those below are shown as empty"
    lines = (line for item in items for line in writer.data_set(item))
    return Dump(tuple(ln for ln in lines if kept is None or kept.search(ln.text)), error)


def _read(path: Path, preview: int) -> tuple[list[Dataset], str]:
    """Read meta information and data set as far as they go, large values as previews."""
    require_file(path)
    with path.open("rb") as file:
        head = file.read(_LARGE)
        meta = read_file_meta(head, final=len(head) < _LARGE)
        group, _ = _elements(io.BytesIO(head[132 : meta.data_set_offset]), False, True, 0)
        try:
            syntax = transfer_syntax(meta.transfer_syntax_uid)
            implicit, complaint = _checked(path, syntax.implicit)
            file.seek(meta.data_set_offset)
            stream = io.BytesIO(inflate(file.read())) if syntax.deflated else file
        except IsocenterError as error:
            return [group], str(error)
        data_set, error = _elements(stream, implicit, syntax.little_endian, preview)
    return [group, data_set], complaint or error


def _checked(path: Path, implicit: bool) -> tuple[bool, str]:
    """Return whether VRs are implicit in truth, and what the scan of the file objects to."""
    try:
        return scan_file(path).layout.implicit, ""
    except IsocenterError as error:
        return implicit, str(error)


def _elements(stream: BinaryIO, implicit: bool, little: bool, preview: int) -> tuple[Dataset, str]:
    found = Dataset()
    place = stream.tell()
    try:
        for element in data_element_generator(stream, implicit, little, defer_size=_LARGE):
            kept = element
            if isinstance(kept, RawDataElement) and kept.value is None and kept.length:
                after = stream.tell()
                stream.seek(kept.value_tell)
                whole = (kept.VR or dictionary.vr(kept.tag) or "UN")[:2] not in BINARY
                kept = kept._replace(value=stream.read(kept.length if whole else max(preview, 8)))
                stream.seek(after)
            found[kept.tag] = kept
            place = stream.tell()
    except Exception as error:  # pydicom has no one error for what it cannot read
        return found, f"cannot be read from byte {place} on: {error or type(error).__name__}"
    return found, ""


@dataclass(slots=True)
class _Writer:
    annotate: bool
    private_values: bool
    binary_bytes: int

    def data_set(self, item: Item) -> Iterator[Line]:
        spoken = rules_of(iod(item.text(tags.SOPClassUID))) if self.annotate else ()
        for tag in item.elements:
            for level, text in self._element(item, tag, spoken, 0):
                yield Line(tag, level, text)

    def _element(
        self, item: Item, tag: int, spoken: Rules, level: int
    ) -> Iterator[tuple[int, str]]:
        element = item.elements[tag]
        name = _keyword(item, tag)
        place = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {element.vr} {name}"
        note = f"  # {annotation(tag, spoken)}" if self.annotate else ""
        if element.items is None:
            yield level, f"{place}: {self._value(item, element)}{note}"
            return
        yield level, f"{place}: {_counted(len(element.items), 'item')}{note}"
        within = tuple(
            (name, inner) for name, rule in spoken if rule.tag == tag for inner in rule.items
        )
        for number, part in enumerate(element.items, start=1):
            yield level + 1, f"Item {number}"
            for inner in part.elements:
                yield from self._element(part, inner, within, level + 2)

    def _value(self, item: Item, element: Element) -> str:
        if element.is_empty:
            return "(empty)"
        creator = dictionary.is_private(element.tag) and not dictionary.is_private_creator(
            element.tag
        )
        if creator:
            if not self.private_values:
                return self._private(element)
            element = _decoded(item, element)
        first = element.values[0] if element.values else b""
        if isinstance(first, bytes):
            return self._binary(first, element.length)
        shown = _cut("\\".join(map(_shown, element.values)), len(element.values))
        if element.vr == "UI" and (known := sop_class(str(first))):
            return f"{shown} ({known.name})"
        return shown

    def _private(self, element: Element) -> str:
        raw = element.raw
        if raw is None and element.values and isinstance(element.values[0], bytes):
            raw = element.values[0]
        if raw is None:
            return f"{_counted(len(element.values), 'private value')}, not shown"
        return self._binary(raw, element.length)

    def _binary(self, value: bytes, length: int) -> str:
        total = length if length >= 0 else len(value)
        shown = value[: self.binary_bytes].hex(" ").upper()
        more = " ..." if total > self.binary_bytes else ""
        return f"{shown}{more} ({_counted(total, 'byte')})".strip()


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cut(text: str, count: int) -> str:
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}... ({_counted(count, 'value')})"


def _shown(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.9g}"
    # A value must not be able to forge lines or move the cursor of a terminal.
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))


def _creator(item: Item, tag: int) -> str:
    return item.text(tag & 0xFFFF0000 | tag >> 8 & 0xFF)


def _keyword(item: Item, tag: int) -> str:
    if dictionary.is_private_creator(tag):
        return "PrivateCreator"
    if dictionary.is_private(tag):
        known = dictionary.private_attribute(_creator(item, tag), tag)
        return f"[{known.name}]" if known else "[private]"
    return dictionary.keyword(tag) or ("GroupLength" if tag & 0xFFFF == 0 else "[unknown]")


def _decoded(item: Item, element: Element) -> Element:
    """Decode a private value of unknown representation as its creator's dictionary says."""
    known = dictionary.private_attribute(_creator(item, element.tag), element.tag)
    first = element.values[0] if element.values else None
    if known is None or element.vr != "UN" or not isinstance(first, bytes):
        return element
    vr = known.vr[:2]
    if vr in ("SQ", "UN", "OB", "OW"):
        return element
    return from_bytes(element.tag, vr, first, element.length, True, item.character_set)


def rules_of(definition: IOD | None) -> Rules:
    """Return what the modules of an IOD say of attributes outside of sequences.

    Parameters
    ----------
    definition
        The IOD; without one, the modules of all IODs count.

    Returns
    -------
    tuple
        Names of modules, each with the letter of a usage that is not mandatory, and rules.
    """
    if definition is None:
        return tuple((module.name, rule) for module in modules() for rule in module.attributes)
    return tuple(
        (
            use.module.name + ("" if use.usage is Usage.MANDATORY else f" ({use.usage.value})"),
            rule,
        )
        for use in definition.modules
        for rule in use.module.attributes
    )


def annotation(tag: int, rules: Rules) -> str:
    """Say what an attribute is: its name, its types by module, and the values that are listed.

    Parameters
    ----------
    tag
        The attribute.
    rules
        What modules say of the attributes beside it; see `rules_of`.

    Returns
    -------
    str
        For example `Patient's Name; Type 2 in Patient`.
    """
    parts = [dictionary.name(tag) or "private or unknown"]
    own = [(module, rule) for module, rule in rules if rule.tag == tag]
    types = [f"Type {rule.type} in {module}" for module, rule in own]
    if types:
        parts.append(", ".join(types[:4]) + (f" and {len(types) - 4} more" if types[4:] else ""))
    elif rules and not dictionary.is_private(tag) and tag >> 16 > 2:
        parts.append("not in the modules of this object")
    terms = dict.fromkeys(t for _, rule in own for some in rule.terms for t in some.terms)
    if terms:
        parts.append(f"one of {', '.join([*terms][:12])}{', ...' if len(terms) > 12 else ''}")
    return "; ".join(parts)
