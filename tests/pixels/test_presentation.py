"""Presentation states applied to pixels: DCMTK draws the same, definitions give the numbers.

`dcmp2pgm` applies modality, VOI and presentation LUTs and bitmap shutters; `dcmpsprt`, for prints,
applies rotation, flip and displayed area. DCMTK cuts fractions where we round: one level apart.
"""

import re
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms
from PIL.ImageFont import load_default
from tests.compose.judges import needs
from tests.factories import composite, ct_slice, multi_frame, native_frames, part10_bytes

from isocenter.compose import presentation_state, read_presentation_state
from isocenter.dicom import transfer_syntax
from isocenter.errors import InvalidAttribute, NotFound, PixelDataError
from isocenter.pixels import (
    DataSetAttributes,
    LookupTable,
    PixelDescription,
    Presentation,
    Rescale,
    TabulatedModality,
    VoiFunction,
    Window,
    display_models,
    render_file,
)
from isocenter.pixels.presentation import (
    BitmapShutter,
    CIELab,
    CircularShutter,
    CompoundGraphic,
    DisplayedArea,
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    ImageFrame,
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
    plain_objects,
    render_presentation,
    to_cielab,
    to_srgb,
)
from isocenter.pixels.presentation.lettering import letters
from isocenter.pixels.presentation.styles import HorizontalAlignment

ROWS, COLUMNS = 64, 48
PRINTER = """[[GENERAL]]
[PRINT]
MinPrintResolution = 1\\1
MaxPrintResolution = 8192\\8192
[DATABASE]
Directory = {folder}
[[COMMUNICATION]]
[P]
Type = LOCALPRINTER
Aetitle = P
Description = P
Hostname = localhost
Port = 10005
MaxPDU = 32768
DisplayFormat=1,1
FilmSizeID = 8INX10IN
MediumType = PAPER
Supports12Bit = false
SupportsPresentationLUT = true
PresentationLUTMatchRequired = false
"""


def curve(entries: int, bits: int, first: int = 0) -> LookupTable:
    """A table that bends, with as many entries and bits as asked for."""
    values = np.linspace(0, 1, entries) ** 2 * ((1 << bits) - 1)
    return LookupTable(first, bits, np.floor(values + 0.5).astype(np.uint16))


def window(center: float, width: float) -> tuple[VoiSelection, ...]:
    return (VoiSelection(transforms=(Window(center, width),)),)


class Bench:
    """An image and its presentation state as files, for us and for DCMTK."""

    def __init__(self, folder: Path, content: PresentationState, image=None) -> None:
        image = ct_slice(ROWS, COLUMNS) if image is None else image
        self.folder = folder
        self.image = folder / "image.dcm"
        self.image.write_bytes(part10_bytes(image))
        self.state = presentation_state(content, source=image).save(folder / "state.dcm")

    def ours(self, **options) -> np.ndarray:
        options = {"annotations": False} | options
        return render_file(self.image, presentation_state=self.state, **options)

    def drawn_by_dcmtk(self, frame: int = 1) -> np.ndarray:
        picture = self.folder / "picture.pgm"
        command = [needs("dcmp2pgm", "dcmtk"), "-f", str(frame), "-p", self.state, self.image]
        done = subprocess.run([*command, picture], capture_output=True, timeout=60, check=True)
        assert done.stderr == b""
        data = picture.read_bytes()
        head = re.match(rb"P5\s+(?:#.*\n)?(\d+)\s+(\d+)\s+255\s", data)
        assert head is not None
        columns, rows = int(head[1]), int(head[2])
        return np.frombuffer(data, np.uint8, rows * columns, head.end()).reshape(rows, columns)

    def printed_by_dcmtk(self) -> np.ndarray:
        """Let DCMTK render a print job; its 12 bits as levels from 0 to 255."""
        database = self.folder / "prints"
        database.mkdir()
        settings = self.folder / "printers.cfg"
        settings.write_text(PRINTER.format(folder=database))
        command = [needs("dcmpsprt", "dcmtk"), "-c", settings, "+p", self.state, self.image]
        subprocess.run(command, capture_output=True, timeout=60, check=True)
        (hardcopy,) = database.glob("HG_*")
        return pydicom.dcmread(hardcopy).pixel_array / 4095 * 255


