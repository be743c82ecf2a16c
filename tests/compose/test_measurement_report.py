"""Measurement reports (TID 1500): dciodvfy, DCMTK and PixelMed judge them, highdicom reads them."""

from pathlib import Path

import highdicom
import pytest
from tests.compose.judges import dciodvfy_errors, dsrdump, pixelmed_sr_errors
from tests.compose.reports_in_words import dcmtk_items, our_items
from tests.factories import ct_series, ct_slice, multi_frame, part10_bytes

from isocenter.compose.reports import (
    Code,
    Graphic,
    Image,
    PersonObserver,
    Reference,
    SCoord,
    SCoord3D,
    read_structured_report,
)
from isocenter.compose.reports.measurement_report import (
    Evaluation,
    FindingSite,
    Measurement,
    MeasurementGroup,
    measurement_report,
    outline,
    read_measurements,
)
from isocenter.errors import CannotCompose

IMAGES = ct_series(3, 16, 16)
FIRST, SECOND = (Reference.to(one) for one in IMAGES[:2])
SPACE = str(IMAGES[0].FrameOfReferenceUID)
PROCEDURE = Code("25045-6", "LN", "CT unspecified body region")
DIAMETER = Measurement.of(Code("81827009", "SCT", "Diameter"), 3.5, "mm")
MEAN = Measurement.of(
    Code("112031", "DCM", "Attenuation Coefficient"),
    41.25,
    "[hnsf'U]",
    derivation=Code("373098007", "SCT", "Mean"),
)
SPICULATED = Evaluation(
    Code("246205007", "SCT", "Margin"), Code("129742005", "SCT", "Spiculated margin")
)
LUNG = FindingSite(Code("39607008", "SCT", "Lung"), Code("24028007", "SCT", "Right"))
SQUARE = ((1, 1), (5, 1), (5, 5), (1, 5), (1, 1))
SEGMENT = Reference(
    FIRST.study_instance_uid, "1.2.3", "1.2.840.10008.5.1.4.1.1.66.4", "1.2.4", segments=(1,)
)


def slab(z: float) -> SCoord3D:
    return SCoord3D(None, Graphic.POLYGON, tuple((x, y, z) for x, y in SQUARE), SPACE)


ELLIPSOID = SCoord3D(
    None,
    Graphic.ELLIPSOID,
    ((0, 0, 0), (5, 0, 0), (2, 2, 0), (2, -2, 0), (2, 0, 3), (2, 0, -3)),
    SPACE,
)
PLANAR, VOLUMETRIC, WHOLE = (
    "get_planar_roi_measurement_groups",
    "get_volumetric_roi_measurement_groups",
    "get_image_measurement_groups",
)
VARIANTS = {
    "one outline": ((outline(FIRST, SQUARE),), PLANAR),
    "a point": ((outline(FIRST, [(2, 3)], Graphic.POINT),), PLANAR),
    "several outlines": ((outline(FIRST, SQUARE), outline(SECOND, SQUARE)), VOLUMETRIC),
    "a polygon in space": ((slab(0),), PLANAR),
    "polygons in space": ((slab(0), slab(1.25)), VOLUMETRIC),
    "an ellipsoid": ((ELLIPSOID,), VOLUMETRIC),
    "a segment": ((Image(None, SEGMENT),), VOLUMETRIC),
    "no region": ((), WHOLE),
}


def group(*regions, **more) -> MeasurementGroup:
    what = {"measurements": (DIAMETER, MEAN), "evaluations": (SPICULATED,)} | more
    return MeasurementGroup(
        "Lesion 1", "1.2.5", Code("27925004", "SCT", "Nodule"), sites=(LUNG,), regions=regions,
        **what,
    )  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_highdicom_reads_a_group_as_it_was_meant(variant: str, tmp_path: Path) -> None:
    regions, getter = VARIANTS[variant]
    composed = measurement_report(
        [group(*regions)], source=IMAGES, observers=[PersonObserver("Doe^Jane")]
    )
    path = composed.save(tmp_path / "sr.dcm")
    assert dciodvfy_errors(path) == []
    assert [one for one in dsrdump(path).splitlines() if one.startswith(("E:", "F:"))] == []
    assert dcmtk_items(path) == our_items(read_structured_report(path).content)
    read = highdicom.sr.srread(path)
    in_space = any(isinstance(one, SCoord3D) for one in regions)
    assert isinstance(
        read, highdicom.sr.Comprehensive3DSR if in_space else highdicom.sr.ComprehensiveSR
    )
    (found,) = getattr(read.content, getter)()
    assert (found.tracking_identifier, found.tracking_uid) == ("Lesion 1", "1.2.5")
    assert found.finding_type.meaning == "Nodule"
    assert found.finding_sites[0].value.meaning == "Lung"
    assert found.finding_sites[0].laterality.meaning == "Right"
    numbers = {one.name.meaning: (one.value, one.unit.value) for one in found.get_measurements()}
    assert numbers == {"Diameter": (3.5, "mm"), "Attenuation Coefficient": (41.25, "[hnsf'U]")}
    (evaluation,) = found.get_qualitative_evaluations()
    assert evaluation[0].value.meaning == "Spiculated margin"
    if regions and isinstance(regions[0], SCoord) and getter == PLANAR:
        assert found.roi.value.tolist() == [list(map(float, one)) for one in regions[0].points]


