"""Who and how, written into the pixels of a picture (PS3.18 8.3.5.1.1)."""

import importlib
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from isocenter.archive import StoredInstance
from isocenter.dicom import Header, dictionary, scan_file
from isocenter.dicomweb.rendering import Annotation

__all__ = ["annotated"]

Picture = NDArray[np.uint8]

_image_font: Any = importlib.import_module("PIL.ImageFont")  # its types are only partly known

# What is written, and what stands around the value.
_PATIENT: Final = {
    "PatientName": "{}",
    "PatientID": "{}",
    "PatientBirthDate": "born {}",
    "PatientSex": "{}",
}
_TECHNIQUE: Final = {
    "Modality": "{}",
    "StudyDate": "{}",
    "ManufacturerModelName": "{}",
    "ProtocolName": "{}",
    "KVP": "{} kV",
    "XRayTubeCurrent": "{} mA",
    "ExposureTime": "{} ms",
    "ConvolutionKernel": "{}",
    "MagneticFieldStrength": "{} T",
    "RepetitionTime": "TR {} ms",
    "EchoTime": "TE {} ms",
    "SliceThickness": "{} mm thick",
    "SliceLocation": "at {} mm",
    "InstanceNumber": "no. {}",
}
_KEYWORDS: Final = {Annotation.PATIENT: _PATIENT, Annotation.TECHNIQUE: _TECHNIQUE}
_TAGS: Final = frozenset(
    dictionary.tag(keyword) or 0 for forms in _KEYWORDS.values() for keyword in forms
)
_LONGEST: Final = 64
_SMALLEST_TEXT, _LARGEST_TEXT = 10, 48


def annotated(
    picture: Picture, instance: StoredInstance, annotations: Sequence[Annotation]
) -> Picture:
    """Write what is asked for onto a picture: the patient to the left, the technique to the right.

    Parameters
    ----------
    picture
        `(rows, columns)` gray or `(rows, columns, 3)` RGB.
    instance
        What it shows.
    annotations
        What to write; nothing where it is empty.
    """
    if not annotations:
        return picture
    header = scan_file(instance.descriptor, extra=_TAGS)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    ink, edge = (255, 0) if picture.ndim == 2 else ((255, 255, 255), (0, 0, 0))
    size = min(max(min(picture.shape[:2]) // 32, _SMALLEST_TEXT), _LARGEST_TEXT)
    font: Any = _image_font.load_default(size)
    for annotation in annotations:
        right = annotation is Annotation.TECHNIQUE
        draw.multiline_text(
            (picture.shape[1] - size // 2 if right else size // 2, size // 2),
            "\n".join(_lines(header, annotation)),
            fill=ink,
            font=font,
            anchor="ra" if right else "la",
            align="right" if right else "left",
            stroke_width=1,
            stroke_fill=edge,
        )
    return np.array(image)


def _lines(header: Header, annotation: Annotation) -> list[str]:
    lines: list[str] = []
    for keyword, form in _KEYWORDS[annotation].items():
        value = _said(header, keyword)
        if value:
            lines.append(form.format(_writable(value.splitlines()[0][:_LONGEST])))
    return lines


def _said(header: Header, keyword: str) -> str:
    """Return the first value of an attribute; of a name, its first group that says something."""
    values = header.strings(dictionary.tag(keyword) or 0) or [""]
    if keyword != "PatientName":
        return values[0]
    groups = (group.strip("^ ") for group in values[0].split("="))
    return next(filter(None, groups), "")


def _writable(text: str) -> str:
    """Take the marks off letters: the font has none with marks, and would show a box for each."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))
