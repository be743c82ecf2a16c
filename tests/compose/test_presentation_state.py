"""Presentation states: dciodvfy, dcentvfy, dcmpschk and our own checker judge them."""

import json
import subprocess
import time
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)
from tests.compose.attribute_tables import EVERYTHING, broken_rows, lost_copies
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors, dcmpschk_failures, needs
from tests.factories import ct_series, ct_slice, multi_frame, part10_bytes, small_object
from tests.pixels.test_presentation import Bench, difference

from isocenter.compose import presentation_state, read_presentation_state
from isocenter.dicom import validate
from isocenter.errors import (
    CannotCompose,
    InvalidAttribute,
    InvalidDicom,
    IsocenterError,
    NotFound,
)
from isocenter.pixels import LookupTable, Presentation, Rescale, TabulatedModality, Window
from isocenter.pixels.presentation import (
    BitmapShutter,
    CircularShutter,
    CompoundGraphic,
    DisplayedArea,
    FillStyle,
    GraphicAnnotation,
    GraphicGroup,
    GraphicLayer,
    GraphicObject,
    LineStyle,
    Mask,
    Overlay,
    OverlayActivation,
    PolygonalShutter,
    PresentationState,
    RectangularShutter,
    ReferencedImage,
    Shutter,
    TextObject,
    TextStyle,
    VoiSelection,
)

IMAGE = ct_slice(64, 48)
CINE = multi_frame(4, 20, 30, bits=8)
COLOUR = multi_frame(2, 20, 30, bits=8, samples=3)
COLOUR.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7.4"
TWO_SERIES = ct_series(2)
TWO_SERIES += ct_series(
    2,
    StudyInstanceUID=TWO_SERIES[0].StudyInstanceUID,
    WindowCenter=["50"],
    WindowWidth=["350"],
    WindowCenterWidthExplanation=None,
    PixelSpacing=["0.5", "0.5"],
)


def table(first: int = 0, entries: int = 256) -> LookupTable:
    return LookupTable(first, 16, np.linspace(0, 65535, entries).astype(np.uint16), "curve")


def box(text: str, **more) -> TextObject:
    return TextObject(text=text, top_left=(3, 4), bottom_right=(20, 10), **more)