def test_pixelmed_finds_the_template_kept(tmp_path: Path) -> None:
    groups = [group(*VARIANTS[one][0]) for one in ("polygons in space", "several outlines")]
    composed = measurement_report(groups, source=IMAGES, procedure=PROCEDURE)
    assert pixelmed_sr_errors(composed.save(tmp_path / "sr.dcm")) == []


def test_a_frame_of_a_multi_frame_image_is_measured(tmp_path: Path) -> None:
    image = multi_frame(3)
    reference = Reference(*(str(image[name].value) for name in (
        "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")), frames=(2,),
    )  # fmt: skip
    composed = measurement_report([group(outline(reference, SQUARE))], source=image)
    assert dciodvfy_errors(composed.save(tmp_path / "sr.dcm")) == []
    (found,) = composed.data_set.CurrentRequestedProcedureEvidenceSequence
    assert found.StudyInstanceUID == image.StudyInstanceUID


def test_json_gives_groups(tmp_path: Path) -> None:
    (tmp_path / "ct.dcm").write_bytes(part10_bytes(IMAGES[0]))
    (tmp_path / "m.json").write_text(
        """{"groups": [{
          "tracking_id": "Lesion 1",
          "finding": "(27925004, SCT, \\"Nodule\\")",
          "regions": [{"type": "SCOORD", "graphic": "POINT", "points": [[2, 3.5]], "children": [
            {"type": "IMAGE", "relationship": "SELECTED FROM", "reference": {"file": "ct.dcm"}}]}],
          "measurements": [
            {"name": "(81827009, SCT, \\"Diameter\\")", "value": 4.25, "unit": "mm"}]
        }]}""",
        "utf-8",
    )
    found = read_measurements(tmp_path / "m.json", objects=IMAGES)
    path = measurement_report(found.groups, source=IMAGES).save(tmp_path / "sr.dcm")
    read = highdicom.sr.srread(path).content.get_planar_roi_measurement_groups()
    assert read[0].get_measurements()[0].value == 4.25
    assert read[0].roi.value.tolist() == [[2, 3.5]]


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ([], "no measurement group"),
        ([group(measurements=(), evaluations=())], "neither measurements nor evaluations"),
        ([group(outline(FIRST, SQUARE), slab(0))], "regions of several kinds"),
        ([group(outline(FIRST, [(1, 1)]))], "a region that has 1 points for POLYLINE"),
        ([group(SCoord(None, Graphic.POINT, ((1, 2),)))], "not selected from one image"),
        ([group(Image(None, FIRST))], "does not name one segment"),
        ([group(measurements=(Measurement(DIAMETER.name, DIAMETER.value,
                                          Code("foo", "UCUM", "foo")),))], "'foo' as unit"),
        ([group(evaluations=(Evaluation(Code("1", "99X", "m" * 65), SPICULATED.value),))],
         "a code meaning of 65 characters; at most 64 fit"),
        ([group(evaluations=(Evaluation(SPICULATED.name, Code("1", "", "Mass")),))],
         "has an incomplete code"),
    ],
)  # fmt: skip
def test_groups_that_cannot_be_right_are_refused(groups, says: str) -> None:
    with pytest.raises(CannotCompose, match=says):
        measurement_report(groups, source=IMAGES)


def test_images_of_two_patients_are_refused() -> None:
    with pytest.raises(CannotCompose, match="different patients"):
        measurement_report([group()], source=[*IMAGES, ct_slice(8, 8, PatientID="OTHER")])
