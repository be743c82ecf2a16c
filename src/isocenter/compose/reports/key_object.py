"""Key Object Selection: instances with a title and a note (PS3.3 A.35.4, PS3.16 TID 2010)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.codes import Code, document_title, named_code
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.garbage_collection import fewer_full_collections
from isocenter.compose.number_lists import parse_number_lists
from isocenter.compose.references import evidence_items, image_references
from isocenter.compose.repeated_items import RepeatedItems
from isocenter.compose.reports.content import Container, ContentItem, Relationship
from isocenter.compose.reports.content_values import Coded, Text
from isocenter.compose.reports.document import document_series
from isocenter.compose.reports.references import Composite, kind_of_reference
from isocenter.compose.reports.tree import content_item, content_sequence, item_data_set, walk
from isocenter.compose.sources import Source, SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose

__all__ = ["key_object_selection"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.88.59"

_DESCRIPTION = Code("113012", "DCM", "Key Object Description")
_MODIFIES = Relationship.HAS_CONCEPT_MOD
_MODIFIER = Code("113011", "DCM", "Document Title Modifier")
_NEEDS_MODIFIER = {"113001": 7011, "113010": 7011, "113013": 7012}
"""Titles that are explained by a modifier of this context group (PS3.16 TID 2010)."""


@checked
@fewer_full_collections()
def key_object_selection(
    references: SourceLike | Sources,
    *,
    title: str | Code = "Of Interest",
    title_modifiers: Sequence[str | Code] = (),
    note: str | None = None,
    referenced_frame_numbers: str = "",
    source: SourceLike | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Key Object Selection document.

    Parameters
    ----------
    references
        The selected objects: data sets, files, folders.
    title
        A title of PS3.16 CID 7010, by its meaning (`Of Interest`) or value (`113000`).
    title_modifiers
        Why, for titles that want it: Rejected for Quality Reasons, Quality Issue (CID 7011), Best
        In Set (CID 7012); meanings or codes.
    note
        Key Object Description, in plain text.
    referenced_frame_numbers
        A print list such as `1-2,4 : 1`, the n-th part for the n-th object; empty for all of it.
    source
        What patient and study are inherited from; by default the first selected object.
    series_description, series_number, instance_number
        Where and how the document files itself.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed
        The document; `save` writes it.

    Raises
    ------
    CannotCompose
        When nothing is selected, the objects belong to several patients, or the title is unknown.

    References
    ----------
    PS3.3 A.35.4, C.17.6; PS3.16 TID 2010.
    """
    code = document_title(title)
    selection = _selection(references, parse_number_lists(referenced_frame_numbers))
    inherited = _inherited(selection, references, source)
    composition = Composition(
        SOP_CLASS_UID,
        kind="key_object_selection",
        sources=inherited,
        template=template(template_file),
        overrides=overrides,
    )
    composition.patient()
    composition.study()
    document_series(composition, "KO", series_number, series_description or None)
    if not series_description:
        composition.generate("SeriesDescription", "Key objects")
    composition.equipment()
    composition.take("InstanceNumber", instance_number)
    composition.content_moment()
    composition.generate(
        "CurrentRequestedProcedureEvidenceSequence",
        evidence_items(one.reference for one in selection.items),
        "the selected objects",
    )
    _content(composition, selection, code, _modifiers(title_modifiers), note)
    return composition.finish()


@dataclass(frozen=True, slots=True)
class _Selection:
    """The selected objects as content items, and the first of them as a source."""

    first: Source
    items: tuple[Composite, ...]


def _selection(references: SourceLike, frames: Sequence[Sequence[int]]) -> _Selection:
    firsts: list[Source] = []
    kinds: list[type[Composite]] = []

    def data_sets() -> Iterator[Dataset]:
        for one in sources.of_one_patient(sources.load_identities(references)):
            if not firsts:
                firsts.append(one)
            kinds.append(kind_of_reference(one.data_set))
            yield one.data_set

    many = image_references(data_sets(), frames)
    if not many:
        raise CannotCompose(
            "Nothing is selected; give at least one object.",
            tag=0x0040A730,
            module="Key Object Document",
        )
    # TID 2010 gives the references no concept name.
    items = (kind(None, reference) for kind, reference in zip(kinds, many, strict=True))
    return _Selection(firsts[0], tuple(items))


def _inherited(selection: _Selection, references: SourceLike, source: SourceLike | None) -> Sources:
    if source is None:
        first = selection.first
        return (
            references
            if isinstance(references, Sources)
            else sources.load(first.path or first.data_set)
        )
    inherited = sources.load(source)
    Sources((selection.first, *inherited))  # one patient, or refused
    return inherited


def _modifiers(given: Sequence[str | Code]) -> list[Code]:
    return [
        named_code(
            one,
            (7011, 7012),
            what="document title modifier",
            tag=0x0040A043,
            module="SR Document Content",
        )
        for one in given
    ]


def _content(
    composition: Composition,
    selection: _Selection,
    title: Code,
    modifiers: Sequence[Code],
    note: str | None,
) -> None:
    """Add the root container and its children (PS3.16 TID 2010)."""
    context_group = _NEEDS_MODIFIER.get(title.value)
    if context_group is not None and not modifiers:
        raise CannotCompose(
            f"The title {title.meaning!r} says why by a modifier of CID {context_group}; give "
            "title_modifiers (--title-modifier NAME).",
            tag=0x0040A043,
            module="SR Document Content",
        )
    said: list[ContentItem] = [Coded(_MODIFIER, one, relationship=_MODIFIES) for one in modifiers]
    if note:
        said.append(Text(_DESCRIPTION, note))
    root = Container(title, template="2010", children=(*said, *selection.items))
    for place in walk(root):
        for fault in place.item.faults():
            raise CannotCompose(f"{place} {fault}.", tag=0x0040A730, module="SR Document Content")
    for keyword, value in content_item(root).items():
        composition.give(keyword, value)
    written = [*content_sequence(tuple(said)), *selection.items]
    composition.give("ContentSequence", RepeatedItems(written, item_data_set, _identified))


def _identified(item: Composite) -> tuple[str, Hashable]:
    one = item.reference
    return one.sop_instance_uid, (type(item), one.sop_class_uid, one.frames, one.segments)