ANNOTATIONS = (
    GraphicAnnotation(
        layer="MEASUREMENT_1",
        texts=(
            box("Two lines\nof text", justification="RIGHT", style=TextStyle(
                colour="#ffff00", font_name="Helvetica", bold=True, shadow="OUTLINED")),
            TextObject(text="Größe 5 mm", anchor=(1, 2), anchor_visible=True,
                tracking_id="Lesion 1", tracking_uid="1.2.3"),
            TextObject(text="corner", top_left=(0, 0), bottom_right=(0.5, 0.1),
                box_units="DISPLAY"),
            box("both", anchor=(30, 30), group_id=1),
        ),
        graphics=(
            GraphicObject(type="POINT", points=[(2.5, 3.5)]),
            GraphicObject(type="POLYLINE", points=[(1, 1), (5, 5), (9, 2)], line_style=LineStyle(
                colour="#ff0000", thickness=2.5, dashing="DASHED", shadow="NORMAL")),
            GraphicObject(type="POLYLINE", points=[(1, 1), (5, 5), (9, 2), (1, 1)], filled=True),
            GraphicObject(type="INTERPOLATED", points=[(1, 1), (5, 5), (9, 2), (12, 4)]),
            GraphicObject(type="CIRCLE", points=[(20, 20), (25, 20)], filled=True,
                fill_style=FillStyle(mode="STIPPELED", off_opacity=0.5), group_id=1),
            GraphicObject(type="ELLIPSE", points=[(0.1, 0.2), (0.5, 0.2), (0.3, 0.1), (0.3, 0.3)],
                units="DISPLAY"),
        ),
    ),
)  # fmt: skip
COMPOUNDS = GraphicAnnotation(
    layer="COMPOUND",
    compounds=(
        CompoundGraphic(type="MULTILINE", points=[(1, 1), (5, 5), (7, 7), (9, 3)]),
        CompoundGraphic(type="INFINITELINE", points=[(3, 3), (10, 10)]),
        CompoundGraphic(type="CUTLINE", points=[(3, 3), (10, 12)], gap_length=0.1),
        CompoundGraphic(type="RANGELINE", points=[(10, 10), (20, 10)]),
        CompoundGraphic(type="RULER", points=[(10, 30), (40, 30)], tick_alignment="TOP"),
        CompoundGraphic(type="AXIS", points=[(10, 40), (40, 40)], text_style=TextStyle(),
            major_ticks=[{"position": 0, "label": "0"}, {"position": 1, "label": "5 cm"}]),
        CompoundGraphic(type="CROSSHAIR", points=[(20, 20)], gap_length=0.02),
        CompoundGraphic(type="ARROW", points=[(5, 5), (30, 10)], line_style=LineStyle()),
        CompoundGraphic(type="RECTANGLE", points=[(5, 15), (30, 20)], rotation_angle=30),
        CompoundGraphic(type="ELLIPSE", points=[(0.2, 0.2), (0.4, 0.7)], units="DISPLAY",
            filled=True, rotation_angle=30),
    ),
)  # fmt: skip
LAYERS = (
    GraphicLayer(name="MEASUREMENT_1", order=0, grayscale=60000, description="Ruler"),
    GraphicLayer(name="COMPOUND", order=1, colour="#00ff00"),
)
SECOND = ReferencedImage(sop_instance_uid=TWO_SERIES[2].SOPInstanceUID)
VARIANTS: dict[str, tuple[PresentationState, list[Dataset]]] = {
    "nothing said": (PresentationState(), [IMAGE]),
    "text and graphics": (
        PresentationState(
            annotations=ANNOTATIONS,
            layers=LAYERS[:1],
            groups=(GraphicGroup(group_id=1, label="Lesion"),),
            description="Größe",
            creator="Doe^Jane",
            label="FOLLOW_UP 2",
        ),
        [IMAGE],
    ),
    "compound graphics": (PresentationState(annotations=(COMPOUNDS,), layers=LAYERS), [IMAGE]),
    "areas and orientation": (
        PresentationState(
            rotation=270,
            flipped=True,
            displayed_areas=(
                DisplayedArea(top_left=(45, 60), bottom_right=(5, 3), mode="TRUE SIZE",
                    spacing=(0.7, 0.7)),
            ),
        ),
        [IMAGE],
    ),
    "magnified": (
        PresentationState(
            displayed_areas=(
                DisplayedArea(top_left=(1, 1), bottom_right=(40, 60), mode="MAGNIFY",
                    magnification=2.5, aspect=(1, 1)),
            ),
        ),
        [IMAGE],
    ),
    "tables": (
        PresentationState(
            modality=TabulatedModality(table(-1024), "OD"),
            voi=(VoiSelection(transforms=(table(10),)),),
            presentation=Presentation(table=table()),
        ),
        [IMAGE],
    ),
    "windows": (
        PresentationState(
            modality=Rescale(1 / 3, -1024.123456789, "HU"),
            voi=(VoiSelection(transforms=(Window(1 / 3, 400, explanation="A"),)),),
            presentation=Presentation(inverse=True),
        ),
        [IMAGE],
    ),
    "shutters": (
        PresentationState(
            shutter=Shutter(
                shapes=(
                    RectangularShutter(left=3, right=40, upper=5, lower=50),
                    CircularShutter(center=(30, 20), radius=25),
                    PolygonalShutter(vertices=(1, 1, 60, 1, 60, 40, 1, 47)),
                ),
                value=30000,
            )
        ),
        [IMAGE],
    ),
    "bitmap shutter and overlays": (
        PresentationState(
            overlays=(
                Overlay(np.eye(64, 48), label="Shutter"),
                Overlay(np.eye(5, 7), group=0x6004, origin=(-3, 2), kind="R", layer="COMPOUND"),
            ),
            shutter=Shutter(bitmap=BitmapShutter(overlay_group=0x6000), value=100),
            layers=LAYERS[1:],
        ),
        [IMAGE],
    ),
    "averaged subtraction": (
        PresentationState(
            mask=Mask(operation="AVG_SUB", mask_frames=(1, 2), frame_range=(3, 3),
                sub_pixel_shift=(0.5, -1.25), explanation="contrast"),
        ),
        [CINE],
    ),
    "differences in time": (
        PresentationState(mask=Mask(operation="TID", tid_offset=1, frame_range=(2, 4))), [CINE],
    ),
    "some frames": (
        PresentationState(
            images=(ReferencedImage(sop_instance_uid=CINE.SOPInstanceUID, frames=(2, 3)),),
            voi=tuple(
                VoiSelection(transforms=(Window(100 * n, 50),), images=(ReferencedImage(
                    sop_instance_uid=CINE.SOPInstanceUID, frames=(n,)),))
                for n in (2, 3)
            ),
        ),
        [CINE],
    ),
    "two series": (
        PresentationState(
            annotations=(GraphicAnnotation(layer="A", images=(SECOND,), texts=(box("here"),)),)
        ),
        TWO_SERIES,
    ),
    "colour": (
        PresentationState(
            annotations=(GraphicAnnotation(layer="A", texts=(box("red"),)),),
            rotation=180,
            shutter=Shutter(shapes=(CircularShutter(center=(9, 9), radius=5),), colour="#102030"),
        ),
        [COLOUR],
    ),
}  # fmt: skip