def difference(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(float) - other).max())


GRAY = {
    "the image's own window": PresentationState(),
    "a narrow window": PresentationState(voi=window(0, 80)),
    "no window at all": PresentationState(voi=()),
    "a VOI LUT of signed input": PresentationState(
        voi=(VoiSelection(transforms=(curve(1200, 12, -1000),)),)
    ),
    "an inverse shape": PresentationState(presentation=Presentation(inverse=True)),
    "a Presentation LUT": PresentationState(presentation=Presentation(table=curve(4096, 16))),
    "another rescale": PresentationState(modality=Rescale(2, -500, "HU")),
    "a Modality LUT": PresentationState(
        modality=TabulatedModality(curve(1200, 12, -1024), "OD"), voi=window(2000, 3000)
    ),
    "a Modality LUT and no window": PresentationState(
        modality=TabulatedModality(curve(1200, 12, -1024), "OD"), voi=()
    ),
    "a bitmap shutter": PresentationState(
        overlays=(Overlay(np.eye(ROWS, COLUMNS, 7)),),
        shutter=Shutter(bitmap=BitmapShutter(overlay_group=0x6000), value=30000),
    ),
}


@pytest.mark.peer
@pytest.mark.parametrize("content", GRAY.values(), ids=GRAY.keys())
def test_dcmtk_draws_the_same_gray(tmp_path: Path, content: PresentationState) -> None:
    bench = Bench(tmp_path, content)
    assert difference(bench.ours(), bench.drawn_by_dcmtk()) <= 1


@pytest.mark.peer
def test_a_presentation_state_overrides_monochrome1_as_with_dcmtk(tmp_path: Path) -> None:
    image = ct_slice(ROWS, COLUMNS, PhotometricInterpretation="MONOCHROME1")
    kept = Bench(tmp_path, PresentationState(), image)
    negative = kept.ours()
    assert difference(negative, kept.drawn_by_dcmtk()) <= 1
    assert difference(negative, render_file(kept.image)) == 0
    plain = Bench(tmp_path, PresentationState(presentation=Presentation()), image)
    assert difference(plain.ours(), plain.drawn_by_dcmtk()) <= 1
    assert difference(plain.ours(), 255 - negative) <= 1


@pytest.mark.peer
def test_each_frame_is_shown_by_its_own_window_as_with_dcmtk(tmp_path: Path) -> None:
    image = multi_frame(3, 20, 30, bits=8)
    uid = image.SOPInstanceUID
    windows = tuple(
        VoiSelection(
            transforms=(Window(40 * number, 100),),
            images=(ReferencedImage(sop_instance_uid=uid, frames=(number,)),),
        )
        for number in (1, 2, 3)
    )
    bench = Bench(tmp_path, PresentationState(voi=windows), image)
    for number in (1, 2, 3):
        assert difference(bench.ours(frame=number), bench.drawn_by_dcmtk(number)) <= 1


AREAS = {
    f"rotated by {rotation}{' and flipped' if flipped else ''}": PresentationState(
        rotation=rotation, flipped=flipped
    )
    for rotation in (0, 90, 180, 270)
    for flipped in (False, True)
} | {
    "a part": PresentationState(
        displayed_areas=(DisplayedArea(top_left=(5, 6), bottom_right=(30, 40), aspect=(1, 1)),)
    ),
    "a part beyond the borders": PresentationState(
        displayed_areas=(DisplayedArea(top_left=(-5, 6), bottom_right=(30, 70), aspect=(1, 1)),)
    ),
    "a part, rotated": PresentationState(
        rotation=90,
        displayed_areas=(DisplayedArea(top_left=(5, 40), bottom_right=(30, 6), aspect=(1, 1)),),
    ),
}


