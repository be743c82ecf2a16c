"""What the viewer API answers, as pydantic models: camelCase JSON and its OpenAPI schema."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = [
    "Image",
    "LinearModality",
    "Lossy",
    "Lut",
    "Model",
    "Overlay",
    "PaddingRange",
    "Patient",
    "PatientOrientation",
    "Presentation",
    "Problem",
    "RealWorld",
    "Region",
    "Series",
    "SeriesModel",
    "Shutter",
    "Spacing",
    "Study",
    "StudyContents",
    "StudyInfo",
    "StudyPage",
    "SupplementalPalette",
    "TableLut",
    "TagRow",
    "VoiLut",
    "VoiWindow",
    "WindowModel",
]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Problem(_Model):
    """Why there is no answer."""

    detail: str


class Study(_Model):
    """One line of the study list; dates and times as DICOM writes them."""

    uid: str
    patient_name: str
    patient_id: str
    birth_date: str
    sex: str
    study_date: str
    study_time: str
    description: str
    accession: str
    modalities: list[str]
    series_count: int
    instance_count: int


class StudyPage(_Model):
    """A part of the study list and how long the whole is."""

    total: int
    studies: list[Study]


class Series(_Model):
    """A series of a study."""

    uid: str
    number: int | None
    modality: str
    description: str
    body_part: str
    instance_count: int
    frame_count: int
    displayable: bool
    thumbnail: str | None
    videos: list[str]


class Lut(_Model):
    """A lookup table; `values` is base64 of little-endian 16-bit words."""

    first: int
    bits: int
    values: str


class LinearModality(_Model):
    """Output = stored * slope + intercept."""

    type: Literal["linear"] = "linear"
    slope: float
    intercept: float
    units: str


class TableLut(Lut):
    """A Modality LUT."""

    type: Literal["lut"] = "lut"
    units: str


class VoiLut(Lut):
    """A VOI LUT."""

    type: Literal["lut"] = "lut"
    explanation: str


class WindowModel(_Model):
    """A window."""

    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
    center: float
    width: float


class VoiWindow(WindowModel):
    """A window of the object's own."""

    type: Literal["window"] = "window"
    explanation: str


Voi = Annotated[VoiWindow | VoiLut, Field(discriminator="type")]
Modality = Annotated[LinearModality | TableLut, Field(discriminator="type")]


class Presentation(_Model):
    """From VOI output to what is seen."""

    inverse: bool
    lut: Lut | None


class PaddingRange(_Model):
    """Stored values that are no measurement, inclusive."""

    low: float
    high: float


class Spacing(_Model):
    """Distances of pixel centres in mm."""

    row: float
    column: float
    source: str
    is_real: bool


class Region(_Model):
    """A part of an ultrasound image; `spacing` is of its pixels in mm, row and column."""

    left: int
    top: int
    right: int
    bottom: int
    spacing: tuple[float, float] | None


class Shutter(_Model):
    """Pixels that are hidden, and the colour in their place.

    `runs` is base64 of little-endian 32-bit numbers: how many pixels, row by row from the first of
    the image on, are hidden, then how many are seen, and so on in turn.
    """

    colour: tuple[int, int, int]
    runs: str


class PatientOrientation(_Model):
    """Directions in the patient at the edges of the stored image; empty where not known."""

    left: str
    right: str
    top: str
    bottom: str


class Overlay(_Model):
    """An overlay plane; its bits are behind `url`."""

    index: int
    label: str
    rows: int
    columns: int
    origin: tuple[int, int]
    type: str
    url: str


class Lossy(_Model):
    """A lossy compression in the image's past."""

    ratio: list[float]
    method: list[str]


class RealWorld(_Model):
    """A linear real-world value mapping."""

    first: float
    last: float
    slope: float
    intercept: float
    units: str
    label: str


class SupplementalPalette(_Model):
    """Colours of stored values from `first` on; `colours` is base64 of RGB bytes."""

    first: int
    colours: str


Axis: TypeAlias = tuple[str, str] | None


class Model(_Model):
    """How frames are shown."""

    rows: int
    columns: int
    format: Literal[
        "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64", "rgb8"
    ]
    bits_stored: int
    signed: bool
    modality: Modality
    voi: list[Voi]
    default_window: WindowModel | None
    presentation: Presentation
    padding: PaddingRange | None
    spacing: Spacing | None
    aspect: tuple[float, float]
    regions: list[Region]
    orientation: tuple[float, float, float, float, float, float] | None
    axes: tuple[Axis, Axis, Axis]
    frame_of_reference: str | None
    patient_orientation: PatientOrientation | None
    overlays: list[Overlay]
    shutter: Shutter | None
    lossy: Lossy | None
    frame_time: float | None
    recommended_frame_rate: float | None
    real_world: list[RealWorld]
    supplemental_palette: SupplementalPalette | None
    problems: list[str]


class Image(_Model):
    """One frame in display order; `window` only where it differs from the model's `voi`."""

    instance: str
    frame: int
    version: str
    model: int
    number: int | None
    position: tuple[float, float, float] | None
    sop_class: str
    window: list[Voi] | None


class Patient(_Model):
    """Whose images they are."""

    name: str
    id: str
    birth_date: str
    sex: str


class StudyInfo(_Model):
    """What the corners of a viewport say of the study."""

    date: str
    time: str
    description: str
    institution: str
    accession: str


class SeriesModel(_Model):
    """All that is needed to show a series, but the pixels."""

    study: str
    series: str
    modality: str
    description: str
    patient: Patient
    study_info: StudyInfo
    series_number: int | None
    models: list[Model]
    images: list[Image]
    problems: list[str]


class StudyContents(_Model):
    """A study and its series in display order; the first one's display model if that is wanted."""

    study: Study
    series: list[Series]
    display: SeriesModel | None = None


class TagRow(_Model):
    """A data element; those of an item stand behind their sequence, one level deeper."""

    tag: str
    keyword: str
    name: str
    vr: str
    vm: int
    value: str
    level: int
    length: int | None