UNKNOWN_TO_DCMTK = {"colour", "averaged subtraction", "differences in time"}
"""It says itself that it does not support color presentation states and masks."""


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_is_valid_to_every_judge(name: str, tmp_path: Path) -> None:
    content, images = VARIANTS[name]
    path = presentation_state(content, source=images).save(tmp_path / "state.dcm")
    assert dciodvfy_errors(path) == []
    if name not in UNKNOWN_TO_DCMTK:
        assert dcmpschk_failures(path) == []
    # Of CROSSHAIR, dciodvfy demands the Tick Label Alignment that PS3.3 asks RULER and AXIS for.
    findings = [one for one in validate(path) if one.tag != 0x00700279]
    assert findings == []
    for number, image in enumerate(images):
        (tmp_path / f"{number}.dcm").write_bytes(part10_bytes(image))
    assert dcentvfy_errors(sorted(tmp_path.glob("*.dcm"))) == []


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_composed_is_read_back_the_same(name: str, tmp_path: Path) -> None:
    content, images = VARIANTS[name]
    path = presentation_state(content, source=images).save(tmp_path / "state.dcm")
    read = read_presentation_state(path)
    assert read.problems == ()
    for field in ("groups", "rotation", "flipped", "shutter", "mask", "overlays", "activations",
        "label", "description", "creator"):  # fmt: skip
        assert getattr(read, field) == getattr(content, field), field
    for field in ("layers", "displayed_areas", "images", "modality", "presentation", "voi"):
        if getattr(content, field):
            assert getattr(read, field) == getattr(content, field), field
    for given, found in zip(content.annotations, read.annotations, strict=True):
        assert (given.layer, given.images) == (found.layer, found.images)
        assert found.texts[: len(given.texts)] == given.texts
        assert found.graphics[: len(given.graphics)] == given.graphics
    # All of it, now that the defaults are there.
    again = read_presentation_state(presentation_state(read, source=images).data_set)
    assert again == read


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("name", ["tables", "bitmap shutter and overlays", "text and graphics"])
def test_any_encoding_is_read_the_same(name: str, syntax: str, tmp_path: Path) -> None:
    content, images = VARIANTS[name]
    composed = presentation_state(content, source=images)
    path = composed.save(tmp_path / "state.dcm", transfer_syntax_uid=syntax)
    read = read_presentation_state(path)
    assert read == read_presentation_state(composed.data_set)
    assert read == read_presentation_state(pydicom.dcmread(path))


def test_a_file_that_is_no_dicom_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of DICOM")
    with pytest.raises(InvalidDicom):
        read_presentation_state(tmp_path / "notes.txt")


def test_compound_graphics_have_numbers_and_plain_renderings(tmp_path: Path) -> None:
    content, images = VARIANTS["compound graphics"]
    path = presentation_state(content, source=images).save(tmp_path / "state.dcm")
    (item,) = pydicom.dcmread(path).GraphicAnnotationSequence
    numbers = [one.CompoundGraphicInstanceID for one in item.CompoundGraphicSequence]
    assert numbers == list(range(1, 11))
    assert {one.CompoundGraphicInstanceID for one in item.GraphicObjectSequence} == set(numbers)
    labels = [one.UnformattedTextValue for one in item.TextObjectSequence]
    assert labels == ["0", "5 cm"]
    for one in item.GraphicObjectSequence:
        data = np.reshape(one.GraphicData, (-1, 2))
        limit = (1, 1) if one.GraphicAnnotationUnits == "DISPLAY" else (48, 64)
        assert (data >= 0).all() and (data <= limit).all()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flipped", [False, True])
def test_corners_of_the_displayed_area_are_put_where_they_are_shown(
    rotation: int, flipped: bool, tmp_path: Path
) -> None:
    area = DisplayedArea(top_left=(5, 3), bottom_right=(45, 60), aspect=(1, 1))
    content = PresentationState(rotation=rotation, flipped=flipped, displayed_areas=(area,))
    path = presentation_state(content, source=IMAGE).save(tmp_path / "state.dcm")
    # It calculates the corners; outside of the image it would take -3 for 4294967293.
    assert dciodvfy_errors(path) == []


@pytest.mark.parametrize(
    ("attributes", "spacing", "aspect"),
    [
        ({"PixelSpacing": ["0.5", "0.25"]}, (0.5, 0.25), None),
        ({"PixelSpacing": None, "PixelAspectRatio": [3, 2]}, None, (3, 2)),
        ({"PixelSpacing": None}, None, (1, 1)),
    ],
)
def test_an_area_has_the_shape_of_the_image_s_pixels_where_nothing_is_said(
    attributes: dict[str, object], spacing: object, aspect: object, tmp_path: Path
) -> None:
    image = ct_slice(48, 64, **attributes)
    (tmp_path / "area.json").write_text('{"area": {"top_left": [5, 3], "bottom_right": [45, 40]}}')
    path = presentation_state(tmp_path / "area.json", source=image).save(tmp_path / "state.dcm")
    (area,) = read_presentation_state(path).displayed_areas
    assert (area.spacing, area.aspect) == (spacing, aspect)
    (tmp_path / "image.dcm").write_bytes(part10_bytes(image))
    target = tmp_path / "image.pgm"  # DCMTK refuses states that say neither
    command = [needs("dcmp2pgm", "dcmtk"), "-p", path, tmp_path / "image.dcm", target]
    subprocess.run(command, check=True, timeout=60)
    assert target.stat().st_size > 0


def test_lookup_tables_of_other_depths_become_tables_of_16_bits(tmp_path: Path) -> None:
    twelve = LookupTable(0, 12, np.array([0, 1000, 4095], np.uint16))
    content = PresentationState(voi=(VoiSelection(transforms=(twelve,)),))
    path = presentation_state(content, source=IMAGE).save(tmp_path / "state.dcm")
    assert dciodvfy_errors(path) == []
    assert list(read_presentation_state(path).voi[0].transforms[0].values) == [0, 16004, 65535]
    in_units = PresentationState(modality=TabulatedModality(twelve, "OD"))
    read = read_presentation_state(presentation_state(in_units, source=IMAGE).data_set)
    assert (read.modality.table.bits, list(read.modality.table.values)) == (16, [0, 1000, 4095])


