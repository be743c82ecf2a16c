"""Correcting attributes of existing objects, in place of their old values and able to be undone.

Only the elements that change are encoded; everything else, pixel data above all, is copied as
bytes. What was there before is kept, as the bytes it was, in Original Attributes Sequence
(0400,0561).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.argument_types import checked
from isocenter.compose.correction import tables as correction_tables
from isocenter.compose.correction.original_attributes import (
    ORIGINAL_ATTRIBUTES,
    PREVIOUS_SOURCE,
    Modification,
    added_item,
    removed_item,
)
from isocenter.compose.correction.permitted import (
    check_removable,
    check_value,
    permitted,
    refuse_fixed,
)
from isocenter.compose.correction.private_blocks import creators_of, with_representations
from isocenter.compose.correction.stored_object import stored_object
from isocenter.compose.correction.tables import Rule
from isocenter.compose.correction.value_encoding import (
    CHARACTER_SET,
    encoded_element,
    encoded_texts,
    holds,
    relabelled,
)
from isocenter.compose.private_elements import represented
from isocenter.dicom import Header
from isocenter.dicom.elements import ElementSpan, element_spans, replaced
from isocenter.dicom.encoding import Buffer
from isocenter.errors import CannotCompose, IsocenterError, NotFound

__all__ = ["Corrected", "Outcome", "Reason", "Rule", "correct", "correct_file", "rule"]

_UNICODE = "ISO_IR 192"
_AT_ONCE = 2
_BATCH = 8  # few enough that all threads have work to the end


class Reason(Enum):
    """Reason for the Attribute Modification (0400,0565), PS3.3 C.12.1.1.9."""

    COERCE = "COERCE"
    CORRECT = "CORRECT"


class Outcome(Enum):
    """What became of one object."""

    CORRECTED = "corrected"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of one file.

    Parameters
    ----------
    path
        The file that was read.
    outcome
        Whether anything changed.
    written
        The file that was written, if any.
    tags
        The attributes that changed.
    error
        Why it failed, if it did.
    """

    path: Path
    outcome: Outcome
    written: Path | None = None
    tags: tuple[int, ...] = ()
    error: str = ""


