"""Display models: what attributes and functional groups say of every frame."""

import numpy as np
import pydicom
import pytest
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)
from tests.factories import ct_slice
from tests.pixels.corpus import Picture, files

from isocenter.dicom import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from isocenter.errors import PixelDataError
from isocenter.pixels import (
    DataSetAttributes,
    DisplayedFrame,
    DisplayResolver,
    JsonAttributes,
    Padding,
    PixelDescription,
    PixelSpacing,
    Rescale,
    Window,
    display_models,
)


def shown(dataset: pydicom.Dataset) -> tuple[DisplayedFrame, ...]:
    attributes = DataSetAttributes(dataset)
    return display_models(
        attributes, PixelDescription.from_attributes(attributes, EXPLICIT_VR_LITTLE_ENDIAN)
    )


def item(**attributes: object) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


# pydicom writes words of big-endian files into JSON as they are.
@pytest.mark.parametrize("name", [n for n in files() if "expb" not in n and "big" not in n])
def test_json_and_data_set_give_the_same_models(name: str) -> None:
    picture = Picture.named(name)
    dataset = picture.dataset
    for keyword in ("PixelData", "FloatPixelData"):
        if keyword in dataset:
            dataset[keyword].value = b""
    from_json = JsonAttributes(dataset.to_json_dict(suppress_invalid_tags=True))
    found = display_models(from_json, picture.description)
    expected = display_models(DataSetAttributes(dataset), picture.description)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.voi, ours.position) == (theirs.voi, theirs.position)
        assert ours.model.modality == theirs.model.modality
        assert ours.model.spacing == theirs.model.spacing
        assert (ours.model.palette is None) == (theirs.model.palette is None)
        if ours.model.palette is not None and theirs.model.palette is not None:
            np.testing.assert_array_equal(ours.model.palette.colours, theirs.model.palette.colours)


def test_a_ct_slice_is_in_hounsfield_units_with_its_window_and_padding() -> None:
    (frame,) = shown(
        ct_slice(
            8,
            8,
            RescaleIntercept=-1024,
            RescaleSlope=1,
            RescaleType=None,
            WindowCenter=40,
            WindowWidth=400,
            WindowCenterWidthExplanation=None,
            PixelPaddingValue=-2000,
            PixelSpacing=[0.5, 0.7],
        )
    )
    assert frame.model.modality == Rescale(1, -1024, "HU")
    assert frame.voi[0] == Window(40, 400)
    assert frame.model.padding == Padding(-2000, -2000)
    assert frame.model.spacing == PixelSpacing(0.5, 0.7, "Pixel Spacing", True)
    assert frame.model.format == "int16"


def test_padding_written_as_unsigned_is_read_as_signed() -> None:
    dataset = ct_slice(8, 8, PixelPaddingValue=None)
    dataset.add_new(0x00280120, "US", 63536)
    dataset.add_new(0x00280121, "US", 63540)
    assert shown(dataset)[0].model.padding == Padding(-2000, -1996)


def test_dose_is_scaled_to_its_units() -> None:
    model = Picture.named("rtdose.dcm").frames()[0].model
    dataset = Picture.named("rtdose.dcm").dataset
    assert model.modality == Rescale(float(dataset.DoseGridScaling), 0, dataset.DoseUnits)


def test_dose_planes_lie_at_their_offsets() -> None:
    picture = Picture.named("rtdose.dcm")
    origin, offsets = picture.dataset.ImagePositionPatient, picture.dataset.GridFrameOffsetVector
    for frame, offset in zip(picture.frames(), offsets, strict=True):
        assert frame.position is not None
        expected = (origin[0], origin[1], origin[2] + offset)
        np.testing.assert_allclose(frame.position, expected, atol=1e-6)


def test_enhanced_frames_take_shared_groups_and_their_own() -> None:
    dataset = ct_slice(8, 8, WindowCenter=None, WindowWidth=None, PixelSpacing=None)
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "ImagePositionPatient"):
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.NumberOfFrames, dataset.PixelData = 3, dataset.PixelData * 3
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[2, 3])],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])],
        FrameVOILUTSequence=[item(WindowCenter=1, WindowWidth=10)],
    )
    own = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[n, 0, 0])],
            PixelValueTransformationSequence=[
                item(RescaleSlope=1 + n // 2, RescaleIntercept=0, RescaleType="HU")
            ],
        )
        for n in range(3)
    ]
    own[1].FrameVOILUTSequence = [item(WindowCenter=2, WindowWidth=20)]
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(own)
    frames = shown(dataset)
    assert [frame.position for frame in frames] == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]
    assert [frame.voi[0] for frame in frames] == [Window(1, 10), Window(2, 20), Window(1, 10)]
    assert frames[0].model is frames[1].model
    assert frames[2].model.modality == Rescale(2, 0, "HU")
    assert frames[0].model.spacing == PixelSpacing(2, 3, "Pixel Spacing", True)
    assert frames[0].model.orientation == (0, 1, 0, 0, 0, -1)