def test_images_of_several_series_keep_their_own_windows_and_areas() -> None:
    data_set = presentation_state(PresentationState(), source=TWO_SERIES).data_set
    assert len(data_set.ReferencedSeriesSequence) == 2
    first, second = data_set.SoftcopyVOILUTSequence
    assert (first.WindowCenter, first.WindowWidth) == (40, 400)
    assert (second.WindowCenter, second.WindowWidth) == (50, 350)
    uids = [one.ReferencedSOPInstanceUID for one in second.ReferencedImageSequence]
    assert uids == [image.SOPInstanceUID for image in TWO_SERIES[2:]]
    spacings = [one.PresentationPixelSpacing for one in data_set.DisplayedAreaSelectionSequence]
    assert [list(one) for one in spacings] == [[0.703125, 0.703125], [0.5, 0.5]]


def test_a_colour_image_becomes_a_color_presentation_state_with_its_profile() -> None:
    data_set = presentation_state(PresentationState(), source=COLOUR).data_set
    assert data_set.SOPClassUID.name == "Color Softcopy Presentation State Storage"
    assert data_set.ICCProfile[36:40] == b"acsp" and data_set.ColorSpace == "SRGB"
    assert "PresentationLUTShape" not in data_set and "SoftcopyVOILUTSequence" not in data_set
    own = multi_frame(2, 20, 30, bits=8, samples=3, ICCProfile=b"own profile!")
    assert (
        presentation_state(PresentationState(), source=own).data_set.ICCProfile == b"own profile!"
    )


def test_what_highdicom_writes_is_read_with_the_same_meaning() -> None:
    image = ct_slice(64, 48, PatientOrientation=["L", "P"])
    pr = highdicom.pr
    layer = pr.GraphicLayer("LAYER1", 1, "first", highdicom.color.CIELabColor(54.3, 80.8, 69.9))
    points = np.array([[1.0, 2.0], [3.0, 4.5], [10.25, 20.0]])
    annotation = pr.GraphicAnnotation(
        referenced_images=[image],
        graphic_layer=layer,
        graphic_objects=[pr.GraphicObject("POLYLINE", points, "PIXEL", tracking_id="a",
            tracking_uid="1.2.3")],
        text_objects=[pr.TextObject("Hello", "DISPLAY", bounding_box=(0.1, 0.2, 0.5, 0.75))],
    )  # fmt: skip
    voi = pr.SoftcopyVOILUTTransformation(
        window_center=35.5, window_width=200, window_explanation="A", voi_lut_function="SIGMOID"
    )
    made = pr.GrayscaleSoftcopyPresentationState(
        [image], generate_uid(), 5, generate_uid(), 1, "M", "N", "1", "2", "LABEL", "described",
        [annotation], [layer], content_creator_name="Doe^Jane", voi_lut_transformations=[voi],
    )  # fmt: skip
    read = read_presentation_state(made)
    assert read.problems == ()
    assert (read.label, read.description, read.creator) == ("LABEL", "described", "Doe^Jane")
    assert read.images == (ReferencedImage(sop_instance_uid=image.SOPInstanceUID),)
    (found,) = read.annotations
    assert found.graphics[0].points == tuple(map(tuple, points))
    assert found.graphics[0].tracking_id == "a"
    text = found.texts[0]
    assert text.text == "Hello" and text.box_units == "DISPLAY"
    assert np.allclose([*text.top_left, *text.bottom_right], [0.1, 0.2, 0.5, 0.75])
    assert read.layers[0].name == "LAYER1" and read.layers[0].description == "first"
    window = read.voi_of(image.SOPInstanceUID, 1)
    assert (window.center, window.width, window.function) == (35.5, 200, "SIGMOID")
    assert read.modality == Rescale(1, 0, "HU")
    # Composed again, it is still the same, and valid.
    assert read_presentation_state(presentation_state(read, source=image).data_set) == read


def test_many_thousand_graphics_are_written_and_read(tmp_path: Path) -> None:
    lines = [
        GraphicObject(type="POLYLINE", points=[(i % 40, i % 60), (i % 40 + 1, i % 60 + 2)])
        for i in range(5_000)
    ]
    content = PresentationState(annotations=(GraphicAnnotation(layer="A", graphics=lines),))
    started = time.monotonic()
    path = presentation_state(content, source=IMAGE).save(tmp_path / "state.dcm")
    assert time.monotonic() - started < 20
    assert len(pydicom.dcmread(path).GraphicAnnotationSequence[0].GraphicObjectSequence) == 5_000


