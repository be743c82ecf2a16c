"""Structured reports as JSON: an object a content item, its members named as in the structure.

`{"content": {"type": "CONTAINER", "name": CODE, "children": [...]}, "complete": true, ...}`. A code
is an object of value, scheme and meaning, or text in the notation of the standard,
`(121071, DCM, "Finding")`; a unit may be its UCUM code alone; a reference may be `{"file": PATH}`.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydicom.dataset import Dataset

from isocenter.compose import sources
from isocenter.compose.codes import Code
from isocenter.compose.references import Reference
from isocenter.compose.reports import units
from isocenter.compose.reports.concepts import parse_code
from isocenter.compose.reports.content import ByReference, ContentItem, Unknown
from isocenter.compose.reports.document import Report
from isocenter.compose.reports.tree import DEEPEST, VALUE_TYPES
from isocenter.compose.sources import Source, SourceLike, Sources
from isocenter.dicom.text_files import read_text
from isocenter.errors import CannotCompose, IsocenterError

__all__ = ["parsed", "read_as", "read_json", "to_json"]

_Kind = TypeVar("_Kind")

_BY_REFERENCE = "REFERENCE"
_EXPECTED: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
_TYPES: Mapping[str, type[ContentItem]] = {**VALUE_TYPES, _BY_REFERENCE: ByReference}


# -- writing ---------------------------------------------------------------------------------------


def to_json(report: Report) -> str:
    """Return a report as JSON; `read_json` gives the same report again.

    Parameters
    ----------
    report
        The report, as it was read or made.

    Returns
    -------
    str
        Indented by 2.
    """
    return json.dumps(_plain(report), ensure_ascii=False, indent=2)


def _plain(value: Any) -> Any:
    """Return a value of the structure as JSON has it, members that say nothing left out."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Dataset):
        return {one.keyword: _plain(one.value) for one in value if one.keyword}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = {"type": _type_of(value)} if isinstance(value, ContentItem) else {}
        fields = sorted(dataclasses.fields(value), key=lambda one: one.name == "children")
        members = ((one, getattr(value, one.name)) for one in fields)
        return kind | {
            one.name: _plain(member) for one, member in members if not _is_default(one, member)
        }
    if isinstance(value, Mapping):
        many = cast("Mapping[str, Any]", value)
        return {key: _plain(one) for key, one in many.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(one) for one in cast("Iterable[Any]", value)]
    return value


def _type_of(item: ContentItem) -> str:
    return item.kind if isinstance(item, Unknown) else item.value_type or _BY_REFERENCE


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.default is not dataclasses.MISSING:
        return value == field.default
    return value is None or (isinstance(value, Mapping) and not value)


# -- reading ---------------------------------------------------------------------------------------


def read_json(
    source: str | Path | Mapping[str, Any], *, objects: SourceLike | Sources | None = None
) -> Report:
    """Return the report that a JSON file, text or object holds.

    Parameters
    ----------
    source
        The path of a file, JSON text (which begins with a brace), or what was parsed of it. Files
        that references name are looked for beside the file, else in the current folder.
    objects
        What the report is composed from; files that references name must be of the same patient.

    Returns
    -------
    Report
        What `structured_report` takes.

    Raises
    ------
    CannotCompose
        When it is no JSON, a member is unknown, missing or wrong; the path to it is told.
    """
    return read_as(Report, source, objects=objects, name="report")


def read_as(
    kind: type[_Kind],
    source: str | Path | Mapping[str, Any],
    *,
    objects: SourceLike | Sources | None = None,
    name: str,
) -> _Kind:
    """Return the dataclass of `kind` that JSON holds; see `read_json`.

    Parameters
    ----------
    kind
        A dataclass whose members are text, numbers, codes, references and dataclasses.
    source, objects
        As for `read_json`.
    name
        What the paths in errors begin with.
    """
    folder, members = parsed(source)
    reader = _Reader(folder)
    found = reader.value(kind, members, name)
    Sources((*sources.load(objects), *reader.files))  # one patient, or refused
    return cast("_Kind", found)


def parsed(source: str | Path | Mapping[str, Any]) -> tuple[Path, Mapping[str, Any]]:
    """Return the folder that paths in JSON begin in, and the object that it holds."""
    if isinstance(source, Mapping):
        return Path(), source
    text = str(source)
    if text.lstrip().startswith("{"):
        return Path(), _parsed(text)
    return Path(source).parent, _parsed(_text_of(Path(source)))


