"""What is corrected, from a table or from a worklist item."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose import worklist as worklist_items
from isocenter.compose.correction.permitted import check_value, refuse_fixed
from isocenter.compose.private_elements import needs_representation, represented
from isocenter.compose.reading import no_file
from isocenter.compose.sound_values import mended
from isocenter.compose.typed_text import cannot_be_typed, is_number, typed
from isocenter.dicom import Header
from isocenter.dicom.text_files import read_text
from isocenter.errors import CannotCompose

__all__ = ["Rule", "read_table", "rules_of", "worklist_rule"]

Rule: TypeAlias = Callable[[Header], Mapping[int, Any]]
"""Says, from an object's header, which attributes get which value; None removes the attribute."""

_MATCH = "match:"
_DELIMITERS = ",;\t"
_MODALITY = 0x00080060
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

_FROM_WORKLIST = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyInstanceUID",
    "ReferringPhysicianName",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
)


def read_table(path: str | Path) -> tuple[Rule, frozenset[int]]:
    """Read corrections from a CSV file.

    Parameters
    ----------
    path
        UTF-8, with a header row, separated by commas, semicolons or tabs. Columns `match:Keyword`
        are compared with an object's values; where all agree, it gets the values of the other
        columns. An empty cell of those leaves its attribute alone.

    Returns
    -------
    rule : Rule
    reads : frozenset of int
        The tags that are compared.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When a column names no attribute, nothing is matched or set, or two rows match the same.
    """
    try:
        return _read(Path(path))
    except csv.Error as error:
        raise CannotCompose(f"{path} cannot be read as a table: {error}.") from error


def _read(path: Path) -> tuple[Rule, frozenset[int]]:
    header, rows = _rows(path)
    matched, changed = _columns(header, str(path))
    table: dict[tuple[str, ...], dict[int, Any]] = {}
    lines: dict[tuple[str, ...], int] = {}
    for number, row in rows:
        key = tuple(row[n] for n in matched)
        if (earlier := lines.setdefault(key, number)) != number:
            names = ", ".join(header[n] for n in matched)
            raise CannotCompose(
                f"{path}, line {number}: line {earlier} has the same {names}; keep one of them."
            )
        table[key] = _row({name: row[n] for n, name in changed.items()}, f"{path}, line {number}")
    if not table:
        raise CannotCompose(f"{path} has no rows below its header; write one for each case.")
    tags = tuple(matched.values())

    def rule(header: Header) -> Mapping[int, Any]:
        return table.get(tuple(header.text(tag).strip() for tag in tags), {})

    return rule, frozenset(tags)


def _columns(header: Sequence[str], path: str) -> tuple[dict[int, int], dict[int, str]]:
    """Return the tags of the columns to compare, and the names of those to set, by their place."""
    matched: dict[int, int] = {}
    changed: dict[int, str] = {}
    for n, name in enumerate(header):
        try:
            if name.lower().startswith(_MATCH):
                matched[n] = values.tag_of(name[len(_MATCH) :].strip())
            else:
                values.tag_of(name)
                changed[n] = name
        except CannotCompose as error:
            raise CannotCompose(f"{path}, column {n + 1}: {error}") from error
    if not matched or not changed:
        raise CannotCompose(
            f"{path} has the columns {', '.join(header)[:200] or 'of no name'}; expected at least "
            "one to compare, such as match:PatientID, and one to set, such as PatientName."
        )
    for of_columns in (list(matched.values()), list(map(values.tag_of, changed.values()))):
        for tag in of_columns:
            if of_columns.count(tag) > 1:
                raise CannotCompose(
                    f"{path} has two columns for {values.described(tag)}; keep one of them.",
                    tag=tag,
                )
    refuse_fixed(map(values.tag_of, changed.values()))
    return matched, changed


def _row(cells: Mapping[str, str], where: str) -> dict[int, Any]:
    try:
        found = {values.tag_of(name): _typed(name, text) for name, text in cells.items() if text}
    except CannotCompose as error:
        raise CannotCompose(f"{where}: {error}") from error
    _check(found, where)
    return found


