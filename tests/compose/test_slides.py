"""Whole-slide images: their frames are tiles on a slide, on which nothing is marked here."""

import numpy as np
import pytest
from pydicom import Dataset
from tests.compose import judges
from tests.factories import composite

from isocenter import compose
from isocenter.errors import CannotCompose


def slide(*, sparse: bool) -> Dataset:
    """Four tiles of 16 x 16 pixels beside each other."""
    image = composite("1.2.840.10008.5.1.4.1.1.77.1.6", "SM")
    image.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    image.SamplesPerPixel, image.PhotometricInterpretation = 3, "RGB"
    image.PlanarConfiguration, image.PixelRepresentation = 0, 0
    image.Rows = image.Columns = 16
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    image.NumberOfFrames = 4
    image.TotalPixelMatrixRows = image.TotalPixelMatrixColumns = 32
    image.DimensionOrganizationType = "TILED_SPARSE" if sparse else "TILED_FULL"
    image.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    shared, measures = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.001, 0.001], 0.001
    shared.PixelMeasuresSequence = [measures]
    image.SharedFunctionalGroupsSequence = [shared]
    if sparse:
        image.PerFrameFunctionalGroupsSequence = [Dataset() for _ in range(4)]
    image.PixelData = bytes(16 * 16 * 3 * 4)
    return image


MASK = np.ones((4, 16, 16), np.uint8)
MADE = {
    "seg": lambda source: compose.segmentation(
        MASK, source=source, segments={1: compose.Segment("Liver")}
    ),
    "rtstruct": lambda source: compose.rt_structure_set(
        [compose.Region("Liver", MASK)], source=source
    ),
    "pm": lambda source: compose.parametric_map(
        MASK.astype(np.float32), source=source, units_of_measure="um2/s"
    ),
    "derive": lambda source: compose.derived_series(source, lambda values: values),
}


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("sparse", [False, True], ids=["full", "sparse"])
def test_nothing_is_marked_or_measured_on_tiles(kind, sparse):
    with pytest.raises(CannotCompose, match="whole-slide image") as refused:
        MADE[kind](slide(sparse=sparse))
    assert "tile" in str(refused.value)


def test_a_presentation_state_shows_the_tiles_of_a_slide_one_by_one(tmp_path):
    made = compose.presentation_state({}, source=slide(sparse=False))
    (area,) = made.data_set.DisplayedAreaSelectionSequence
    assert list(area.DisplayedAreaBottomRightHandCorner) == [16, 16]
    assert area.PixelOriginInterpretation == "FRAME"  # PS3.3 C.10.4: what its corners count
    assert judges.dciodvfy_errors(made.save(tmp_path / "state.dcm")) == []
