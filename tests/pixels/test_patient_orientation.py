"""Which way the patient lies in images without a plane (PS3.3 C.7.6.1.1.1)."""

import pydicom
import pytest
from pydicom.sequence import Sequence
from tests.factories import ct_slice, multi_frame

from isocenter.dicom import EXPLICIT_VR_LITTLE_ENDIAN
from isocenter.pixels import (
    DataSetAttributes,
    DisplayedFrame,
    DisplayResolver,
    PatientOrientation,
    PixelDescription,
)

WITHOUT_PLANE = {"ImageOrientationPatient": None, "ImagePositionPatient": None, "Modality": "CR"}
QUADRUPED = {"AnatomicalOrientationType": "QUADRUPED"}


def resolve(resolver: DisplayResolver, dataset: pydicom.Dataset) -> tuple[DisplayedFrame, ...]:
    attributes = DataSetAttributes(dataset)
    description = PixelDescription.from_attributes(attributes, EXPLICIT_VR_LITTLE_ENDIAN)
    return resolver.resolve(attributes, description)


def found(**attributes: object) -> PatientOrientation | None:
    dataset = ct_slice(8, 8, **(WITHOUT_PLANE | attributes))
    return resolve(DisplayResolver(), dataset)[0].model.patient_orientation


def item(**attributes: object) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("value", "edges"),
    [
        # A chest from the front: its left on the right, its feet below.
        (["L", "F"], ("R", "L", "H", "F")),
        (["A", "FR"], ("P", "A", "HL", "FR")),
        (["R", "H"], ("L", "R", "F", "H")),
        (["PLH", "FP"], ("ARF", "PLH", "HA", "FP")),
        ([" P ", "F "], ("A", "P", "H", "F")),
    ],
)
def test_the_last_pixels_lie_where_the_values_say_and_the_first_ones_opposite(
    value: list[str], edges: tuple[str, str, str, str]
) -> None:
    assert found(PatientOrientation=value) == PatientOrientation(*edges)
    assert found(PatientOrientation=value, AnatomicalOrientationType="BIPED") is not None


@pytest.mark.parametrize(
    ("value", "edges"),
    [
        # The standard's own example, of an abdomen.
        (["LEV", "CD"], ("RTD", "LEV", "CR", "CD")),
        (["CR", "V"], ("CD", "CR", "D", "V")),
        (["D", "LE"], ("V", "D", "RT", "LE")),
        # A head: what is opposite to its nose is caudal.
        (["R", "V"], ("CD", "R", "D", "V")),
        # Limbs: medial and lateral, proximal and distal.
        (["L", "DI"], ("M", "L", "PR", "DI")),
        (["PA", "PR"], ("D", "PA", "DI", "PR")),
        (["PL", "DI"], ("D", "PL", "PR", "DI")),
    ],
)
def test_quadrupeds_have_directions_of_their_own(
    value: list[str], edges: tuple[str, str, str, str]
) -> None:
    assert found(PatientOrientation=value, **QUADRUPED) == PatientOrientation(*edges)


@pytest.mark.parametrize(("column", "opposite"), [("DI", "PR"), ("M", "L")])
def test_opposite_to_the_back_of_a_limb_nothing_is_said_for_it_may_be_palmar_or_plantar(
    column: str, opposite: str
) -> None:
    orientation = found(PatientOrientation=["D", column], **QUADRUPED)
    assert orientation == PatientOrientation("", "D", opposite, column)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "L",
        ["L", ""],
        ["", "F"],
        ["L", "F", "A"],
        ["L", "X"],
        ["LEFT", "FEET"],
        ["L", "R"],
        ["LR", "F"],
        ["LL", "F"],
        ["L", "L"],
        ["LAHP", "F"],
        ["LE", "CD"],
    ],
)
def test_what_says_no_direction_of_a_person_is_not_shown(value: object) -> None:
    assert found(PatientOrientation=value) is None


@pytest.mark.parametrize("value", [["A", "F"], ["LE", "RT"], ["LERT", "CD"], ["L", "H"]])
def test_what_says_no_direction_of_an_animal_is_not_shown(value: list[str]) -> None:
    assert found(PatientOrientation=value, **QUADRUPED) is None


def test_of_creatures_that_are_neither_nothing_is_said() -> None:
    assert found(PatientOrientation=["L", "F"], AnatomicalOrientationType="CENTIPEDE") is None