def test_frames_beyond_the_described_groups_still_have_the_shared_ones() -> None:
    picture = Picture.named("eCT_Supplemental.dcm")
    dataset = picture.dataset
    del dataset.PerFrameFunctionalGroupsSequence[1:]
    frames = display_models(DataSetAttributes(dataset), picture.description)
    assert len(frames) == 2 and frames[1].model.spacing == frames[0].model.spacing


def test_a_supplemental_palette_is_found() -> None:
    palette = Picture.named("eCT_Supplemental.dcm").frames()[0].model.supplemental
    assert palette is not None and palette.first == 1024 and len(palette.colours) == 100


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"PixelSpacing": [1, 2]}, PixelSpacing(1, 2, "Pixel Spacing", False)),
        ({"ImagerPixelSpacing": [1, 2]}, PixelSpacing(1, 2, "Imager Pixel Spacing", False)),
        (
            {"PixelSpacing": [1, 2], "ImagerPixelSpacing": [1, 2]},
            PixelSpacing(1, 2, "Imager Pixel Spacing", False),
        ),
        (
            {"PixelSpacing": [1, 2], "ImagerPixelSpacing": [2, 4]},
            PixelSpacing(1, 2, "Pixel Spacing", True),
        ),
        (
            {"PixelSpacing": [1, 2], "PixelSpacingCalibrationType": "FIDUCIAL"},
            PixelSpacing(1, 2, "Pixel Spacing", True),
        ),
        (
            {"ImagerPixelSpacing": [1, 2], "EstimatedRadiographicMagnificationFactor": 2},
            PixelSpacing(
                0.5,
                1,
                "Imager Pixel Spacing / Estimated Radiographic Magnification Factor",
                False,
            ),
        ),
        (
            {"NominalScannedPixelSpacing": [1, 2]},
            PixelSpacing(1, 2, "Nominal Scanned Pixel Spacing", False),
        ),
        ({"PixelSpacing": [0, 0]}, None),
    ],
)
def test_projections_say_where_their_spacing_holds(
    attributes: dict[str, object], expected: PixelSpacing | None
) -> None:
    # PS3.3 10.7.1.3: what is measured at the detector is not the patient.
    plain = {"ImagePositionPatient": None, "PixelSpacing": None, "Modality": "DX"}
    assert shown(ct_slice(8, 8, **(plain | attributes)))[0].model.spacing == expected


def enhanced(modality: str, **groups: object) -> PixelSpacing | None:
    """The spacing of an image with nothing but functional groups."""
    bare = {"PixelSpacing": None, "ImagePositionPatient": None, "ImageOrientationPatient": None}
    shared = item(**{name: Sequence([group]) for name, group in groups.items()})
    dataset = ct_slice(
        8, 8, Modality=modality, SharedFunctionalGroupsSequence=Sequence([shared]), **bare
    )
    return shown(dataset)[0].model.spacing


def test_an_enhanced_projection_says_in_functional_groups_where_its_spacing_holds() -> None:
    # PS3.3 C.8.19.6.4 and C.8.19.6.9.
    at_detector = item(ImagerPixelSpacing=[0.3, 0.4])
    expected = PixelSpacing(0.3, 0.4, "Imager Pixel Spacing", False)
    assert enhanced("XA", FramePixelDataPropertiesSequence=at_detector) == expected
    in_beam = item(ObjectPixelSpacingInCenterOfBeam=[0.2, 0.1])
    assert enhanced(
        "XA",
        FramePixelDataPropertiesSequence=at_detector,
        ProjectionPixelCalibrationSequence=in_beam,
    ) == PixelSpacing(0.2, 0.1, "Object Pixel Spacing in Center of Beam", False)