@pytest.mark.peer
@pytest.mark.parametrize("content", AREAS.values(), ids=AREAS.keys())
def test_dcmtk_prints_the_same_part_the_same_way_round(
    tmp_path: Path, content: PresentationState
) -> None:
    bench = Bench(tmp_path, content)
    assert difference(bench.ours(), bench.printed_by_dcmtk()) < 0.6


def test_functions_of_windows_that_dcmtk_does_not_know_follow_their_formulas(
    tmp_path: Path,
) -> None:
    sigmoid = (VoiSelection(transforms=(Window(20, 80, VoiFunction.SIGMOID),)),)
    bench = Bench(tmp_path, PresentationState(voi=sigmoid))
    stored = pydicom.dcmread(bench.image).pixel_array.astype(float)
    expected = 255 / (1 + np.exp(-4 * (stored - 20) / 80))
    assert difference(bench.ours(), expected) <= 0.5


def test_shutters_hide_what_their_definitions_say(tmp_path: Path) -> None:
    row, column = np.mgrid[1 : ROWS + 1, 1 : COLUMNS + 1]
    rectangle = RectangularShutter(left=3, right=40, upper=5, lower=50)
    circle = CircularShutter(center=(30, 20), radius=15)
    diamond = PolygonalShutter(vertices=(10, 24, 30, 44, 50, 24, 30, 4))
    seen = {
        rectangle: (column >= 3) & (column <= 40) & (row >= 5) & (row <= 50),
        circle: (row - 30) ** 2 + (column - 20) ** 2 <= 15**2,
        diamond: abs(row - 30) + abs(column - 24) <= 20,
    }
    plain = Bench(tmp_path, PresentationState()).ours()
    for shapes in ((rectangle,), (circle,), (diamond,), (rectangle, circle, diamond)):
        picture = Bench(
            tmp_path, PresentationState(shutter=Shutter(shapes=shapes, value=0x8080))
        ).ours()
        shown = np.logical_and.reduce([seen[shape] for shape in shapes])
        assert (picture[~shown] == 0x80).all()
        assert (picture[shown] == plain[shown]).all()


@pytest.mark.parametrize("shift", [(), (0.5, -1.0)])
def test_a_mask_is_averaged_and_subtracted(tmp_path: Path, shift: tuple[float, ...]) -> None:
    image = multi_frame(4, 20, 30, bits=8)
    frames = np.stack(native_frames(image)).astype(float)
    mask = Mask(operation="AVG_SUB", mask_frames=(1, 2), sub_pixel_shift=shift)
    bench = Bench(tmp_path, PresentationState(mask=mask, voi=window(0.5, 512)), image)
    background = frames[:2].mean(axis=0)
    if shift:  # half a row down, one column to the left; borders are repeated
        background = (background + np.vstack([background[:1], background[:-1]])) / 2
        background = np.hstack([background[:, 1:], background[:, -1:]])
    expected = np.clip((frames[2] - background) / 511 + 0.5, 0, 1) * 255
    assert difference(bench.ours(frame=3), expected) <= 0.5


def test_a_time_interval_difference_subtracts_an_earlier_frame(tmp_path: Path) -> None:
    image = multi_frame(4, 20, 30, bits=8)
    frames = np.stack(native_frames(image)).astype(float)
    mask = Mask(operation="TID", tid_offset=2, frame_range=(3, 4))
    bench = Bench(tmp_path, PresentationState(mask=mask, voi=()), image)
    expected = (frames[3] - frames[1] + 255) / 510 * 255
    assert difference(bench.ours(frame=4), expected) <= 0.5
    assert difference(bench.ours(frame=1), frames[0]) == 0


