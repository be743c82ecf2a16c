"""Encapsulated documents: PDF, CDA, STL, OBJ and MTL in DICOM (PS3.3 A.45, A.85, C.24)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.reading import no_file
from isocenter.compose.references import (
    Reference,
    add_common_instance_reference,
    instance_reference,
)
from isocenter.compose.sources import SourceLike
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose

__all__ = ["encapsulated"]

LARGEST = 0xFFFFFFFE
"""A value length is 32 bit and even (PS3.5 7.1.1)."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What differs between the encapsulated kinds."""

    sop_class_uid: str
    media_type: str
    modality: str


_KINDS = {
    "pdf": _Kind("1.2.840.10008.5.1.4.1.1.104.1", "application/pdf", "DOC"),
    "cda": _Kind("1.2.840.10008.5.1.4.1.1.104.2", "text/XML", "DOC"),
    "stl": _Kind("1.2.840.10008.5.1.4.1.1.104.3", "model/stl", "M3D"),
    "obj": _Kind("1.2.840.10008.5.1.4.1.1.104.4", "model/obj", "M3D"),
    "mtl": _Kind("1.2.840.10008.5.1.4.1.1.104.5", "model/mtl", "M3D"),
}

_SUFFIXES = {"xml": "cda"}
_VERTEX = re.compile(rb"^\s*v\s+[-+.\d]", re.M)
_MATERIAL = re.compile(rb"^\s*newmtl\s", re.M)

MILLIMETRE = {"CodeValue": "mm", "CodingSchemeDesignator": "UCUM", "CodeMeaning": "mm"}