def test_a_plane_through_the_patient_is_no_projection_whatever_its_modality() -> None:
    # Breast tomosynthesis and rotational angiography: reconstructed, in millimetres of the patient.
    measures = item(PixelSpacing=[0.1, 0.1])
    plane = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    assert enhanced(
        "MG", PixelMeasuresSequence=measures, PlaneOrientationSequence=plane
    ) == PixelSpacing(0.1, 0.1, "Pixel Spacing", True)
    assert enhanced("MG", PixelMeasuresSequence=measures) == PixelSpacing(
        0.1, 0.1, "Pixel Spacing", False
    )


def test_ultrasound_is_calibrated_by_its_regions() -> None:
    region = item(
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=0.01,
        PhysicalDeltaY=0.02,
    )
    plain = {"PixelSpacing": None, "ImagePositionPatient": None}
    dataset = ct_slice(8, 8, SequenceOfUltrasoundRegions=Sequence([region, region]), **plain)
    expected = PixelSpacing(0.2, 0.1, "Sequence of Ultrasound Regions", True)
    assert shown(dataset)[0].model.spacing == expected
    other = item(**{element.keyword: element.value for element in region})
    other.PhysicalDeltaX = 0.05
    dataset.SequenceOfUltrasoundRegions = Sequence([region, other])
    assert shown(dataset)[0].model.spacing is None


def regions(dataset: pydicom.Dataset) -> list[tuple[tuple[int, ...], tuple[float, ...] | None]]:
    return [
        ((each.left, each.top, each.right, each.bottom), each.spacing)
        for each in shown(dataset)[0].model.regions
    ]


def test_every_region_of_an_ultrasound_image_has_its_own_scale_or_none() -> None:
    # An abdomen above an electrocardiogram, in seconds.
    found = Picture.named("OBXXXX1A.dcm").frames()[0].model
    (tissue, trace) = found.regions
    assert (tissue.left, tissue.top, tissue.right, tissue.bottom) == (120, 60, 800, 519)
    assert tissue.spacing == pytest.approx((0.2622878766, 0.2622878766))
    assert (trace.left, trace.top, trace.right, trace.bottom) == (176, 522, 744, 577)
    assert trace.spacing is None
    assert shown(ct_slice(8, 8))[0].model.regions == ()