def test_a_mask_outside_of_the_frames_is_refused_when_it_is_applied(tmp_path: Path) -> None:
    image = multi_frame(3, 20, 30, bits=8)
    bench = Bench(tmp_path, PresentationState(mask=Mask(operation="TID", tid_offset=2)), image)
    with pytest.raises(PixelDataError, match="subtracts frame 0 from frame 2"):
        bench.ours(frame=2)


def test_overlays_are_drawn_in_the_order_and_gray_of_their_layers(tmp_path: Path) -> None:
    lower = Overlay(np.ones((20, 20)), group=0x6000, origin=(11, -4), layer="LOWER")
    upper = Overlay(np.ones((5, 40)), group=0x6002, origin=(15, 1), layer="UPPER")
    layers = (
        GraphicLayer(name="UPPER", order=2, grayscale=0x8080),
        GraphicLayer(name="LOWER", order=1, grayscale=0x4040),
    )
    picture = Bench(tmp_path, PresentationState(overlays=(lower, upper), layers=layers)).ours()
    expected = Bench(tmp_path, PresentationState()).ours().copy()
    expected[10:30, :15] = 0x40
    expected[14:19, :40] = 0x80
    assert (picture == expected).all()


def test_an_overlay_of_the_image_is_drawn_where_it_is_activated(tmp_path: Path) -> None:
    image = ct_slice(ROWS, COLUMNS)
    for element, vr, value in (
        (0x10, "US", 2), (0x11, "US", 8), (0x40, "CS", "G"), (0x50, "SS", [3, 5]),
        (0x100, "US", 1), (0x102, "US", 0), (0x3000, "OW", b"\x0f\xff"),
    ):  # fmt: skip
        image.add_new(0x60000000 + element, vr, value)
    shown = PresentationState(
        activations=(OverlayActivation(0x6000, "OWN"),), layers=(GraphicLayer(name="OWN", order=1),)
    )
    hidden = Bench(tmp_path, PresentationState(), image).ours()
    picture = Bench(tmp_path, shown, image).ours()
    expected = hidden.copy()
    expected[2, 4:8], expected[3, 4:12] = 255, 255
    assert (picture == expected).all()


def test_the_displayed_area_is_as_large_as_it_says(tmp_path: Path) -> None:
    part = {"top_left": (1, 1), "bottom_right": (30, 40)}
    tall = DisplayedArea(**part, spacing=(2.0, 1.0))
    assert Bench(tmp_path, PresentationState(displayed_areas=(tall,))).ours().shape == (80, 30)
    doubled = DisplayedArea(**part, mode="MAGNIFY", magnification=2, spacing=(1, 1))
    assert Bench(tmp_path, PresentationState(displayed_areas=(doubled,))).ours().shape == (80, 60)
    fitted = Bench(tmp_path, PresentationState(displayed_areas=(tall,)))
    assert fitted.ours(viewport=(300, 400)).shape == (400, 150)
    huge = DisplayedArea(top_left=(1, 1), bottom_right=(30000, 4), aspect=(1, 1))
    with pytest.raises(PixelDataError, match="16384"):
        Bench(tmp_path, PresentationState(displayed_areas=(huge,))).ours()


def drawing(content: PresentationState, folder: Path, **options) -> np.ndarray:
    """What annotations add to a black image."""
    black = ct_slice(ROWS, COLUMNS, PixelData=bytes(2 * ROWS * COLUMNS))
    bench = Bench(folder, content, black)
    return bench.ours(annotations=True, **options)


def annotated(*graphics: GraphicObject, **layer) -> PresentationState:
    return PresentationState(
        voi=window(1000, 2),
        annotations=(GraphicAnnotation(layer="A", graphics=graphics),),
        layers=(GraphicLayer(name="A", order=1, **layer),),
    )