def _typed(name: str, text: str) -> Any:
    """Return the value of a cell: text as it is, numbers that are stored as such as numbers."""
    tag, vr = values.tag_of(name), values.representation_said(name)
    if vr or needs_representation(tag, text):
        return represented(tag, text, vr=vr)
    vr = values.vr_of(tag)
    if cannot_be_typed(vr):
        raise CannotCompose(
            f"{values.described(tag)} is of VR {vr}, which no cell of a table can hold; give it in "
            "Python (`set_values`), or leave the column out.",
            tag=tag,
        )
    if not is_number(vr):
        return text
    try:
        return typed(vr, text)
    except ValueError as error:
        raise CannotCompose(
            f"The value given for {values.described(tag)} is no {vr} (PS3.5 6.2); expected a "
            "number.",
            tag=tag,
        ) from error


def _check(found: Mapping[int, Any], where: str) -> None:
    for tag, value in found.items():
        try:
            check_value(tag, value)
        except CannotCompose as error:
            raise CannotCompose(f"{where}: {error}") from error


def _plain(found: DataElement) -> str:
    if found.VM > 1:
        raise CannotCompose(
            f"The worklist item: {values.described(int(found.tag))} has {found.VM} values; "
            "expected one.",
            tag=int(found.tag),
        )
    return str(mended(found).value)


def worklist_rule(item: Dataset | str | Path) -> Rule:
    """Return the rule that brings objects into line with a Modality Worklist item.

    Parameters
    ----------
    item
        The item, or a file that holds it. Empty attributes change nothing. Modality is set in
        Secondary Captures alone: the SOP Class fixes it in all others.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When it names no patient, and so is no worklist item; when a value of it is none of its
        attribute.
    """
    found = worklist_items.ordered(item)
    fixed = {
        values.tag_of(keyword): _plain(found[keyword])
        for keyword in (*_FROM_WORKLIST, "Modality")
        if keyword in found
    }
    _check(fixed, "The worklist item")
    of_others = {tag: value for tag, value in fixed.items() if tag != _MODALITY}

    def rule(header: Header) -> Mapping[int, Any]:
        return fixed if header.sop_class_uid.startswith(_SECONDARY_CAPTURE) else of_others

    return rule


def rules_of(
    table: str | Path | None, worklist: Dataset | str | Path | None
) -> Iterator[tuple[Rule, frozenset[int]]]:
    """Return the rules of a table and a worklist item, where given, with the tags they read."""
    if table is not None:
        yield read_table(table)
    if worklist is not None:
        yield worklist_rule(worklist), frozenset()


def _rows(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    lines = _lines(path)
    skipped = 1 if lines and lines[0].lower().startswith("sep=") else 0  # which spreadsheets write
    first = lines[skipped] if len(lines) > skipped else ""
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(lines[skipped:], delimiter=delimiter)
    header = [name.strip() for name in next(reader, list[str]())]

    def rows() -> Iterator[tuple[int, list[str]]]:
        for row in reader:
            if not any(cell.strip(" " + _DELIMITERS) for cell in row):
                continue
            number = reader.line_num + skipped
            if len(row) != len(header):
                raise CannotCompose(
                    f"{path}, line {number}: {len(row)} cells under {len(header)} columns; put "
                    "values that hold the delimiter into double quotes."
                )
            yield number, [cell.strip() for cell in row]

    return header, rows()


def _lines(path: Path) -> list[str]:
    try:
        text = read_text(path)
    except FileNotFoundError as error:
        raise no_file(path, "table") from error
    except OSError as error:
        raise CannotCompose(f"{path} cannot be read as a table: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        _refuse_spreadsheet(path, error.object)
        raise CannotCompose(f"{path} is not in UTF-8: {error.reason}; save it as UTF-8.") from error
    _refuse_spreadsheet(path, text[:2].encode())
    return text.splitlines(keepends=True)


def _refuse_spreadsheet(path: Path, content: bytes) -> None:
    if content.startswith(b"PK"):
        raise CannotCompose(f"{path} is a spreadsheet's own file; save it as CSV in UTF-8.")