def test_a_region_ends_with_the_image_and_one_that_does_not_say_where_it_is_may_be_anywhere() -> (
    None
):
    lengths = {"PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3}
    lengths |= {"PhysicalDeltaX": -0.1, "PhysicalDeltaY": 0.2}
    one_more = item(
        RegionLocationMinX0=2,
        RegionLocationMinY0=3,
        RegionLocationMaxX1=6,
        RegionLocationMaxY1=8,
        **lengths,
    )
    nowhere = item(**lengths | {"PhysicalDeltaX": 0.0})
    turned = item(
        RegionLocationMinX0=6,
        RegionLocationMinY0=0,
        RegionLocationMaxX1=2,
        RegionLocationMaxY1=4,
        **lengths,
    )
    dataset = ct_slice(8, 8, SequenceOfUltrasoundRegions=Sequence([one_more, nowhere, turned]))
    assert regions(dataset) == [
        ((2, 3, 7, 8), (2.0, 1.0)),
        ((0, 0, 8, 8), None),
        ((0, 0, 8, 8), (2.0, 1.0)),
    ]


def test_regions_of_an_image_that_was_made_smaller_tell_no_lengths() -> None:
    # 320 by 240 pixels; what its regions say is of 640 by 480: its own marks lie half as far apart.
    frame = Picture.named("examples_ybr_color.dcm").frames()[0].model
    assert (frame.columns, frame.rows) == (320, 240)
    assert [each.spacing for each in frame.regions] == [None]
    assert frame.spacing is None and frame.aspect == (1, 1)


def test_pixel_aspect_ratio_alone_gives_shape_without_size() -> None:
    dataset = ct_slice(8, 8, PixelSpacing=None, PixelAspectRatio=[4, 3])
    model = shown(dataset)[0].model
    assert model.spacing is None and model.aspect == (4, 3)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverse"),
    [
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", None, True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
    ],
)
def test_gray_is_inverted_once(photometric: str, shape: str | None, inverse: bool) -> None:
    dataset = ct_slice(8, 8, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    assert shown(dataset)[0].model.presentation.inverse is inverse


@pytest.mark.parametrize(
    ("relationship", "applied"), [("LOG", False), ("DISP", False), ("LIN", True)]
)
def test_angiograms_for_subtraction_are_shown_without_their_modality_lut(
    relationship: str, applied: bool
) -> None:
    dataset = ct_slice(8, 8, SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1", RescaleSlope=3)
    dataset.PixelIntensityRelationship = relationship
    modality = shown(dataset)[0].model.modality
    assert isinstance(modality, Rescale) and (modality.slope == 3) is applied


def test_unusable_parts_are_named_and_the_rest_is_kept() -> None:
    table = item(ModalityLUTType="HU", LUTDescriptor=[256, 0, 16], LUTData=[1, 2])
    dataset = ct_slice(8, 8, ModalityLUTSequence=Sequence([table]))
    model = shown(dataset)[0].model
    assert model.modality == Rescale()
    assert "Modality LUT Sequence (0028,3000)" in model.problems[0]


def test_real_world_values_are_offered_beside_the_display() -> None:
    mapping = item(
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=4095,
        RealWorldValueSlope=0.25,
        RealWorldValueIntercept=1.0,
        LUTLabel="SUV",
        MeasurementUnitsCodeSequence=Sequence([item(CodeValue="{SUVbw}g/ml")]),
    )
    dataset = ct_slice(8, 8, RealWorldValueMappingSequence=Sequence([mapping]))
    (found,) = shown(dataset)[0].model.real_world
    assert (found.slope, found.intercept, found.units) == (0.25, 1.0, "{SUVbw}g/ml")


def test_lossy_compression_and_cine_are_told() -> None:
    dataset = ct_slice(8, 8, LossyImageCompression="01", LossyImageCompressionRatio=[12.5])
    dataset.LossyImageCompressionMethod, dataset.FrameTime = "ISO_15444_1", "33.3"
    model = shown(dataset)[0].model
    assert model.lossy is not None and model.lossy.ratios == (12.5,)
    assert model.lossy.methods == ("ISO_15444_1",) and model.frame_time == 33.3


def test_an_object_without_window_is_shown_over_its_full_range() -> None:
    dataset = ct_slice(8, 8, WindowCenter=None, WindowWidth=None, BitsStored=12, HighBit=11)
    dataset.RescaleSlope, dataset.RescaleIntercept = 2, -1000
    model = shown(dataset)[0].model
    window = model.fallback_window()
    assert window.apply(np.array([-5096, 3094])).tolist() == [0, 1]


def test_two_billion_promised_frames_are_refused_at_once() -> None:
    dataset = ct_slice(8, 8, NumberOfFrames=2_000_000_000)
    with pytest.raises(PixelDataError, match=r"Number of Frames \(0028,0008\) is 2000000000"):
        shown(dataset)


@pytest.mark.parametrize(
    ("syntax", "said", "lossy"),
    [
        (JPEGBaseline8Bit, None, True),
        (JPEGBaseline8Bit, "00", True),
        (JPEG2000, None, True),
        (JPEG2000, "00", False),
        (JPEG2000Lossless, None, False),
        (ExplicitVRLittleEndian, None, False),
    ],
)
def test_an_encoding_that_loses_is_marked_though_the_object_does_not_say_so(
    syntax: str, said: str | None, lossy: bool
) -> None:
    dataset = ct_slice(8, 8, LossyImageCompression=said)
    attributes = DataSetAttributes(dataset)
    description = PixelDescription.from_attributes(attributes, transfer_syntax(syntax))
    (frame,) = display_models(attributes, description)
    assert (frame.model.lossy is not None) is lossy


def test_a_position_that_only_one_of_two_projections_has_changes_what_its_spacing_is_worth() -> (
    None
):
    resolver = DisplayResolver()

    def is_real(**changes: object) -> bool:
        dataset = ct_slice(8, 8, Modality="DX", FrameOfReferenceUID="1.2.3", **changes)
        if not changes:
            del dataset.ImagePositionPatient
        attributes = DataSetAttributes(dataset)
        description = PixelDescription.from_attributes(attributes, EXPLICIT_VR_LITTLE_ENDIAN)
        (frame,) = resolver.resolve(attributes, description)
        assert frame.model.spacing is not None
        return frame.model.spacing.is_real

    assert [is_real(), is_real(ImagePositionPatient=[0, 0, 0]), is_real()] == [
        False,
        True,
        False,
    ]