def test_graphics_stand_where_their_points_say(tmp_path: Path) -> None:
    square = GraphicObject(
        type="POLYLINE", points=[(10, 20), (30, 20), (30, 40), (10, 40), (10, 20)], filled=True
    )
    picture = drawing(annotated(square, grayscale=0x8080), tmp_path)
    assert set(np.unique(picture)) == {0, 0x80}
    rows, columns = np.nonzero(picture)
    assert abs(len(rows) - 400) <= 80  # of 20 by 20 pixels, and the line around them
    assert abs(rows.mean() + 0.5 - 30) < 0.6 and abs(columns.mean() + 0.5 - 20) < 0.6
    circle = GraphicObject(type="CIRCLE", points=[(24, 32), (34, 32)], filled=True)
    picture = drawing(annotated(circle), tmp_path)
    assert abs((picture > 0).sum() - np.pi * 100) < 40


def test_graphics_follow_rotation_flip_and_displayed_area(tmp_path: Path) -> None:
    spot = GraphicObject(type="CIRCLE", points=[(10, 20), (13, 20)], filled=True)
    area = DisplayedArea(top_left=(5, 44), bottom_right=(24, 5), aspect=(1, 1))
    content = annotated(spot)
    turned = PresentationState(
        annotations=content.annotations, layers=content.layers, voi=content.voi,
        rotation=90, displayed_areas=(area,),
    )  # fmt: skip
    picture = drawing(turned, tmp_path)
    assert picture.shape == (20, 40)
    rows, columns = np.nonzero(picture)
    # Ten columns from the left are six from the edge of the area; 24 rows up from its lower one.
    assert abs(rows.mean() + 0.5 - 6) < 0.6 and abs(columns.mean() + 0.5 - 24) < 0.6


def test_layers_are_drawn_in_their_order_and_units_may_be_of_the_display(tmp_path: Path) -> None:
    whole = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
    below = GraphicObject(type="POLYLINE", points=whole, units="DISPLAY", filled=True)
    content = PresentationState(
        voi=window(1000, 2),
        annotations=(
            GraphicAnnotation(layer="TOP", graphics=(below,)),
            GraphicAnnotation(layer="BOTTOM", graphics=(below,)),
        ),
        layers=(
            GraphicLayer(name="TOP", order=2, grayscale=0x4040),
            GraphicLayer(name="BOTTOM", order=1, grayscale=0xFFFF),
        ),
    )
    assert (drawing(content, tmp_path)[1:-1, 1:-1] == 0x40).all()


def test_colour_makes_the_picture_rgb(tmp_path: Path) -> None:
    line = GraphicObject(
        type="POLYLINE", points=[(5, 5), (40, 5)], line_style=LineStyle(colour="#ff0000")
    )
    picture = drawing(annotated(line), tmp_path)
    assert picture.shape == (ROWS, COLUMNS, 3)
    assert {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()} == {(0, 0, 0), (255, 0, 0)}


def test_text_is_written_in_its_box_and_beside_its_anchor(tmp_path: Path) -> None:
    texts = (
        TextObject(text="III", top_left=(5, 5), bottom_right=(45, 20)),
        TextObject(text="III", anchor=(5, 40), anchor_visible=True),
    )
    content = PresentationState(
        voi=window(1000, 2), annotations=(GraphicAnnotation(layer="A", texts=texts),)
    )
    picture = drawing(content, tmp_path)
    rows, columns = np.nonzero(picture)
    assert (rows < 20).any() and (rows >= 40).any() and not ((rows > 22) & (rows < 39)).any()
    assert columns.min() >= 4


def written(tmp_path: Path, **style) -> np.ndarray:
    """Where a text of this style has ink, in a picture that is large enough for its face."""
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    text = TextObject(
        text="HI",
        top_left=(1, 1),
        bottom_right=(48, 60),
        style=TextStyle(**style) if style else None,
    )
    content = PresentationState(
        voi=window(1000, 2), annotations=(GraphicAnnotation(layer="A", texts=(text,)),)
    )
    return Bench(folder, content).ours(annotations=True, viewport=(400, 400)).astype(int)