TABLES_70_TO_85 = """
0010,0010 2 VNAP copied; 0010,0020 2 VNAP copied; 0010,0021 3 ANAP copied; 0010,0030 2 VNAP copied
0010,0032 3 ANAP copied; 0010,0040 2 VNAP copied; 0010,1001 3 ANAP copied; 0010,2160 3 ANAP copied
0010,4000 3 ANAP copied
0008,0020 2 VNAP copied; 0008,0030 2 VNAP copied; 0008,0050 2 VNAP copied; 0008,0090 2 VNAP copied
0008,1030 3 ANAP copied; 0020,000D 1 ALWAYS copied; 0020,0010 2 VNAP copied
0008,1080 3 ANAP copied; 0010,1010 3 ANAP copied; 0010,1020 3 ANAP copied; 0010,1030 3 ANAP copied
0010,2180 3 ANAP copied; 0010,21B0 3 ANAP copied
0008,0021 3 ALWAYS generated; 0008,0031 3 ALWAYS generated; 0008,0060 1 ALWAYS generated
0008,103E 3 ALWAYS generated; 0020,000E 1 ALWAYS generated; 0020,0011 1 ALWAYS
0020,0060 2C ANAP; 0008,1070 3 ANAP copied; 0018,0015 3 ANAP copied; 0018,1030 3 ANAP copied
0008,0070 2 ALWAYS generated; 0008,1090 3 ALWAYS generated; 0018,1020 3 ALWAYS generated
0020,0013 1 ALWAYS generated; 0070,0080 1 ALWAYS generated; 0070,0081 2 ALWAYS given
0070,0082 1 ALWAYS generated; 0070,0083 1 ALWAYS generated; 0070,0084 3 ALWAYS given
0008,1115 1 ALWAYS generated; >0020,000E 1 ALWAYS; >0008,1140 1 ALWAYS; >>0008,1150 1 ALWAYS
>>0008,1155 1 ALWAYS; >>0008,1160 1C ANAP
0070,005A 1 ALWAYS generated; >0070,0052 1 ALWAYS; >0070,0053 1 ALWAYS; >0070,0100 1 ALWAYS
>0070,0102 1C ANAP
0070,0001 1 ALWAYS given; >0070,0002 1 ALWAYS; >0070,0008 1C ANAP; >>0070,0003 1C ANAP
>>0070,0004 1C ANAP; >>0070,0006 1 ALWAYS; >>0070,0010 1C ANAP; >>0070,0011 1C ANAP
>>0070,0012 1C ANAP; >>0070,0014 1C ANAP; >>0070,0015 1C ANAP; >>0070,0231 3 ANAP
>>>0070,0229 1 ALWAYS; >>>0070,0241 1 ALWAYS; >>>0070,0242 1C ALWAYS; >>>0070,0243 1C ALWAYS
>>>0070,0244 1 ALWAYS; >>>0070,0248 1 ALWAYS; >>>0070,0249 1 ALWAYS; >>>0070,0250 1 ALWAYS
>0070,0009 1C ANAP; >>0070,0005 1 ALWAYS; >>0070,0020 1 ALWAYS; >>0070,0021 1 ALWAYS
>>0070,0022 1 ALWAYS; >>0070,0023 1 ALWAYS; >>0070,0024 1C ANAP; >>0070,0226 3 ANAP
>>0070,0232 3 ANAP; >>>0070,0244 1 ALWAYS; >>>0070,0245 1 ALWAYS; >>>0070,0246 1 ALWAYS
>>>0070,0247 1 ALWAYS; >>>0070,0251 1 ALWAYS; >>>0070,0253 1 ALWAYS; >>>0070,0254 1 ALWAYS
>>>0070,0255 1C ANAP; >>>0070,0258 1 ALWAYS; >>>0070,0284 1 ALWAYS
>0070,0209 3 ANAP; >>0070,0020 1 ALWAYS; >>0070,0021 1 ALWAYS; >>0070,0022 1 ALWAYS
>>0070,0024 1C ANAP; >>0070,0226 1 ALWAYS; >>0070,0230 3 ANAP; >>0070,0232 3 ANAP
>>>0070,0244 1 ALWAYS; >>>0070,0245 1 ALWAYS; >>>0070,0246 1 ALWAYS; >>>0070,0251 1 ALWAYS
>>>0070,0253 1 ALWAYS; >>>0070,0254 1 ALWAYS; >>>0070,0255 1C ANAP; >>>0070,0284 1 ALWAYS
>>0070,0273 1C ANAP; >>0070,0282 1 ALWAYS; >>0070,0294 1 ALWAYS
0070,0041 1 ALWAYS generated; 0070,0042 1 ALWAYS generated
0070,0060 1 ALWAYS given; >0070,0002 1 ALWAYS; >0070,0062 1 ALWAYS; >0070,0068 3 ANAP
0028,3110 1 ALWAYS generated; >0028,1050 1C ALWAYS; >0028,1051 1C ALWAYS
2050,0020 1C ALWAYS generated
0008,0005 1C ANAP generated; 0008,0016 1 ALWAYS generated; 0008,0018 1 ALWAYS generated
"""
"""But for Other Patient IDs (0010,1000), which is retired; Referring Physician's Name, which Table
72 leaves empty, and which is copied, since the objects of a study agree about their study; and
Laterality, which is not there but for a paired body part (Type 2C)."""


@pytest.mark.parametrize("complete", [True, False])
def test_each_row_of_the_tables_is_kept(complete: bool) -> None:
    absent = {"PatientName": "", "AccessionNumber": "", "StudyID": "", "PatientAge": None}
    image = ct_slice(64, 48, **(EVERYTHING if complete else absent))
    content = PresentationState(
        annotations=(*ANNOTATIONS, COMPOUNDS), layers=LAYERS, description="Measured",
        groups=(GraphicGroup(group_id=1, label="Lesion"),), creator="Doe^Jane",
    )  # fmt: skip
    composed = presentation_state(content, source=image)
    assert broken_rows(composed, TABLES_70_TO_85) == []
    assert composed.data_set.Modality == "PR"
    if complete:
        assert lost_copies(composed, TABLES_70_TO_85, image) == []
        assert composed.data_set.Laterality == "R"


