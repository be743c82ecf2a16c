"""What the archive of the browser tests holds."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence
from tests.factories import composite, ct_series, ct_slice, multi_frame, pixels, small_object

ROWS, COLUMNS = 120, 150
STUDY = "2.25.81040001"
STACK_STUDY = "2.25.81040002"
PARAMETRIC_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.30"
RT_DOSE_STORAGE = "1.2.840.10008.5.1.4.1.1.481.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def image(values: np.ndarray, name: str, **attributes: Any) -> Dataset:
    """A CT slice with other pixels, and nothing that says how to show them."""
    stored = values.dtype.itemsize * 8
    described: dict[str, Any] = {
        "StudyInstanceUID": STUDY,
        "SeriesDescription": name,
        "BitsAllocated": stored,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "PixelData": values.astype(values.dtype.newbyteorder("<")).tobytes(),
        "PixelPaddingValue": None,
        "WindowCenter": None,
        "WindowWidth": None,
        "WindowCenterWidthExplanation": None,
    }
    dataset = ct_slice(*values.shape[:2], **(described | attributes))
    dataset["PixelData"].VR = "OB" if stored == 8 else "OW"
    return dataset


def lut(first: int, bits: int, values: np.ndarray) -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "SS" if first < 0 else "US", [len(values) % 65536, first, bits])
    item.add_new(0x00283006, "OW", values.astype("<u2").tobytes())
    item.LUTExplanation = "Curve"
    item.ModalityLUTType = "US"
    return item


def noise(dtype: str) -> np.ndarray:
    """Every range of values that the type has."""
    limits = np.iinfo(dtype)
    values = np.random.default_rng(5).integers(limits.min, limits.max, (ROWS, COLUMNS), dtype)
    values.flat[:2] = limits.min, limits.max
    return values


def window(center: float, width: float, function: str | None = None) -> dict[str, Any]:
    found = {"WindowCenter": str(center), "WindowWidth": str(width)}
    return found | ({"VOILUTFunction": function} if function else {})


def _grays() -> dict[str, Dataset]:
    body = pixels(ROWS, COLUMNS)
    ramp = (np.arange(4096) ** 2 // 4096).astype(np.uint16)
    padded = pixels(ROWS, COLUMNS)
    padded[:30, :40] = -2000
    steps = Dataset()
    steps.add_new(0x00283002, "US", [4, 0, 8])
    steps.add_new(0x00283006, "OW", np.array([0, 40, 180, 255], "<u2").tobytes())
    return {
        "CT with its own windows": ct_slice(ROWS, COLUMNS, StudyInstanceUID=STUDY),
        "rescaled": image(
            noise("int16"),
            "rescaled",
            RescaleSlope="0.5",
            RescaleIntercept="-1024",
            **window(0, 511),
        ),
        "unsigned 16 bits": image(noise("uint16"), "u16", **window(32768, 65536)),
        "unsigned 8 bits": image(noise("uint8"), "u8", **window(128, 256)),
        "MONOCHROME1": image(
            body, "inverse", PhotometricInterpretation="MONOCHROME1", **window(40, 120)
        ),
        "sigmoid": image(body, "sigmoid", **window(40, 90, "SIGMOID")),
        "exact": image(body, "exact", **window(40.25, 90.5, "LINEAR_EXACT")),
        "threshold": image(body, "threshold", **window(50, 1)),
        "no window": image(body, "no window"),
        "VOI LUT": image(body, "voi lut", VOILUTSequence=Sequence([lut(-1000, 12, ramp)])),
        "Modality LUT": image(
            noise("uint8"),
            "modality lut",
            ModalityLUTSequence=Sequence([lut(0, 16, np.arange(256)[::-1] * 200)]),
            RescaleSlope=None,
            RescaleIntercept=None,
            RescaleType=None,
            **window(20000, 30000),
        ),
        "Presentation LUT": image(
            noise("uint8"), "p-lut", PresentationLUTSequence=Sequence([steps]), **window(128, 256)
        ),
        "padding": image(padded, "padding", PixelPaddingValue=-2000, **window(40, 400)),
        "padding, inverse": image(
            padded,
            "padding, inverse",
            PixelPaddingValue=-2000,
            PhotometricInterpretation="MONOCHROME1",
            **window(40, 400),
        ),
        "tall pixels": image(body, "tall pixels", PixelSpacing=["1.5", "0.5"], **window(40, 90)),
    }


def _colours() -> dict[str, Dataset]:
    rgb = np.random.default_rng(7).integers(0, 256, (ROWS, COLUMNS, 3), np.uint8)
    described = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    palette = {
        f"{colour}PaletteColorLookupTable{part}": value
        for shift, colour in enumerate(("Red", "Green", "Blue"))
        for part, value in (
            ("Descriptor", [256, 0, 16]),
            ("Data", (np.roll(np.arange(256), 40 * shift) * 257).astype("<u2").tobytes()),
        )
    }
    return {
        "RGB": image(rgb, "rgb", **described),
        "palette": image(
            noise("uint8"), "palette", PhotometricInterpretation="PALETTE COLOR", **palette
        ),
    }


def _wide() -> dict[str, Dataset]:
    """Formats that the graphics card computes in single precision."""
    dose = (np.hypot(*np.mgrid[-60:60, -75:75]) * 40_000_000).astype(np.uint32)
    grid = image(dose, "dose", SOPClassUID=RT_DOSE_STORAGE, Modality="RTDOSE", RescaleSlope=None)
    for keyword in ("RescaleIntercept", "RescaleType"):
        delattr(grid, keyword)
    grid.DoseGridScaling, grid.DoseUnits, grid.DoseType = "2.5e-8", "GY", "PHYSICAL"
    floats = image(np.zeros((ROWS, COLUMNS), np.uint32), "map", Modality="MR", **window(0.5, 0.8))
    floats.SOPClassUID = PARAMETRIC_MAP_STORAGE
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(floats, keyword)
    field = np.sin(np.arange(ROWS * COLUMNS) / 700).astype(np.float32) ** 2
    floats.add_new(0x7FE00008, "OF", field.tobytes())
    return {"32-bit dose": grid, "floating point": floats}


@cache
def singles() -> dict[str, Dataset]:
    """One object a case, each a series of its own of one study."""
    cases = _grays() | _colours() | _wide()
    for number, dataset in enumerate(cases.values(), 1):
        dataset.SeriesNumber = number
    return cases


@cache
def frames() -> Dataset:
    """Four frames of unsigned 16 bits."""
    return multi_frame(4, 40, 60, StudyInstanceUID=STUDY, SeriesNumber=90, **window(30000, 60000))


@cache
def overlaid() -> Dataset:
    """A slice with an overlay plane that begins at row 11, column 21."""
    dataset = ct_slice(ROWS, COLUMNS, StudyInstanceUID=STUDY, SeriesNumber=91)
    bits = np.zeros((8, 16), np.uint8)
    bits[2:6, 3:13] = 1
    for element, vr, value in (
        (0x0010, "US", 8),
        (0x0011, "US", 16),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [11, 21]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", np.packbits(bits, bitorder="little").tobytes()),
    ):
        dataset.add_new(0x60000000 + element, vr, value)
    return dataset


@cache
def stack() -> list[Dataset]:
    """Thirty slices, and beside them a report."""
    return ct_series(30, 64, 64, StudyInstanceUID=STACK_STUDY, PatientName="Stack^Stella")


@cache
def second_stack() -> list[Dataset]:
    return ct_series(
        12, 96, 64, StudyInstanceUID=STACK_STUDY, PatientName="Stack^Stella", SeriesNumber=3
    )


@cache
def report() -> Dataset:
    return small_object(
        StudyInstanceUID=STACK_STUDY, PatientName="Stack^Stella", SeriesNumber=9, Modality="SR"
    )


@cache
def many_studies() -> list[Dataset]:
    """Studies enough for three pages."""
    names = ("Garcia^Ana", "Nguyen^Minh", "Müller^Jörg", "Okafor^Chidi")
    return [
        small_object(
            PatientName=names[i % 4],
            PatientID=f"LIST-{i:03}",
            StudyDate=f"2023{1 + i % 12:02}{1 + i % 28:02}",
            AccessionNumber=f"ACC{i:03}",
            StudyDescription=("Knee left", "Abdomen complete", "Head without contrast")[i % 3],
            Modality=("CT", "MR")[i % 2],
        )
        for i in range(110)
    ]


def secondary_capture(**attributes: Any) -> Dataset:
    """A study that arrives while somebody looks."""
    dataset = composite(SECONDARY_CAPTURE, "OT")
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def everything() -> Iterator[Dataset]:
    yield from singles().values()
    yield frames()
    yield overlaid()
    yield from stack()
    yield from second_stack()
    yield report()
    yield from many_studies()