def test_the_face_that_a_style_asks_for_is_drawn(tmp_path: Path) -> None:
    plain = written(tmp_path)
    rows, columns = np.nonzero(plain)
    bold = written(tmp_path, bold=True)
    assert (bold > 127).sum() > 1.1 * (plain > 127).sum()
    underlined = written(tmp_path, underlined=True)
    below = np.nonzero(underlined)[0].max()
    assert below > rows.max() and underlined[below].astype(bool).sum() >= np.ptp(columns)
    italic = written(tmp_path, italic=True)
    tops = [np.nonzero(picture[rows.min() + 2])[0].max() for picture in (plain, italic)]
    feet = [np.nonzero(picture[rows.max() - 2])[0].max() for picture in (plain, italic)]
    assert tops[1] - tops[0] > feet[1] - feet[0] >= 0
    lower = written(tmp_path, vertical="BOTTOM", horizontal="RIGHT")
    assert np.nonzero(lower)[0].min() > rows.min() + 50
    assert np.nonzero(lower)[1].max() > columns.max() + 20


def test_a_shadow_stands_behind_its_text_with_its_own_ink(tmp_path: Path) -> None:
    plain = written(tmp_path)
    shadow = {"shadow_x": 3, "shadow_y": 0, "shadow_opacity": 0.5, "shadow_colour": "#ffffff"}
    shadowed = written(tmp_path, shadow="NORMAL", **shadow)
    assert (shadowed >= plain - 1).all() and shadowed.max() == 255
    beside = shadowed[plain == 0]
    assert 120 <= beside.max() <= 130
    outlined = written(tmp_path, shadow="OUTLINED", **(shadow | {"shadow_x": 0}))
    assert ((outlined > 0) & (plain == 0)).sum() > 50


def test_a_shadow_that_cannot_be_is_drawn_where_it_can(tmp_path: Path) -> None:
    far = {"shadow_x": 1e30, "shadow_y": -1e30, "shadow_opacity": 7.0}
    lost = written(tmp_path, shadow="NORMAL", **far)
    assert np.abs(lost - written(tmp_path)).max() <= 1


def test_annotations_of_other_images_and_frames_are_not_drawn(tmp_path: Path) -> None:
    image = multi_frame(2, 20, 30, bits=8)
    second = ReferencedImage(sop_instance_uid=image.SOPInstanceUID, frames=(2,))
    point = GraphicObject(type="POINT", points=[(10, 10)])
    annotation = GraphicAnnotation(layer="A", images=(second,), graphics=(point,))
    bench = Bench(tmp_path, PresentationState(annotations=(annotation,)), image)
    assert difference(bench.ours(annotations=True), bench.ours()) == 0
    assert difference(bench.ours(frame=2, annotations=True), bench.ours(frame=2)) > 0


def test_a_compound_graphic_without_plain_rendering_is_drawn(tmp_path: Path) -> None:
    arrow = CompoundGraphic(type="ARROW", points=[(10, 10), (40, 40)], instance_id=1)
    content = PresentationState(
        voi=window(1000, 2), annotations=(GraphicAnnotation(layer="A", compounds=(arrow,)),)
    )
    with_rendering = drawing(content, tmp_path)
    data_set = pydicom.dcmread(tmp_path / "state.dcm")
    del data_set.GraphicAnnotationSequence[0].GraphicObjectSequence
    data_set.save_as(tmp_path / "state.dcm")
    alone = render_file(tmp_path / "image.dcm", presentation_state=tmp_path / "state.dcm")
    assert with_rendering.max() == 255 and (alone > 0).sum() == pytest.approx(
        (with_rendering > 0).sum(), rel=0.2
    )