@checked
def encapsulated(
    document: str | Path | bytes,
    *,
    kind: str | None = None,
    source: SourceLike | None = None,
    title: str | None = None,
    burned_in_annotation: bool = True,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose an encapsulated document.

    Parameters
    ----------
    document
        The file, or its bytes.
    kind
        `pdf`, `cda`, `stl`, `obj` or `mtl`; by default told from the file's name and content.
    source
        What patient and study are inherited from; a 3D model takes the Frame of Reference as well.
    title
        Document Title (0042,0010).
    burned_in_annotation
        Whether the document names the patient; documents usually do.
    series_description, series_number, instance_number
        Where and how the object files itself.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed
        The object; `save` writes it.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When the document is empty, encrypted, too large, or not what its kind says.
    """
    content, name = _content(document)
    kind = kind or _guess(content, name)
    if kind not in _KINDS:
        raise CannotCompose(
            f"{name} is of kind {kind or 'unknown'!r}, which cannot be encapsulated; expected one "
            f"of {', '.join(_KINDS)}.",
            tag=0x00420012,
            module="Encapsulated Document",
        )
    _check(content, kind, name)
    what = _KINDS[kind]
    composition = Composition(
        what.sop_class_uid,
        kind="encapsulated",
        sources=sources.load(source),
        template=template(template_file),
        overrides=overrides,
    )
    composition.patient()
    composition.study()
    composition.series(what.modality, number=series_number, description=series_description)
    composition.equipment()
    if what.modality == "M3D":
        _model(composition, kind)
    else:
        composition.generate("ConversionType", "WSD")
    _document(composition, content, what, title, burned_in_annotation)
    composition.take("InstanceNumber", instance_number)
    if kind == "cda":
        _hl7_identity(composition, content)
    return composition.finish()


def _content(document: str | Path | bytes) -> tuple[bytes, str]:
    if isinstance(document, bytes):
        return document, "the given bytes"
    path = Path(document)
    if not path.is_file():
        raise no_file(path, "document")
    if path.stat().st_size > LARGEST:
        raise CannotCompose(
            f"{path} has {path.stat().st_size} bytes; an encapsulated document holds at most "
            f"{LARGEST}.",
            tag=0x00420011,
            module="Encapsulated Document",
        )
    return path.read_bytes(), str(path)


def _guess(content: bytes, name: str) -> str:
    if content.startswith(b"%PDF-"):
        return "pdf"
    if b"ClinicalDocument" in content[:4096]:
        return "cda"
    suffix = Path(name).suffix.lower().lstrip(".")
    return _SUFFIXES.get(suffix, suffix)


def _check(content: bytes, kind: str, name: str) -> None:
    problem = None
    if not content:
        problem = "is empty (0 bytes); give the document itself"
    elif kind == "pdf" and b"%PDF-" not in content[:1024]:
        problem = "does not begin as a PDF does (%PDF-); give a PDF, or name its kind"
    elif kind == "pdf" and re.search(rb"/Encrypt\s+(\d+\s+\d+\s+R|<<)", content):
        problem = (
            "is encrypted with a password, so that no reader could open it; remove the password"
        )
    elif kind == "cda" and b"ClinicalDocument" not in content:
        problem = "has no ClinicalDocument element; give an HL7 CDA document"
    elif kind == "stl" and not _is_binary_stl(content):
        problem = (
            "is no binary STL (80 bytes, a count, 50 bytes a triangle); PS3.3 C.24 takes binary "
            "STL only, "
            "so save it as binary"
        )
    elif kind == "obj" and (b"\0" in content or not _VERTEX.search(content)):
        problem = "has no vertex (a line such as `v 1 2 3`); give a Wavefront OBJ in text"
    elif kind == "mtl" and (b"\0" in content or not _MATERIAL.search(content)):
        problem = "has no material (a line such as `newmtl skin`); give a Wavefront MTL"
    if problem is not None:
        raise CannotCompose(f"{name} {problem}.", tag=0x00420011, module="Encapsulated Document")


def _is_binary_stl(content: bytes) -> bool:
    return len(content) >= 84 and len(content) == 84 + 50 * int.from_bytes(content[80:84], "little")


def _document(
    composition: Composition, content: bytes, what: _Kind, title: str | None, burned_in: bool
) -> None:
    """Add the Encapsulated Document module (PS3.3 C.24.2)."""
    composition.content_moment()
    composition.copy(("AcquisitionDateTime",))
    if "AcquisitionDateTime" not in composition.data_set:
        composition.generate("AcquisitionDateTime", None, "Type 2, unknown")
    composition.generate("BurnedInAnnotation", "YES" if burned_in else "NO")
    composition.generate("DocumentTitle", None, "Type 2")
    composition.give("DocumentTitle", title)
    composition.generate("ConceptNameCodeSequence", None, "Type 2")
    composition.generate("MIMETypeOfEncapsulatedDocument", what.media_type)
    composition.give("EncapsulatedDocumentLength", len(content))
    composition.give("EncapsulatedDocument", content + b"\0" * (len(content) % 2))
    references = [
        instance_reference(source.data_set)
        for source in composition.sources
        if "SOPInstanceUID" in source.data_set
    ]
    if references:
        composition.generate("SourceInstanceSequence", references, "the sources")
    if what.modality == "M3D":
        add_common_instance_reference(
            composition, [Reference.to(source.data_set) for source in composition.sources]
        )


def _model(composition: Composition, kind: str) -> None:
    """Add what a 3D model has beside its document (PS3.3 A.85, C.35.1, C.7.4.1)."""
    composition.generate("MeasurementUnitsCodeSequence", MILLIMETRE)
    if kind != "mtl":  # materials are at no place
        composition.frame_of_reference(required=False)
        if "FrameOfReferenceUID" not in composition.data_set:
            composition.new_frame_of_reference()


def _hl7_identity(composition: Composition, content: bytes) -> None:
    """Set HL7 Instance Identifier (0040,E001) from the document's own id, as root^extension."""
    header = content[:65536]
    match = re.search(rb"<(?:\w+:)?id\b([^>]*)>", header)
    parts = dict(re.findall(rb"(root|extension)\s*=\s*[\"']([^\"']*)", match[1] if match else b""))
    if b"root" not in parts:
        raise CannotCompose(
            "The CDA document has no id with a root, which HL7 Instance Identifier needs.",
            tag=0x0040E001,
            module="Encapsulated Document",
        )
    identity = b"^".join(parts[key] for key in (b"root", b"extension") if key in parts)
    composition.generate("HL7InstanceIdentifier", identity.decode("utf-8", "replace"), "its own id")