def refused(content, source=IMAGE, *, tag: int | None, said: str) -> None:
    with pytest.raises((CannotCompose, InvalidAttribute), match=said) as refusal:
        presentation_state(content() if callable(content) else content, source=source)
    assert refusal.value.tag == tag


def graphic(points, **more) -> PresentationState:
    one = GraphicObject(**({"type": "POLYLINE", "points": points} | more))
    return PresentationState(annotations=(GraphicAnnotation(layer="A", graphics=(one,)),))


def text(value: str, **more) -> PresentationState:
    one = TextObject(**({"text": value, "anchor": (1, 1)} | more))
    return PresentationState(annotations=(GraphicAnnotation(layer="A", texts=(one,)),))


BAD = {
    "a circle outside": (
        lambda: graphic([(100, 20), (110, 20)], type="CIRCLE"), 0x00700022, "100,20 outside"),
    "two points too many": (
        lambda: graphic([(1, 1), (2, 2), (3, 3)], type="CIRCLE"), 0x00700022, "3 points"),
    "more points than can be counted": (
        lambda: graphic([(1, 1)] * 70_000), 0x00700022, "70000 points"),
    "no number": (lambda: graphic([(1, float("nan")), (2, 2)]), 0x00700022, "nan is no finite"),
    "half a point": (lambda: graphic([(1,), (2, 2)]), 0x00700022, "expected two numbers"),
    "pixels in units of the display": (
        lambda: graphic([(1, 1), (40, 40)], units="DISPLAY"), 0x00700022, "expected 0,0 to 1,1"),
    "units of a slide": (
        lambda: graphic([(1, 1), (40, 40)], units="MATRIX"), 0x00700022, "total pixel matrix"),
    "a box in pixels with units of the display": (
        lambda: text("a", top_left=(1, 1), bottom_right=(9, 9), box_units="DISPLAY"), 0x00700010,
        "text box"),
    "a text without a place": (lambda: text("a", anchor=None), 0x00700014, "has no place"),
    "half a box": (lambda: text("a", top_left=(1, 1)), 0x00700011, "one corner"),
    "a text that no character set holds": (lambda: text("a\ud800"), 0x00700006, "surrogates"),
    "an endless text": (lambda: text("a" * 1025), 0x00700006, "1025 characters"),
    "an empty annotation": (
        PresentationState(annotations=(GraphicAnnotation(layer="A"),)), 0x00700001, "neither text"),
    "an unknown layer": (
        lambda: PresentationState(annotations=graphic([(1, 1), (2, 2)]).annotations, layers=LAYERS),
        0x00700002, "layer 'A' is unknown; described are MEASUREMENT_1, COMPOUND"),
    "a layer that is no code string": (
        lambda: PresentationState(layers=(GraphicLayer(name="lower", order=1),)), 0x00700002,
        "'lower'"),
    "a layer twice": (PresentationState(layers=LAYERS[:1] * 2), 0x00700002, "described twice"),
    "an unknown group": (lambda: text("a", group_id=7), 0x00700295, "group 7"),
    "a wrong label": (PresentationState(label="lower case"), 0x00700080, "'lower case'"),
    "an endless description": (PresentationState(description="a" * 65), 0x00700081, "65"),
    "a rotation by 45 degrees": (lambda: PresentationState(rotation=45), 0x00700042, "is 45"),
    "an unknown image": (
        PresentationState(images=(ReferencedImage(sop_instance_uid="1.2.3"),)), 0x00081155,
        "none of the 1 sources"),
    "an unknown image of an annotation": (
        PresentationState(annotations=(GraphicAnnotation(layer="A", texts=(box("a"),),
            images=(ReferencedImage(sop_instance_uid="1.2.3"),)),)), 0x00081140, "1.2.3"),
    "an overlay that the image does not have": (
        PresentationState(activations=(OverlayActivation(0x6002),)), 0x60021001, "6002"),
    "a bitmap shutter without bitmap": (
        PresentationState(shutter=Shutter(bitmap=BitmapShutter(overlay_group=0x6000))), 0x00181623,
        "6000"),
    "two overlays in one place": (
        PresentationState(overlays=(Overlay(np.eye(3)),) * 2), 0x60003000, "Two overlays"),
    "a mask for one frame": (
        PresentationState(mask=Mask(operation="TID")), 0x00286100, "several frames"),
    "an axis without ticks": (
        lambda: CompoundGraphic(type="AXIS", points=[(1, 1), (2, 2)]), 0x00700287, "no ticks"),
    "a compound graphic beside the image": (
        PresentationState(annotations=(GraphicAnnotation(layer="A", compounds=(
            CompoundGraphic(type="ARROW", points=[(100, 100), (200, 200)]),)),)), 0x00700022,
        "ARROW"),
    "a compound graphic that turns out of the image": (
        PresentationState(annotations=(GraphicAnnotation(layer="A", compounds=(CompoundGraphic(
            type="RECTANGLE", points=[(1, 1), (40, 20)], rotation_angle=60),)),)), 0x00700022,
        "of compound 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_right_is_refused(name: str) -> None:
    content, tag, said = BAD[name]
    refused(content, tag=tag, said=said)


def test_frames_beyond_the_image_are_refused() -> None:
    far = ReferencedImage(sop_instance_uid=CINE.SOPInstanceUID, frames=(2, 5))
    refused(PresentationState(images=(far,)), CINE, tag=0x00081160, said="Frame 5")
    selection = VoiSelection(transforms=(Window(1, 2),), images=(far,))
    refused(PresentationState(voi=(selection,)), CINE, tag=0x00081160, said="Frame 5")
    mask = Mask(operation="AVG_SUB", mask_frames=(9,))
    refused(PresentationState(mask=mask), CINE, tag=0x00286110, said="frame 9")
    some = ReferencedImage(sop_instance_uid=CINE.SOPInstanceUID, frames=(1,))
    beside = ReferencedImage(sop_instance_uid=CINE.SOPInstanceUID, frames=(2,))
    area = DisplayedArea(top_left=(1, 1), bottom_right=(9, 9), images=(beside,))
    content = PresentationState(images=(some,), displayed_areas=(area,))
    refused(content, CINE, tag=0x00081160, said="is for its frames 1")


def test_images_that_do_not_go_together_are_refused() -> None:
    empty = PresentationState()
    refused(empty, [IMAGE, ct_slice(64, 48)], tag=0x0020000D, said="2 studies")
    other = ct_slice(64, 48, PatientID="PID-2")
    refused(empty, [IMAGE, other], tag=0x00100020, said="different patients")
    study = {"StudyInstanceUID": COLOUR.StudyInstanceUID}
    refused(empty, [COLOUR, ct_slice(8, 8, **study)], tag=0x00280004, said="has colour")
    rescaled = ct_slice(64, 48, RescaleSlope="2", StudyInstanceUID=IMAGE.StudyInstanceUID)
    refused(empty, [IMAGE, rescaled], tag=0x00281052, said="The images differ")
    refused(empty, small_object(), tag=0x00280010, said="is no image")
    refused(empty, [], tag=0x00081115, said="no image")
    window = PresentationState(voi=(VoiSelection(transforms=(Window(1, 2),)),))
    refused(window, COLOUR, tag=0x00283110, said="has colour, and windows")


def from_json(members: dict, **options) -> Dataset:
    return presentation_state(members, **({"source": IMAGE} | options)).data_set


def test_the_short_form_of_json_says_the_usual_things(tmp_path: Path) -> None:
    content = tmp_path / "annotations.json"
    content.write_text(
        json.dumps(
            {
                "text": [{"text": "Nodule", "anchor": [20, 30]}],
                "graphics": [
                    {"type": "circle", "points": [[20, 30], [25, 30]], "layer": "CIRCLES",
                     "line_style": {"colour": "#ffff00"}},
                ],
                "compounds": [{"type": "arrow", "points": [[20, 30], [40, 50]]}],
                "window": [40, 400], "invert": True, "rotation": 90, "description": "Growing",
                "shutter": {"circle": {"center": [30, 20], "radius": 20}, "value": 100},
                "overlays": [{"bits": [[1, 0], [0, 1]], "layer": "OV", "group": "6000"}],
            }
        )
    )  # fmt: skip
    path = presentation_state(content, source=IMAGE).save(tmp_path / "state.dcm")
    assert dciodvfy_errors(path) == []
    read = read_presentation_state(path)
    assert [annotation.layer for annotation in read.annotations] == ["ANNOTATIONS", "CIRCLES"]
    assert read.annotations[0].texts[0].text == "Nodule"
    assert read.annotations[0].compounds[0].type == "ARROW"
    assert read.annotations[1].graphics[0].line_style == LineStyle(colour="#ffff00")
    assert read.voi == (VoiSelection(transforms=(Window(40, 400),)),)
    assert read.presentation == Presentation(inverse=True)
    assert (read.rotation, read.description) == (90, "Growing")
    assert read.shutter == Shutter(shapes=(CircularShutter(center=(30, 20), radius=20),), value=100)
    assert read.overlays == (Overlay(np.eye(2), layer="OV"),)


TABLES = {
    "for the modality": {
        "modality_table": {"values": list(range(65520, -1, -16)), "first": 0, "units": "OD"},
        "window": [64000, 4000],
    },
    "for the window": {
        "windows": [{"table": {"values": list(range(256)), "first": -1000, "bits": 8}}]
    },
    "for presentation": {
        "presentation_table": [round((n / 1023) ** 2.2 * 65535) for n in range(1024)],
    },
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_json_are_valid_and_drawn_as_dcmtk_draws_them(name, tmp_path: Path) -> None:
    bench = Bench(tmp_path, TABLES[name])
    assert dciodvfy_errors(bench.state) == []
    drawn = bench.drawn_by_dcmtk()
    assert difference(bench.ours(), drawn) <= 1
    assert len(np.unique(drawn)) > 1
    data_set = pydicom.dcmread(bench.state)
    sequence = {
        "for the modality": lambda: data_set.ModalityLUTSequence,
        "for the window": lambda: data_set.SoftcopyVOILUTSequence[0].VOILUTSequence,
        "for presentation": lambda: data_set.PresentationLUTSequence,
    }[name]()
    assert len(sequence) == 1
    entries, first, bits = sequence[0].LUTDescriptor
    assert (entries, first, bits) == {
        "for the modality": (4096, 0, 16),
        "for the window": (256, -1000, 8),
        "for presentation": (1024, 0, 16),
    }[name]


def test_json_names_images_by_their_place_or_uid() -> None:
    uid = str(TWO_SERIES[1].SOPInstanceUID)
    members = {
        "text": [
            {"text": "a", "anchor": [1, 1], "images": [3]},
            {"text": "b", "anchor": [1, 1], "images": [uid]},
            {"text": "c", "anchor": [1, 1], "images": [{"image": 4, "frames": []}]},
        ],
        "windows": [
            {"center": 10, "width": 20, "images": [1, 2]},
            {"center": 30, "width": 40, "function": "sigmoid", "images": [3, 4]},
        ],
    }
    data_set = from_json(members, source=TWO_SERIES)
    uids = [a.ReferencedImageSequence[0].ReferencedSOPInstanceUID
        for a in data_set.GraphicAnnotationSequence]  # fmt: skip
    assert uids == [TWO_SERIES[n].SOPInstanceUID for n in (2, 1, 3)]
    assert data_set.SoftcopyVOILUTSequence[1].VOILUTFunction == "SIGMOID"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"txt": []}, "there is no 'txt'"),
        ({"text": "x"}, "text: expected a list"),
        ({"text": [3]}, "text 1: expected an object"),
        ({"text": [{"anchor": [1, 1]}]}, "text 1: 'text' is missing"),
        ({"text": [{"text": "x", "anchor": [1, 1], "images": [7]}]}, "expected 1 to 1, or a UID"),
        ({"graphics": [{"type": "line", "points": [[1, 1]]}]}, "'line' is none of POINT"),
        ({"graphics": [{"type": "point", "points": [[1, "a"]]}]}, "expected a number"),
        ({"annotations": [{"layer": "A", "texts": [{"text": "x", "anchor": [1]}]}]},
         "annotations 1: texts 1: anchor, AnchorPoint"),
        ({"window": [1]}, "expected center and width"),
        ({"window": {"center": 1}}, "'width' is missing"),
        ({"window": [1, 0]}, "more than 0"),
        ({"window": {"center": 1, "width": 2, "function": "odd"}}, "window 1"),
        ({"shutter": {"circle": {"center": [3, 4]}}}, "'radius' is missing"),
        ({"overlays": [{"bits": [[1, 0], [1]]}]}, "rows of the same length"),
        ({"overlays": 3}, "overlays: expected a list"),
        ({"area": {"top_left": [1, 1], "bottom_right": [9, 9], "mode": "TRUE SIZE"}}, "TRUE SIZE"),
        ({"rescale": {"slope": "x"}}, "rescale: slope"),
        ({"images": [{}]}, "'sop_instance_uid' is missing"),
        ({"window": {"table": [1, -2]}}, "window 1: table: value 2: expected .* 0 to 65535"),
        ({"window": {"table": [1], "width": 3}}, "no 'width' beside a table"),
        ({"window": {"table": {"values": [1], "bits": 7}}}, "bits: expected .* 8 to 16"),
        ({"window": {"table": {"first": 1}}}, "values: expected a list"),
        ({"modality_table": {"values": [1], "bits": 12}}, "bits: expected 8 or 16"),
        ({"modality_table": [1], "rescale": {"slope": 2}}, "exclude each other"),
        ({"presentation_table": [1], "invert": True}, "exclude each other"),
        ({"presentation_table": {"values": [1], "first": 1}}, "first: expected 0"),
        ({"presentation_table": {"value": [1]}}, "no 'value'"),
    ],
)  # fmt: skip
def test_mistakes_in_json_say_where_they_are(members: dict, said: str) -> None:
    with pytest.raises(CannotCompose, match=said):
        from_json(members)


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "is not JSON"), ("[1]", "holds no JSON object"), ('{"rotation": NaN}', "NaN")],
)
def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(CannotCompose, match=said):
        presentation_state(path, source=IMAGE)
    with pytest.raises(NotFound, match="cannot be read"):
        presentation_state(tmp_path / "missing.json", source=IMAGE)