def test_an_ellipse_is_rendered_with_its_major_axis_first_and_turned_counterclockwise() -> None:
    ellipse = CompoundGraphic(
        type="ELLIPSE", points=[(10, 10), (20, 50)], rotation_angle=90, rotation_point=(15, 30)
    )
    ((graphic,), texts) = plain_objects(ellipse, 64, 64)
    assert texts == ()
    assert graphic.type == "ELLIPSE"
    ends = np.array(graphic.points)
    assert np.allclose(ends, [(-5, 30), (35, 30), (15, 35), (15, 25)], atol=1e-5)


@pytest.mark.parametrize(
    "colour", ["#000000", "#ffffff", "#ff0000", "#00ff00", "#1234ab", "#ffff00"]
)
def test_colours_are_what_littlecms_and_highdicom_make_of_them(colour: str) -> None:
    value = to_cielab(colour)
    assert to_srgb(value) == tuple(bytes.fromhex(colour[1:]))
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB", 5000)
    assert profiles
    known = highdicom.color.CIELabColor(
        value.lightness / 655.35, value.a / 257 - 128, value.b / 257 - 128
    )
    assert list(known.value) == pytest.approx(list(value), abs=1)


def test_a_published_colour_has_the_published_numbers() -> None:
    # sRGB red in D50: L* 54.29, a* 80.81, b* 69.89 (W3C CSS Color 4, lab()).
    red = to_cielab("#ff0000")
    assert red.lightness / 655.35 == pytest.approx(54.29, abs=0.02)
    assert red.a / 257 - 128 == pytest.approx(80.81, abs=0.02)
    assert red.b / 257 - 128 == pytest.approx(69.89, abs=0.02)
    assert isinstance(red, CIELab)


@pytest.mark.peer
def test_what_dcmtk_makes_is_read(tmp_path: Path) -> None:
    image, state = tmp_path / "image.dcm", tmp_path / "state.dcm"
    image.write_bytes(part10_bytes(ct_slice(ROWS, COLUMNS)))
    command = [needs("dcmpsmk", "dcmtk"), "+Vw", "50.5", "300", image, state]
    subprocess.run(command, capture_output=True, timeout=60, check=False)
    if not state.exists():
        subprocess.run([command[0], image, state], capture_output=True, timeout=60, check=True)
    read = read_presentation_state(state)
    assert read.problems == ()
    assert read.images[0].sop_instance_uid == pydicom.dcmread(image).SOPInstanceUID
    assert read.displayed_areas[0].bottom_right == (COLUMNS, ROWS)
    assert render_file(image, presentation_state=read).shape == (ROWS, COLUMNS)