def rule(
    *,
    set_values: Mapping[str, Any] | None = None,
    remove: Iterable[str] = (),
    replace: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[Rule, frozenset[int]]:
    """Make a rule from plain words.

    Parameters
    ----------
    set_values
        Attributes by keyword or tag, with the value each gets; the VR of a private one may be said
        with its tag, as in `0009,1010:LO`.
    remove
        Attributes that are removed.
    replace
        For an attribute, old values and what stands in their place.

    Returns
    -------
    rule : Rule
    reads : frozenset of int
        The attributes whose present values it looks at.

    Raises
    ------
    CannotCompose
        When a value is none of its attribute, or an attribute cannot be changed or removed.
    """
    fixed = {values.tag_of(key): _value(key, value) for key, value in (set_values or {}).items()}
    removed = [values.tag_of(keyword) for keyword in remove]
    mapped_values = {
        values.tag_of(key): {old: _value(key, new) for old, new in table.items()}
        for key, table in (replace or {}).items()
    }
    refuse_fixed([*fixed, *removed, *mapped_values])
    for tag, value in fixed.items():
        check_value(tag, value)
    for tag, table in mapped_values.items():
        for new in table.values():
            check_value(tag, new)
    for tag in removed:
        check_removable(tag)
        fixed[tag] = None

    def changes(header: Header) -> dict[int, Any]:
        found = dict(fixed)
        for tag, table in mapped_values.items():
            if (new := table.get(header.text(tag))) is not None:
                found[tag] = new
        return found

    return changes, frozenset(mapped_values)


def _value(key: str, value: Any) -> Any:
    return represented(values.tag_of(key), value, vr=values.representation_said(key))


@checked
def correct(
    paths: Iterable[str | Path],
    *,
    output: str | Path,
    set_values: Mapping[str, Any] | None = None,
    remove: Iterable[str] = (),
    replace: Mapping[str, Mapping[str, str]] | None = None,
    rules: Sequence[Rule] = (),
    reads: Iterable[str] = (),
    reason: Reason | str = Reason.CORRECT,
    previous_source: str = "",
    undo: bool = False,
    table: str | Path | None = None,
    worklist: Dataset | str | Path | None = None,
    dry_run: bool = False,
) -> list[Corrected]:
    """Correct files and folders of files into another folder; one bad file stops no other.

    Parameters
    ----------
    paths
        Files, and folders with all files below them.
    output
        The folder to write into, another than that of the files; they keep their place below the
        folder they were found in.
    set_values, remove, replace
        See `rule`.
    rules, reads
        Further rules, and the attributes (by keyword or tag) whose present values they look at.
    reason
        CORRECT for wrong values, COERCE for values of another institution brought into line.
    previous_source
        Source of Previous Values (0400,0564), such as the institution they came from.
    undo
        Take the last correction of each object back instead.
    table
        A CSV file with a row for each case; see `correction_tables.read_table`.
    worklist
        A Modality Worklist item; see `correction_tables.worklist_rule`.
    dry_run
        Whether to say what would change and write nothing.

    Returns
    -------
    list of Corrected
        One for each file, in the order found.

    Raises
    ------
    CannotCompose
        When an attribute is unknown or must not be changed, or a file would be written over one
        that is read.
    NotFound
        When a path does not exist.

    References
    ----------
    PS3.3 C.12.1.1.9.
    """
    first, looks_at = rule(set_values=set_values, remove=remove, replace=replace)
    wanted = looks_at | {values.tag_of(keyword) for keyword in reads}
    every = [first, *rules]
    for further, tags in correction_tables.rules_of(table, worklist):
        every.insert(0, further)  # what is said for all objects is stronger
        wanted |= tags
    check_value(PREVIOUS_SOURCE, previous_source)
    modification = Modification(_reason(reason).value, previous_source)

    def some(batch: Sequence[tuple[Path, Path]]) -> list[Corrected]:
        return [
            _one(source, None if dry_run else target, None if undo else every, wanted, modification)
            for source, target in batch
        ]

    files = _files(paths, Path(output))
    batches = [files[begin : begin + _BATCH] for begin in range(0, len(files), _BATCH)]
    # Making files is the slow part where a disk is busy, and several can be made at a time.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [one for results in pool.map(some, batches) for one in results]


def correct_file(
    path: Path,
    target: Path | None,
    rules: Sequence[Rule] | None,
    *,
    reads: frozenset[int] = frozenset(),
    modification: Modification | None = None,
) -> tuple[int, ...]:
    """Write a corrected copy of one file, or take its last correction back.

    Parameters
    ----------
    path, target
        The file to read and the file to write; they may be the same. None writes nothing.
    rules
        What to change, later ones over earlier ones; None takes the last correction back.
    reads
        Tags whose present values the rules look at.
    modification
        Why, and whose values they were.

    Returns
    -------
    tuple of int
        The attributes that changed; empty when the copy is the same as the file.
    """
    with stored_object(path, extra=reads) as stored:
        head, layout = stored.head, stored.header.layout
        spans = element_spans(head, layout)
        if rules is None:
            changes = removed_item(head, layout)
        else:
            modification = modification or Modification(Reason.CORRECT.value)
            changes = _changes(head, spans, stored.header, rules, modification)
        if target is not None and changes:
            stored.write(target, replaced(head, spans, changes, layout))
        elif target is not None:
            stored.copy(target)
    return tuple(sorted(set(changes) - {ORIGINAL_ATTRIBUTES}))


def _changes(
    head: bytes,
    spans: Sequence[ElementSpan],
    header: Header,
    rules: Sequence[Rule],
    modification: Modification,
) -> dict[int, Buffer | None]:
    wanted: dict[int, Any] = {}
    for one in rules:
        wanted.update(one(header))
    layout = header.layout
    wanted = with_representations(wanted, spans, head, layout)
    wanted = permitted(wanted, spans, head, header)
    term = header.strings(CHARACTER_SET)
    encoded: dict[int, Buffer | None] = {}
    texts = {**wanted, PREVIOUS_SOURCE: modification.previous_source}
    if CHARACTER_SET in wanted:
        term = relabelled(texts, head, header)
    elif not holds(texts.values(), term):
        # A text that the object's own set lacks: all of its text moves into Unicode with it.
        term = [_UNICODE]
        encoded |= encoded_texts(head, header, term)
        wanted[CHARACTER_SET] = _UNICODE
    for tag, value in wanted.items():
        new = None if value is None else encoded_element(tag, value, layout, term)
        encoded[tag] = new
    looked_at = {ORIGINAL_ATTRIBUTES, *encoded, *creators_of(encoded)}
    present = {tag: head[start:end] for tag, start, end in spans if tag in looked_at}
    encoded = {tag: new for tag, new in encoded.items() if new != present.get(tag)}
    if encoded:
        changed = [tag for tag in encoded if tag in present]
        kept = sorted({*changed, *(creators_of(changed) & present.keys())})
        previous = {tag: present[tag] for tag in kept}
        encoded[ORIGINAL_ATTRIBUTES] = added_item(
            bytes(encoded.get(ORIGINAL_ATTRIBUTES) or present.get(ORIGINAL_ATTRIBUTES, b"")),
            layout,
            term,
            previous,
            sorted(set(encoded) - set(previous)),
            modification,
        )
    return encoded


def _reason(said: Reason | str) -> Reason:
    try:
        return Reason(said)
    except ValueError:
        raise CannotCompose(
            f"reason is {said!r}; expected {' or '.join(one.value for one in Reason)}.",
            tag=0x04000565,
        ) from None


def _one(
    source: Path,
    target: Path | None,
    rules: Sequence[Rule] | None,
    reads: frozenset[int],
    modification: Modification,
) -> Corrected:
    try:
        tags = correct_file(source, target, rules, reads=reads, modification=modification)
    except IsocenterError as error:
        return Corrected(source, Outcome.FAILED, error=str(error))
    except OSError as error:
        return Corrected(source, Outcome.FAILED, error=f"it cannot be read: {error.strerror}")
    outcome = Outcome.CORRECTED if tags else Outcome.UNCHANGED
    return Corrected(source, outcome, target, tags)


def _files(paths: Iterable[str | Path], output: Path) -> list[tuple[Path, Path]]:
    """List each file to read with the one to write.

    Raises
    ------
    CannotCompose
        When two files would be written to the same place, or one over a file that is read.
    NotFound
        When a path does not exist.
    """
    files: dict[Path, Path] = {}
    for path in map(Path, paths):
        if path.is_dir():
            found = ((one, output / one.relative_to(path)) for one in _below(path))
        elif path.is_file():
            found = ((path, output / path.name),)
        else:
            raise NotFound(f"There is no file or folder {path}; check the path.")
        for source, target in found:
            if files.setdefault(target, source) != source:
                raise CannotCompose(
                    f"{files[target]} and {source} would both be written to {target}; correct them "
                    "into different folders."
                )
    _refuse_in_place(files)
    return [(source, target) for target, source in files.items()]


def _refuse_in_place(files: Mapping[Path, Path]) -> None:
    there = [target for target in files if target.exists()]
    read = {source.resolve() for source in files.values()} if there else set[Path]()
    for target in there:
        if target.resolve() in read:
            raise CannotCompose(
                f"{target} is read, and a corrected file would be written over it; correct into "
                "another folder."
            )


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, by name; hidden ones are left out."""
    for path in sorted(folder.rglob("*")):
        if not path.name.startswith(".") and path.is_file():
            yield path
