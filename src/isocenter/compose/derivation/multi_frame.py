"""The one object of a derived multi-frame image, with its functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.codes import Code
from isocenter.compose.derivation.attributes import Changes, Plan, full_window, image_type, tidy
from isocenter.compose.derivation.headers import DerivedHeaders
from isocenter.compose.derivation.images import DerivedImage, source_item
from isocenter.compose.derivation.operations import Result
from isocenter.compose.derivation.source_series import SourceSeries
from isocenter.compose.element_values import prepared
from isocenter.compose.left_out import LeftOut
from isocenter.compose.references import Reference, evidence_items
from isocenter.dicom import new_uid
from isocenter.errors import CannotCompose

__all__ = ["MultiFrameImage"]

_PROCESSED = Code("PROCESSED", "99ISOCENTER", "Image processing")
"""Where the caller names no derivation: the functional group cannot do without a code."""

_GEOMETRY = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
_SCALE = ("PixelValueTransformationSequence", "RealWorldValueMappingSequence")


class MultiFrameImage:
    """A single object with as many frames as there are new pixels.

    Parameters
    ----------
    series
        What it is derived from.
    result
        Its pixels.
    plan
        What is said of it.
    keep_private
        True for all private attributes, or the creators whose are kept.
    """

    def __init__(
        self,
        series: SourceSeries,
        result: Result,
        plan: Plan,
        keep_private: bool | Sequence[str] = False,
    ) -> None:
        self._series = series
        self._result = result
        self._plan = plan
        self._headers = DerivedHeaders(plan, keep_private)
        self._keep_private = keep_private
        self._uid = new_uid()
        if len(result.frames) != len(series.slices) and not series.grouped:
            raise CannotCompose(
                f"There are {len(result.frames)} new frames for {len(series.slices)}, and this "
                "kind of image has no geometry by which others could be told apart.",
                tag=0x00280008,
                module="Multi-frame",
            )

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[DerivedImage]:
        plan, image = self._plan, self._series.images[0]
        header = self._headers.derived(image.head(), self._changes(), image.name)
        rows, columns = plan.size
        yield DerivedImage(
            sop_class_uid=plan.sop_class_uid,
            sop_instance_uid=self._uid,
            head=header.pieces,
            frames=_Stored(self._result, plan),
            number_of_frames=len(self._result.frames),
            frame_bytes=rows * columns * (3 if plan.color else 1) * plan.form.dtype.itemsize,
            bits_allocated=plan.form.bits_allocated,
            source_name=image.name,
            provenance=header.provenance,
            left_out=header.left_out,
        )

    def left_out(self) -> Iterator[LeftOut]:
        """Yield what the source says wrongly."""
        for one in self:
            yield from one.left_out

    def _changes(self) -> Changes:
        changes, image = Changes(), self._series.images[0]
        changes.generate("SOPInstanceUID", self._uid, "new instance")
        changes.generate("NumberOfFrames", len(self._result.frames), "the new pixels")
        changes.remove(["SmallestImagePixelValue", "LargestImagePixelValue"], "of the old pixels")
        if not self._series.grouped:
            changes.generate("SourceImageSequence", [source_item([image], [])], "the source")
            return changes
        source = image.data_set()
        reference = Reference.to(source)
        changes.generate("SourceImageEvidenceSequence", evidence_items([reference]), "the source")
        shared = copy.deepcopy(source.SharedFunctionalGroupsSequence[0])
        groups = [
            self._frame(source, number, sources)
            for number, sources in enumerate(self._result.sources)
        ]
        self._share(shared, groups)
        if self._keep_private is not True:
            for group in (shared, *groups):
                group.remove_private_tags()
        changes.generate("SharedFunctionalGroupsSequence", [shared], "the source's, changed")
        changes.generate("PerFrameFunctionalGroupsSequence", groups, "the source's, changed")
        if self._result.planes is not None:
            _dimensions(changes)
        return changes

    def _frame(self, source: Dataset, number: int, sources: Sequence[int]) -> Dataset:
        """Return the functional groups of a frame, from those of its nearest source."""
        present: Sequence[Dataset] = source.get("PerFrameFunctionalGroupsSequence") or ()
        base = self._series.slices[sources[0]].frame - 1
        group = copy.deepcopy(present[base]) if base < len(present) else Dataset()
        item = Dataset()
        item.DerivationDescription = self._plan.label[:1024]
        item.DerivationCodeSequence = [
            code.whole_item() for code in self._plan.codes or (_PROCESSED,)
        ]
        frames = sorted(self._series.slices[one].frame for one in sources)
        # An item for each frame: readers that expect one number in each are common.
        item.SourceImageSequence = [source_item(self._series.images, [one]) for one in frames]
        group.DerivationImageSequence = [*(group.get("DerivationImageSequence") or []), item]
        _retype(group, self._plan)
        if self._result.planes is not None:
            plane = self._result.planes[number]
            group.PlanePositionSequence = [
                _item(ImagePositionPatient=tidy(plane.position)),
            ]
            content: Dataset = (group.get("FrameContentSequence") or [Dataset()])[0]
            content.StackID, content.InStackPositionNumber = "1", number + 1
            content.DimensionIndexValues = [1, number + 1]
            group.FrameContentSequence = [content]
        return group

    def _share(self, shared: Dataset, groups: Sequence[Dataset]) -> None:
        """Say once what is the same for all frames now, and nowhere else."""
        plan, result = self._plan, self._result
        _retype(shared, plan)
        scale = _first(shared, groups, "PixelValueTransformationSequence")
        windows = _first(shared, groups, "FrameVOILUTSequence")
        _drop((*_SCALE, "ConversionSourceAttributesSequence"), shared, groups)
        form = plan.form
        if not plan.color and (scale is not None or (form.slope, form.intercept) != (1, 0)):
            # US is right of derived CT, too: only original frames must be in HU (C.8.15.3.10).
            shared.PixelValueTransformationSequence = [
                _item(
                    RescaleIntercept=form.intercept,
                    RescaleSlope=form.slope,
                    RescaleType=str((scale or Dataset()).get("RescaleType") or "US"),
                )
            ]
        if not plan.same_scale or (windows is not None and "WindowCenter" not in windows):
            _drop(["FrameVOILUTSequence"], shared, groups)
            center, width = full_window(plan)
            shared.FrameVOILUTSequence = [_item(WindowCenter=center, WindowWidth=width)]
            if width < 1:
                shared.FrameVOILUTSequence[0].VOILUTFunction = "LINEAR_EXACT"
        if result.grid is not None and result.planes is not None:
            _drop(_GEOMETRY[1:], shared, groups)
            shared.pop("PlanePositionSequence", None)
            plane, (column, row, between) = result.planes[0], result.grid.spacing.tolist()
            directions = tidy([*plane.along_row, *plane.along_column])
            shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=directions)]
            shared.PixelMeasuresSequence = [
                _item(
                    PixelSpacing=[row, column], SliceThickness=between, SpacingBetweenSlices=between
                )
            ]


class _Stored:
    """Stored values of one frame after the other."""

    def __init__(self, result: Result, plan: Plan) -> None:
        self._result = result
        self._plan = plan

    def __iter__(self) -> Iterator[NDArray[Any]]:
        frames = self._result.frames
        return (self._plan.form.stored(frames[number]) for number in range(len(frames)))


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        tag = values.tag_of(keyword)
        item.add_new(tag, values.vr_of(tag), prepared(tag, value))
    return item


def _retype(group: Dataset, plan: Plan) -> None:
    """Set Frame Type in whichever functional group of the class has it."""
    for element in group:
        if element.VR == "SQ" and element.value and "FrameType" in element.value[0]:
            item = element.value[0]
            item.FrameType = image_type(list(item.FrameType or []), plan)
            if "PixelPresentation" in item:
                item.PixelPresentation = "MONOCHROME"


def _first(shared: Dataset, groups: Sequence[Dataset], keyword: str) -> Dataset | None:
    for group in (shared, *groups[:1]):
        if group.get(keyword):
            return group[keyword].value[0]
    return None


def _drop(keywords: Iterable[str], shared: Dataset, groups: Sequence[Dataset]) -> None:
    for keyword in keywords:
        for group in (shared, *groups):
            group.pop(keyword, None)


def _dimensions(changes: Changes) -> None:
    """Order the frames by their place in one stack (PS3.3 C.7.6.17)."""
    uid = new_uid()
    indices: list[Dataset] = []
    for pointer, meaning in ((0x00209056, "Stack"), (0x00209057, "In-Stack Position")):
        item = Dataset()
        item.DimensionOrganizationUID = uid
        item.DimensionIndexPointer = pointer
        item.FunctionalGroupPointer = 0x00209111
        item.DimensionDescriptionLabel = meaning
        indices.append(item)
    organization = Dataset()
    organization.DimensionOrganizationUID = uid
    changes.generate("DimensionOrganizationSequence", [organization], "the new frames")
    changes.generate("DimensionIndexSequence", indices, "the new frames")
    changes.generate("DimensionOrganizationType", "3D", "the new frames")
