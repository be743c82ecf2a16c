"""Objects that highdicom builds, brought into a composition: its frames, our inheritance."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset

from isocenter.compose import attributes, values
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composition
from isocenter.compose.sound_values import mended, what_is_expected
from isocenter.compose.sources import Source
from isocenter.errors import CannotCompose

__all__ = ["building", "carry", "coded", "complete", "module", "take_back_spacing"]

_ITS_OWN = frozenset({"SOPInstanceUID", "SpecificCharacterSet"})


def module(name: str) -> Any:
    """Return a module of highdicom, which is large and only partly typed."""
    return importlib.import_module(f"highdicom.{name}")


def coded(code: Code, *, whole: bool = True) -> Any:
    """Return a code as highdicom wants it.

    Parameters
    ----------
    code
        Value, scheme and meaning.
    whole
        Whether to refuse one that is incomplete; a report says itself where such a one stands.

    Raises
    ------
    CannotCompose
        When it is refused, or its meaning is too long.
    """
    item = code.whole_item() if whole else code.item()
    item.CodingSchemeDesignator = code.scheme  # which highdicom asks for, be it empty
    made = module("sr").CodedConcept.from_dataset(item, copy=False)
    if whole and not code.scheme:
        del made.CodingSchemeDesignator  # an empty one cannot be written
    return made


def complete(sources: Iterable[Source], *, apart: float | None = None) -> list[Dataset]:
    """Return source images with the Type 2 attributes, empty where absent or none, for highdicom.

    The data sets of the sources stay as they are. A Slice Thickness that they do not say is how far
    `apart` they lie, in mm.
    """
    return [_completed(source.data_set, apart) for source in sources]


def _completed(image: Dataset, apart: float | None) -> Dataset:
    keywords = (*attributes.PATIENT_REQUIRED, *attributes.STUDY_REQUIRED)
    absent: dict[str, Any] = {one: None for one in keywords if not _is_sound(image, one)}
    if "ImagePositionPatient" in image and not image.get("SliceThickness"):
        absent["SliceThickness"] = None if apart is None else values.decimal(apart)
    if not absent:
        return image
    result = Dataset()
    result.update({element.tag: element for element in image})
    for keyword, value in absent.items():
        setattr(result, keyword, value)
    return result


def _is_sound(image: Dataset, keyword: str) -> bool:
    """Tell whether there is a value that highdicom reads; the composition has said of another."""
    return keyword in image and not what_is_expected("", image[keyword])


@contextmanager
def building(what: str, tag: int) -> Generator[None]:
    """Turn what highdicom refuses into an error that names the module `what` and the tag."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise CannotCompose(
            f"highdicom cannot build the object: {error}", tag=tag, module=what
        ) from error


def carry(composition: Composition, built: Dataset, *, given: Collection[str] = ()) -> None:
    """Take over the attributes of a built object that the composition does not have itself.

    Parameters
    ----------
    composition
        With patient, study, series and equipment set already.
    built
        The object, which gives its elements away.
    given
        The keywords of what the caller said; everything else followed from the rules of the kind.
    """
    for element in map(mended, built):
        keyword = element.keyword
        if keyword in _ITS_OWN or composition.data_set.get(keyword):
            continue
        if keyword not in given and composition.leaves_out(element):
            continue
        if keyword in given:
            composition.give(keyword, element.value)
        else:
            composition.generate(keyword, element.value)
        composition.data_set[element.tag] = element
    _name_other_study(composition)
    composition.data_set.file_meta = FileMetaDataset()
    composition.data_set.file_meta.TransferSyntaxUID = built.file_meta.TransferSyntaxUID


def take_back_spacing(built: Dataset, sources: Sequence[Source]) -> None:
    """Take back the 1 mm between slices that highdicom says of one image alone."""
    if len(sources) != 1 or "SharedFunctionalGroupsSequence" in sources[0].data_set:
        return
    said = sources[0].data_set.get("SpacingBetweenSlices")
    for groups in built.get("SharedFunctionalGroupsSequence", ()):
        for measures in groups.get("PixelMeasuresSequence", ()):
            if said:
                measures.SpacingBetweenSlices = said
            elif "SpacingBetweenSlices" in measures:
                del measures.SpacingBetweenSlices


def _name_other_study(composition: Composition) -> None:
    """Say which study references lead to, where a worklist item puts the object into another."""
    first = composition.sources.first
    study = str(first.data_set.get("StudyInstanceUID") or "") if first else ""
    references = composition.data_set.get("ReferencedSeriesSequence")
    if not references or study in ("", composition.data_set.StudyInstanceUID):
        return
    composition.remove("ReferencedSeriesSequence")
    item = Dataset()
    item.StudyInstanceUID = study
    item.ReferencedSeriesSequence = references
    composition.generate(
        "StudiesContainingOtherReferencedInstancesSequence", [item], "the references"
    )