def test_a_refusal_is_one_of_our_errors_whatever_json_holds() -> None:
    odd = [None, 3, "x", [], {}, [[]], [None], {"a": 1}, -1e400, True]
    names = ["text", "graphics", "compounds", "window", "windows", "rotation", "flipped", "invert",
        "area", "displayed_areas", "shutter", "mask", "rescale", "layers", "groups", "annotations",
        "overlays", "activations", "images", "label", "description", "creator"]  # fmt: skip
    for name in names:
        for value in odd:
            try:
                from_json({name: value})
            except IsocenterError as refusal:
                assert str(refusal)


def test_templates_overrides_and_explanations_work_as_for_other_kinds(tmp_path: Path) -> None:
    template = tmp_path / "site.toml"
    template.write_text('[presentation_state.overrides]\nSeriesDescription = "Reading room"\n')
    composed = presentation_state(
        PresentationState(), source=IMAGE, template_file=template, overrides={"SeriesNumber": 77}
    )
    rows = {row["keyword"]: row for row in composed.explain()}
    assert rows["SeriesDescription"]["origin"] == "configured"
    assert composed.data_set.SeriesDescription == "Reading room"
    assert composed.data_set.SeriesNumber == 77
    assert rows["PatientID"]["origin"] == "copied"
    assert rows["SoftcopyVOILUTSequence"]["origin"] == "generated"
    assert rows["SoftcopyVOILUTSequence"]["detail"] == "those of the images"