def test_another_object_is_no_presentation_state_and_a_missing_frame_is_named(
    tmp_path: Path,
) -> None:
    with pytest.raises(InvalidAttribute, match="expected a Grayscale"):
        read_presentation_state(composite("1.2.840.10008.5.1.4.1.1.88.11", "SR"))
    bench = Bench(tmp_path, PresentationState())
    with pytest.raises(NotFound, match="no frame 2"):
        bench.ours(frame=2)
    bench.image.write_bytes(part10_bytes(ct_slice(ROWS, COLUMNS)))
    with pytest.raises(NotFound, match="is not for frame 1 of"):
        bench.ours()


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (3, "Pseudo Color Softcopy"),
        (4, "Blending Softcopy"),
        (8, "Advanced Blending"),
        (12, "Variable Modality LUT Softcopy"),
    ],
)
def test_a_presentation_state_of_another_kind_is_refused_by_its_name(
    tmp_path: Path, number: int, name: str
) -> None:
    state = presentation_state({"window": [40, 400]}, source=ct_slice(8, 8)).data_set
    state.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.11.{number}"
    (tmp_path / "state.dcm").write_bytes(part10_bytes(state))
    (tmp_path / "image.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    with pytest.raises(InvalidAttribute, match=f"{name}.*is not shown; expected a Grayscale"):
        render_file(tmp_path / "image.dcm", presentation_state=tmp_path / "state.dcm")


IMAGE = ct_slice(24, 24)
DESCRIPTION = PixelDescription.from_attributes(
    DataSetAttributes(IMAGE), transfer_syntax("1.2.840.10008.1.2.1")
)
FULL = presentation_state(
    PresentationState(
        annotations=(
            GraphicAnnotation(
                layer="A",
                texts=(TextObject(text="a", anchor=(1, 2), style={"shadow": "NORMAL"}),),
                graphics=(GraphicObject(type="CIRCLE", points=[(9, 9), (12, 9)]),),
                compounds=(CompoundGraphic(type="RULER", points=[(1, 1), (20, 20)]),),
            ),
        ),
        overlays=(Overlay(np.eye(8), layer="A"),),
        shutter=Shutter(shapes=(CircularShutter(center=(8, 8), radius=8),)),
        rotation=90,
    ),
    source=IMAGE,
).data_set


@given(st.data())
def test_damaged_states_are_read_as_far_as_they_go(data: st.DataObject) -> None:
    damaged = pydicom.Dataset.from_json(FULL.to_json())
    for _ in range(data.draw(st.integers(1, 3))):
        item = damaged
        while True:
            sequences = [e for e in item if e.VR == "SQ" and len(e.value)]
            if not sequences or not data.draw(st.booleans()):
                break
            item = data.draw(st.sampled_from([one for e in sequences for one in e.value]))
        if not len(item):
            continue
        element = data.draw(st.sampled_from(list(item)))
        if data.draw(st.booleans()):
            del item[element.tag]
        elif element.VR in ("FL", "US", "SL", "IS", "UL", "FD", "DS"):
            element.value = data.draw(
                st.sampled_from([[], 0, [1, 2, 3], [3e38, -3e38] * 4, 3, 70000])
            )
        elif element.VR == "CS":
            element.value = "ODD"
    try:
        read = read_presentation_state(damaged)
    except InvalidAttribute as refusal:
        assert re.search(r"\([0-9A-F]{4},[0-9A-F]{4}\)", str(refusal))
        return
    model = display_models(DataSetAttributes(IMAGE), DESCRIPTION)[0].model
    frame = ImageFrame(IMAGE.SOPInstanceUID, model, lambda _: np.zeros((24, 24), np.int16))
    try:
        assert render_presentation(frame, read).dtype == np.uint8
    except PixelDataError as refusal:
        assert "pixels" in str(refusal)


def test_letters_take_no_more_memory_than_a_picture_does() -> None:
    much = "W" * 3000 + "\n" * 3000
    style = TextStyle(bold=True, italic=True)
    ink = letters(much, load_default(12), style, HorizontalAlignment.LEFT)
    assert ink.width * ink.height <= 1 << 26
    assert np.asarray(ink)[:20].any()


def test_what_does_not_say_which_images_it_is_for_is_applied_to_none(tmp_path: Path) -> None:
    image = ct_slice(16, 16)
    path = tmp_path / "image.dcm"
    path.write_bytes(part10_bytes(image))
    graphic = GraphicObject(type="POLYLINE", points=[(1, 1), (9, 9)])
    annotation = GraphicAnnotation(
        layer="A", graphics=[graphic], images=[{"sop_instance_uid": image.SOPInstanceUID}]
    )
    content = PresentationState(annotations=[annotation], layers=[GraphicLayer(name="A", order=1)])
    state = presentation_state(content, source=path).data_set
    assert len(read_presentation_state(state).annotations) == 1
    (reference,) = state.GraphicAnnotationSequence[0].ReferencedImageSequence
    reference.add_new("ReferencedFrameNumber", "LO", "one")
    found = read_presentation_state(state)
    assert found.annotations == () and found.problems
    del reference.ReferencedFrameNumber
    del reference.ReferencedSOPInstanceUID
    found = read_presentation_state(state)
    assert found.annotations == () and found.problems
    del state.ReferencedSeriesSequence
    with pytest.raises(InvalidAttribute, match="0008,1115"):
        read_presentation_state(state)
