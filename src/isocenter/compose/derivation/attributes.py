"""What the attributes of a derived image say, by module (PS3.3 C.7, C.11, C.12)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

import isocenter
from isocenter.compose import values
from isocenter.compose.codes import Code
from isocenter.compose.composition import Origin, Provenance
from isocenter.compose.derivation import tables as derivation_tables
from isocenter.compose.derivation.codes import ACQUISITION_EQUIPMENT, PROCESSING_EQUIPMENT
from isocenter.compose.derivation.quantisation import Range, StoredForm
from isocenter.compose.element_values import element
from isocenter.compose.given_values import check_given, given_element
from isocenter.compose.laterality import side_of
from isocenter.compose.left_out import LeftOut
from isocenter.compose.planes import Plane
from isocenter.compose.private_elements import (
    check_creators,
    creator_in,
    creators_first,
    represented,
)
from isocenter.compose.removals import staying_empty
from isocenter.compose.sound_values import (
    complaint_of,
    mended,
    sound_text,
    what_is_expected,
    whole_number,
)
from isocenter.compose.templates import Template
from isocenter.compose.volume_grids import Grid
from isocenter.dicom import new_uid

__all__ = [
    "Changes",
    "Plan",
    "image_type",
    "full_window",
    "place",
    "shared_changes",
    "site_changes",
    "tidy",
]

_LONGEST_DESCRIPTION = 64
_LONGEST_DERIVATION = 1024
_NEW_SERIES = 1000
_REAL = "the new pixels"
_PARTS = ("BodyPartExamined", "AnatomicRegionSequence")


class Changes:
    """Attributes that differ from the source: new values, and removals with their reason."""

    def __init__(self) -> None:
        self.data_set = Dataset()
        self.removed: dict[int, str] = {}
        self.provenance: dict[int, Provenance] = {}
        self.left_out: list[LeftOut] = []
        """What the source says wrongly, of which no part is taken; without the source's name."""

    def generate(
        self, keyword: str, value: Any, detail: str = "", *, vr: str | None = None
    ) -> None:
        """Set an attribute to what the rules of derivation say."""
        tag = values.tag_of(keyword)
        made = element(tag, value) if vr is None else DataElement(tag, vr, value)
        self._set(made, Provenance(Origin.GENERATED, detail))

    def give(self, keyword: str, value: Any, detail: str = "") -> None:
        """Set an attribute to what the caller said, if it can have that value."""
        made = given_element(values.tag_of(keyword), value)
        self._set(made, Provenance(Origin.GIVEN, detail))

    def remove(self, keywords: Sequence[str], why: str) -> None:
        """Leave attributes out."""
        for keyword in keywords:
            tag = values.tag_of(keyword)
            if tag in self.data_set:
                del self.data_set[tag]
            self.removed[tag] = why

    def empty(self, tag: int) -> None:
        """Leave an attribute empty that was to be taken out."""
        detail = f"{self.removed[tag]}, empty, since it is Type 2"
        self._set(element(tag, None), Provenance(Origin.GIVEN, detail))

    def override(self, given: Mapping[str, Any], provenance: Provenance, kind: str) -> None:
        """Apply values that win over all else in a SOP Class; None takes the attribute out."""
        for keyword, value in creators_first(given):
            if value is None:
                self.remove([keyword], provenance.detail)
                continue
            tag, vr = values.tag_of(keyword), values.representation_said(keyword)
            found = represented(tag, value, vr=vr, creator=creator_in(self.data_set))
            made = given_element(tag, found, kind)
            self._set(made, provenance.raised(value, made.VR))
        check_creators(map(int, self.data_set.keys()), creator_in(self.data_set))

    def is_sound(self, found: DataElement) -> bool:
        """Tell whether the value of a source's attribute can be; if not, keep that in mind."""
        if expected := what_is_expected("", found):
            self.left_out.append(LeftOut.of(int(found.tag), found.value, expected))
        return not expected

    def _set(self, made: DataElement, provenance: Provenance) -> None:
        self.data_set[made.tag] = made
        self.provenance[int(made.tag)] = provenance
        self.removed.pop(int(made.tag), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What all instances of a derived series have in common.

    Parameters
    ----------
    sop_class_uid
        What they are.
    form
        How their values are stored.
    found
        The range of the values.
    grouped
        Whether geometry and scale stand in functional groups, and not at the top level.
    color
        Whether they are RGB.
    size
        Rows, columns.
    grid
        Where they lie, if not where the source lies.
    same_scale
        Whether a value means what it meant in the source.
    label, short, codes
        What was done.
    lossy
        The method by which a source was compressed with loss, and the ratio; None without loss.
    """

    sop_class_uid: str
    form: StoredForm
    found: Range
    grouped: bool
    color: bool
    size: tuple[int, int]
    grid: Grid | None
    same_scale: bool
    label: str
    short: str
    codes: tuple[Code, ...]
    lossy: tuple[str, float] | None = None
    series_description: str | None = None
    series_number: int | None = None
    burned_in: bool | None = None
    template: Template = field(default_factory=Template)
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    series_instance_uid: str = field(default_factory=new_uid)
    frame_of_reference_uid: str = field(default_factory=new_uid)
    now: datetime.datetime = field(default_factory=datetime.datetime.now)


def shared_changes(like: Dataset, plan: Plan) -> Changes:
    """Return what differs in every instance whose source agrees with `like` in `KIN`."""
    changes = Changes()
    changes.remove(derivation_tables.INSTANCE, "of the one instance that the source is")
    changes.remove(derivation_tables.STEP, "of the step that made the source")
    _sop_common(changes, like, plan)
    _series(changes, like, plan)
    _equipment(changes, like)
    _derivation(changes, like, plan)
    _image(changes, like, plan)
    _pixels(changes, like, plan)
    if not plan.grouped:
        _scale(changes, like, plan)
    if plan.grid is not None and not plan.grouped:
        _spacing(changes, like, plan.grid)
    if plan.sop_class_uid == derivation_tables.SECONDARY_CAPTURE:
        _secondary_capture(changes, like)
    return changes


def site_changes(site: Changes, derived: Changes, like: Dataset, plan: Plan) -> None:
    """Collect in `site` what a template and the caller say over everything else."""
    kind, configured = "derived_series", Provenance(Origin.CONFIGURED, plan.template.name)
    for keyword, value in plan.template.defaults(kind).items():
        kept = like.get(keyword) and values.tag_of(keyword) not in derived.removed
        if not kept and not derived.data_set.get(keyword):
            site.override({keyword: value}, configured, plan.sop_class_uid)
    site.override(plan.template.overrides(kind), configured, plan.sop_class_uid)
    site.override(plan.overrides, Provenance(Origin.GIVEN, "override"), plan.sop_class_uid)
    _settle_removals(site, derived, like, plan.sop_class_uid)


def _settle_removals(site: Changes, derived: Changes, like: Dataset, sop_class_uid: str) -> None:
    """Refuse what cannot be without a value; leave empty what must be there (Type 2)."""
    emptied = (int(one.tag) for one in site.data_set if one.is_empty)
    without = dict.fromkeys(site.removed, True) | dict.fromkeys(emptied, False)
    if not without:
        return
    after = Dataset()
    for part, removed in ((like, derived.removed), (derived.data_set, {}), (site.data_set, {})):
        after.update({one.tag: one for one in part if int(one.tag) not in removed})
    for tag in site.removed:
        after.pop(BaseTag(tag), None)
    present = frozenset(map(int, after.keys()))
    for tag in staying_empty(without, present, sop_class_uid, lambda: after):
        site.empty(tag)


def _sop_common(changes: Changes, like: Dataset, plan: Plan) -> None:
    now = values.local_moment(plan.now, str(like.get("TimezoneOffsetFromUTC") or ""))
    if str(like.SOPClassUID) != plan.sop_class_uid:
        changes.generate(
            "SOPClassUID", plan.sop_class_uid, "the class of the source holds no such pixels"
        )
    counted = plan.sop_class_uid == derivation_tables.PET and like.get("SeriesTime")
    # The times of PET images count from that of their series (PS3.3 C.8.9.1.1.2).
    for name in ("InstanceCreation", "Content", *(() if counted else ("Series",))):
        changes.generate(f"{name}Date", values.date(now), "now")
        changes.generate(f"{name}Time", values.time(now), "now")


def _series(changes: Changes, like: Dataset, plan: Plan) -> None:
    changes.generate("SeriesInstanceUID", plan.series_instance_uid, "new series")
    unpaired = side_of(like) == "U" and any(like.get(one) for one in _PARTS)
    if not (plan.grouped or unpaired or "Laterality" in like or "ImageLaterality" in like):
        changes.generate("Laterality", None, "Type 2C: the body part may be a paired one")
    told = any(one in like for one in ("PatientPosition", "PatientOrientationCodeSequence"))
    if derivation_tables.says_position(plan.sop_class_uid) and not told:
        changes.generate("PatientPosition", None, "Type 2C: the source does not say it")
    asked = 0x00200052 in derivation_tables.required_types(plan.sop_class_uid)
    if asked and "FrameOfReferenceUID" not in like:
        changes.generate("FrameOfReferenceUID", plan.frame_of_reference_uid, "the source has none")
    number = plan.series_number
    if number is None:
        changes.generate(
            "SeriesNumber",
            whole_number(like, "SeriesNumber") + _NEW_SERIES,
            f"{_NEW_SERIES} more than the source's",
        )
    else:
        changes.give("SeriesNumber", number)
    if plan.series_description is not None:
        changes.give("SeriesDescription", plan.series_description)
    else:
        before = sound_text(like, "SeriesDescription")
        text = f"{before}, {plan.short}" if before else plan.short
        if len(text) > _LONGEST_DESCRIPTION:
            text = f"{before[: _LONGEST_DESCRIPTION - len(plan.short) - 2]}, {plan.short}"
        changes.generate("SeriesDescription", text[:_LONGEST_DESCRIPTION], "source and operation")


def _equipment(changes: Changes, like: Dataset) -> None:
    """Name this software, and the equipment of the source as contributing (PS3.3 C.12.1.1.5)."""
    items: list[Dataset] = list(like.get("ContributingEquipmentSequence") or ())
    if like.get("Manufacturer"):
        item = Dataset()
        processed = "DERIVED" in (like.get("ImageType") or ())
        purpose = PROCESSING_EQUIPMENT if processed else ACQUISITION_EQUIPMENT
        item.PurposeOfReferenceCodeSequence = [purpose.item()]
        for keyword in derivation_tables.EQUIPMENT:
            if like.get(keyword) not in (None, "") and changes.is_sound(like[keyword]):
                item[keyword] = like[keyword]
        if "Manufacturer" in item:
            items.append(item)
    if items:
        changes.generate("ContributingEquipmentSequence", items, "the equipment of the source")
    changes.remove(
        [k for k in derivation_tables.EQUIPMENT if not k.startswith("Institution")],
        "of the source's equipment",
    )
    changes.generate("Manufacturer", "Isocenter", "this software")
    changes.generate("ManufacturerModelName", "Isocenter", "this software")
    changes.generate("DeviceSerialNumber", isocenter.__version__, "the version stands for it")
    changes.generate("SoftwareVersions", isocenter.__version__, "this software")


def _derivation(changes: Changes, like: Dataset, plan: Plan) -> None:
    """Add this step to those that led to the source (PS3.3 C.7.6.1.1.3)."""
    before = sound_text(like, "DerivationDescription")
    text = f"{before}; {plan.label}" if before else plan.label
    if len(text) > _LONGEST_DERIVATION:
        text = plan.label[:_LONGEST_DERIVATION]
    check_given({"DerivationDescription": text})
    changes.generate("DerivationDescription", text, "the operation")
    items: list[Dataset] = list(like.get("DerivationCodeSequence") or ())
    items += [code.whole_item() for code in plan.codes]
    if items:
        changes.generate("DerivationCodeSequence", items, "the operation (CID 7203)")


def image_type(before: Sequence[str], plan: Plan) -> list[str]:
    """Return Image Type: derived after the examination; what the class says of the rest stays."""
    capitals = (str(values.in_capitals(str(one), "CS")) for one in before[2:])
    rest = list(takewhile(_is_code, capitals))
    second = "PRIMARY" if plan.sop_class_uid in derivation_tables.PRIMARY else "SECONDARY"
    if plan.sop_class_uid in derivation_tables.ENHANCED:
        rest = (rest + ["VOLUME", "NONE"][len(rest) :])[:2]
        if plan.grid is not None:
            rest[1] = "RESAMPLED"
    elif not rest and (third := derivation_tables.third_type(plan.sop_class_uid)):
        rest = [third]
    return ["DERIVED", second, *rest]


def _is_code(text: str) -> bool:
    return not (text and complaint_of("CS", text))


def _image(changes: Changes, like: Dataset, plan: Plan) -> None:
    found: Any = like.get("ImageType") or ()
    before: list[str] = [found] if isinstance(found, str) else list(found)
    if before:
        changes.is_sound(mended(like["ImageType"]))
    changes.generate("ImageType", image_type(before, plan), "derived; the rest is the source's")
    if plan.burned_in is not None:
        changes.give("BurnedInAnnotation", "YES" if plan.burned_in else "NO")
    if plan.lossy is not None:
        method, ratio = plan.lossy
        if str(like.get("LossyImageCompression") or "") != "01":
            changes.generate("LossyImageCompression", "01", "a source was compressed with loss")
        if not like.get("LossyImageCompressionMethod"):
            changes.generate("LossyImageCompressionRatio", round(ratio, 2), "of the source")
            changes.generate("LossyImageCompressionMethod", method, "of the source")


def _pixels(changes: Changes, like: Dataset, plan: Plan) -> None:
    rows, columns = plan.size
    form = plan.form
    described: dict[str, Any] = {
        "SamplesPerPixel": 3 if plan.color else 1,
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": form.bits_allocated,
        "BitsStored": form.bits_stored,
        "HighBit": form.bits_stored - 1,
        "PixelRepresentation": int(form.signed),
    }
    monochrome = str(values.in_capitals(like.get("PhotometricInterpretation") or "", "CS"))
    if not monochrome.startswith("MONOCHROME"):
        monochrome = "MONOCHROME2"
    described["PhotometricInterpretation"] = "RGB" if plan.color else monochrome
    if plan.color:
        described["PlanarConfiguration"] = 0
    else:
        changes.remove(["PlanarConfiguration"], "one sample a pixel")
    for keyword, value in described.items():
        if like.get(keyword) != value:
            changes.generate(keyword, value, _REAL)
    changes.remove(derivation_tables.PIXELS, "of the old pixels")
    if "PixelPresentation" in like:
        changes.generate("PixelPresentation", "MONOCHROME", "no colour is laid over it")
    if plan.color:
        changes.remove(["SmallestImagePixelValue", "LargestImagePixelValue"], "colour has none")
    if form.padding is None or plan.color:
        changes.remove(["PixelPaddingValue"], "no pixel is padding")
    else:
        changes.generate(
            "PixelPaddingValue", form.padding, "a value that no pixel has", vr=_pixel_vr(form)
        )


def _pixel_vr(form: StoredForm) -> str:
    return "SS" if form.signed else "US"


def _scale(changes: Changes, like: Dataset, plan: Plan) -> None:
    """Say what stored values stand for, and how they are shown (PS3.3 C.11.1, C.11.2)."""
    if plan.color:
        scale = ("RescaleIntercept", "RescaleSlope", "RescaleType")
        windows = ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction")
        changes.remove((*scale, *windows), "colour has none")
        return
    form = plan.form
    tabulated = bool(like.get("ModalityLUTSequence"))
    asked = 0x00281053 in derivation_tables.required_types(plan.sop_class_uid)
    scaled = (form.slope, form.intercept) != (1, 0)
    if "RescaleSlope" in like or asked or tabulated or scaled:
        changes.generate("RescaleIntercept", form.intercept, _REAL)
        changes.generate("RescaleSlope", form.slope, _REAL)
        if "RescaleType" not in like:
            kind = like.ModalityLUTSequence[0].get("ModalityLUTType") if tabulated else None
            is_ct = str(like.get("Modality")) == "CT"
            changes.generate("RescaleType", kind or ("HU" if is_ct else "US"), "of the source")
    if not plan.same_scale or "WindowCenter" not in like:
        center, width = full_window(plan)
        changes.generate("WindowCenter", center, "the range of the values")
        changes.generate("WindowWidth", width, "the range of the values")
        changes.remove(["WindowCenterWidthExplanation", "VOILUTFunction"], "of another window")
        if width < 1:
            changes.generate("VOILUTFunction", "LINEAR_EXACT", "a window narrower than 1")


def full_window(plan: Plan) -> tuple[float, float]:
    """Return centre and width of the window that shows all values (PS3.3 C.11.2.1.2)."""
    low, high = plan.found.low, plan.found.high
    if low > high:
        return 0.0, 1.0
    if plan.found.whole:
        return (low + high + 1) / 2, high - low + 1
    return (low + high) / 2, (high - low) or 1.0


def _spacing(changes: Changes, like: Dataset, grid: Grid) -> None:
    column, row, between = (float(one) for one in grid.spacing)
    changes.remove(derivation_tables.PLANE, "of the old grid")
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        if keyword in like:
            changes.generate(keyword, [row, column], "the new grid")
    if like.get("ImagePositionPatient") or grid.shape[0] > 1:
        changes.generate("SliceThickness", between, "the new grid")
        changes.generate("SpacingBetweenSlices", between, "the new grid")


def place(changes: Changes, plane: Plane, *, located: bool) -> None:
    """Say where an image lies (PS3.3 C.7.6.2)."""
    changes.generate("ImagePositionPatient", tidy(plane.position), "the new grid")
    directions = np.concatenate([plane.along_row, plane.along_column])
    changes.generate("ImageOrientationPatient", tidy(directions), "the new grid")
    if located:
        changes.generate("SliceLocation", tidy([plane.height])[0], "along the normal")


def tidy(numbers: Any) -> list[float]:
    """Return numbers without the dust of arithmetic, and no negative zero."""
    return [round(float(one), 10) + 0.0 for one in numbers]


def _secondary_capture(changes: Changes, like: Dataset) -> None:
    changes.generate("ConversionType", "WSD", "made on a workstation")
    if "PatientOrientation" not in like:
        changes.generate("PatientOrientation", None, "Type 2C")
    known = derivation_tables.known_tags(derivation_tables.SECONDARY_CAPTURE)
    for tag in map(int, like.keys()):
        if tag not in known and tag not in changes.data_set and tag not in _PLACED:
            changes.removed[tag] = "not of a Secondary Capture"
    changes.generate("SecondaryCaptureDeviceManufacturer", "Isocenter", "this software")
    changes.generate("SecondaryCaptureDeviceManufacturerModelName", "Isocenter", "this software")
    changes.generate(
        "SecondaryCaptureDeviceSoftwareVersions", isocenter.__version__, "this software"
    )


_PLACED = frozenset({0x00080005, 0x00080022, 0x00080032, 0x0008002A})