def _text_of(path: Path) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise CannotCompose(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CannotCompose(f"{path} is not UTF-8; save it so.") from error


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text, parse_float=Decimal)
    except RecursionError as error:
        raise CannotCompose(
            f"The JSON is nested more than {DEEPEST} levels deep; make it flatter."
        ) from error
    except ValueError as error:
        raise CannotCompose(f"The report is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise CannotCompose("The report is no object of JSON; begin with {.")
    return cast("Mapping[str, Any]", found)


@dataclasses.dataclass(frozen=True, slots=True)
class _Reader:
    """Builds the structure from what JSON holds; errors tell the path."""

    folder: Path
    files: list[Source] = dataclasses.field(default_factory=list[Source])

    def value(self, hint: Any, found: Any, path: str) -> Any:
        """Return `found` as the type that a member has."""
        if get_origin(hint) in (Union, types.UnionType):
            if found is None:
                return None
            return self.value(next(iter(get_args(hint))), found, path)
        if get_origin(hint) is tuple:
            return self._items(get_args(hint), found, path)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return self._term(hint, found, path)
        if hint is Code:
            return self._code(found, path)
        if hint is Reference:
            return self._reference(found, path)
        if hint is Decimal:
            return _told(path, units.number, found)
        if isinstance(hint, type) and issubclass(hint, ContentItem):
            return self._content(hint, found, path)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return self._members(hint, found, path)
        return self._plain_value(hint, found, path)

    def _plain_value(self, hint: Any, found: Any, path: str) -> Any:
        if get_origin(hint) in (Mapping, dict) or hint is Mapping:
            inner = get_args(hint)[1] if get_args(hint) else Any
            items = _object(found, path).items()
            return {key: self.value(inner, one, f"{path}.{key}") for key, one in items}
        if hint is float and isinstance(found, int | Decimal) and not isinstance(found, bool):
            return float(found)
        if hint is Any or (isinstance(found, hint) and (hint is bool or found is not True)):
            return found
        raise _wrong(path, found, _EXPECTED[hint])

    def _items(self, hints: tuple[Any, ...], found: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(found, list):
            raise _wrong(path, found, "a list")
        many = cast("list[Any]", found)
        if hints[-1] is not ...:
            if len(many) != len(hints):
                raise _wrong(path, found, f"a list of {len(hints)}")
            kinds = zip(hints, many, strict=True)
            return tuple(
                self.value(one, item, f"{path}[{i}]") for i, (one, item) in enumerate(kinds)
            )
        return tuple(self.value(hints[0], item, f"{path}[{i}]") for i, item in enumerate(many))

    def _term(self, hint: type[Enum], found: Any, path: str) -> Enum:
        terms = {str(one.value): one for one in hint}
        if not isinstance(found, str) or found not in terms:
            raise _wrong(path, found, f"one of {', '.join(terms)}")
        return terms[found]

    def _code(self, found: Any, path: str) -> Code:
        if isinstance(found, str):
            if path.endswith(".unit"):
                return parse_code(found) or _told(path, units.unit, found)
            code = parse_code(found)
            if code is None:
                raise _wrong(path, found, 'a code such as (121071, DCM, "Finding")')
            return code
        return cast("Code", self._members(Code, found, path))

    def _reference(self, found: Any, path: str) -> Reference:
        members = dict(_object(found, path))
        if "file" not in members:
            empty = {"study_instance_uid": "", "series_instance_uid": ""}
            return cast("Reference", self._members(Reference, empty | members, path))
        file = members.pop("file")
        if not isinstance(file, str):
            raise _wrong(f"{path}.file", file, "the path of a file")
        (source,) = _told(path, sources.load, self.folder / file)
        self.files.append(source)
        whole = dataclasses.asdict(Reference.to(source.data_set))
        parts = {name: list(whole.pop(name)) for name in ("frames", "segments")}
        return cast("Reference", self._members(Reference, {**whole, **parts, **members}, path))

    def _content(self, hint: type[ContentItem], found: Any, path: str) -> ContentItem:
        if path.count(".children[") >= DEEPEST:
            raise CannotCompose(f"The content is nested more than {DEEPEST} levels deep.")
        members = dict(_object(found, path))
        kind = members.pop("type", None)
        if kind not in _TYPES or not issubclass(_TYPES[kind], hint):
            expected = ", ".join(key for key, one in _TYPES.items() if issubclass(one, hint))
            raise _wrong(f"{path}.type", kind, f"one of {expected}")
        return cast("ContentItem", self._members(_TYPES[kind], members, path))

    def _members(self, kind: Any, found: Any, path: str) -> Any:
        members = _object(found, path)
        hints = _hints(kind)
        for name in members:
            if name not in hints:
                known = ", ".join(sorted(hints))
                raise CannotCompose(f"{path} has the member {name!r}; expected {known}.")
        for field in dataclasses.fields(kind):
            needed = (field.default, field.default_factory) == (dataclasses.MISSING,) * 2
            optional = type(None) in get_args(hints[field.name])
            if needed and not optional and field.name not in members:
                raise CannotCompose(f"{path} lacks the member {field.name!r}; add it.")
        values = {
            name: self.value(hints[name], one, f"{path}.{name}") for name, one in members.items()
        }
        absent = {
            field.name: None
            for field in dataclasses.fields(kind)
            if field.name not in members
            and (field.default, field.default_factory) == (dataclasses.MISSING,) * 2
        }
        return kind(**values, **absent)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}


def _told(path: str, make: Any, found: Any) -> Any:
    """Return what `make` makes of a value; errors tell where it stood."""
    try:
        return make(found)
    except IsocenterError as error:
        raise CannotCompose(f"{path}: {error}") from error


def _object(found: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise _wrong(path, found, "an object")
    return cast("Mapping[str, Any]", found)


def _wrong(path: str, found: Any, expected: str) -> CannotCompose:
    kinds = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    kind = next((word for one, word in kinds.items() if isinstance(found, one)), "a number")
    kind = "a text" if isinstance(found, str) else kind
    shown = repr(found) if isinstance(found, str) and len(found) <= 40 else kind
    return CannotCompose(f"{path} is {shown}; expected {expected}.")