def test_a_plane_decides() -> None:
    model = resolve(
        DisplayResolver(), ct_slice(8, 8, PatientOrientation=["A", "F"], Modality="CT")
    )[0].model
    assert model.orientation == (1, 0, 0, 0, 1, 0)
    assert model.patient_orientation is None


LEFT, DORSAL = ("LE", "RT"), ("D", "V")


@pytest.mark.parametrize(
    ("attributes", "axes"),
    [
        ({}, (("L", "R"), ("P", "A"), ("H", "F"))),
        ({"AnatomicalOrientationType": "BIPED"}, (("L", "R"), ("P", "A"), ("H", "F"))),
        # PS3.3 C.7.6.2.1.1: y dorsal, z cranial; of a head rostral.
        (QUADRUPED | {"BodyPartExamined": "ABDOMEN"}, (LEFT, DORSAL, ("CR", "CD"))),
        (QUADRUPED | {"BodyPartExamined": "HEAD"}, (LEFT, DORSAL, ("R", "CD"))),
        # Proximal limbs are cranial along y, distal ones dorsal, and z is proximal.
        (QUADRUPED | {"BodyPartExamined": "FEMUR"}, (LEFT, None, None)),
        (QUADRUPED | {"BodyPartExamined": None}, (LEFT, None, None)),
        ({"AnatomicalOrientationType": "CENTIPEDE"}, (None, None, None)),
    ],
)
def test_what_the_axes_of_a_plane_are_called_depends_on_the_body_and_its_part(
    attributes: dict[str, object], axes: object
) -> None:
    assert resolve(DisplayResolver(), ct_slice(8, 8, **attributes))[0].model.axes == axes


def test_of_a_quadruped_with_a_plane_the_abbreviations_are_read_too() -> None:
    told = {"PatientOrientation": ["RT", "V"]}
    models = [
        resolve(DisplayResolver(), ct_slice(8, 8, **attributes))[0].model
        for attributes in (told | QUADRUPED, QUADRUPED)
    ]
    assert models[0].patient_orientation == PatientOrientation("LE", "RT", "D", "V")
    assert models[1].patient_orientation is None


def test_objects_of_a_series_have_each_its_own() -> None:
    resolver = DisplayResolver()
    same = WITHOUT_PLANE | {"FrameOfReferenceUID": None}
    told = [
        resolve(resolver, ct_slice(8, 8, **(same | attributes)))[0].model
        for attributes in (
            {"PatientOrientation": ["L", "F"]},
            {"PatientOrientation": ["L", "F"]},
            {"PatientOrientation": ["A", "F"]},
            {"PatientOrientation": ["A", "F"], **QUADRUPED},
        )
    ]
    assert told[0] is told[1]
    assert [model.patient_orientation for model in told[1:]] == [
        PatientOrientation("R", "L", "H", "F"),
        PatientOrientation("P", "A", "H", "F"),
        None,
    ]


def test_all_frames_lie_as_the_object_says_but_not_where_the_arm_moves() -> None:
    # PS3.3 C.8.7.5.1.1: a DYNAMIC positioner turns from frame to frame; tables move in their plane.
    dataset = multi_frame(3, 8, 8, PatientOrientation=["L", "F"], PositionerMotion="STATIC")
    frames = resolve(DisplayResolver(), dataset)
    told = PatientOrientation("R", "L", "H", "F")
    assert [frame.model.patient_orientation for frame in frames] == [told] * 3
    dataset.PositionerMotion = "DYNAMIC"
    assert resolve(DisplayResolver(), dataset)[0].model.patient_orientation is None


def test_frames_with_a_plane_have_none_and_a_frame_may_say_its_own() -> None:
    dataset = multi_frame(3, 8, 8, PatientOrientation=["L", "F"])
    dataset.SharedFunctionalGroupsSequence = Sequence([item()])
    plane = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [
            item(),
            item(PlaneOrientationSequence=[plane]),
            item(PatientOrientationInFrameSequence=[item(PatientOrientation=["A", "F"])]),
        ]
    )
    models = [frame.model for frame in resolve(DisplayResolver(), dataset)]
    assert [model.patient_orientation for model in models] == [
        PatientOrientation("R", "L", "H", "F"),
        None,
        PatientOrientation("P", "A", "H", "F"),
    ]
    assert models[1].orientation == (1, 0, 0, 0, 1, 0)
