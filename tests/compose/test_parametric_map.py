"""Parametric Maps: dciodvfy judges them, highdicom reads the same values out of them."""

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors
from tests.compose.test_segmentation import multi_frame
from tests.factories import ct_series, part10_bytes

from isocenter.compose.label_maps import write_label_map
from isocenter.compose.measured.parametric_map import parametric_map, read_parametric_map
from isocenter.dicom import validate
from isocenter.errors import CannotCompose, InvalidAttribute

SERIES = ct_series(4, rows=12, columns=16)
SHAPE = (4, 12, 16)
RANDOM = np.random.default_rng(3)
ADC = {
    "units_of_measure": "um2/s",
    "quantity_definition": "113041:DCM:Apparent Diffusion Coefficient",
}


def measured(kind: str) -> np.ndarray:
    values = RANDOM.uniform(0, 200, SHAPE) if kind.startswith("u") else RANDOM.normal(0, 80, SHAPE)
    return values.clip(-120, 255).astype(kind)


@pytest.mark.parametrize("kind", ["float32", "float64", "int16", "uint16", "int8", "uint8"])
def test_values_come_back_exactly_by_us_and_by_highdicom(tmp_path: Path, kind: str) -> None:
    values = measured(kind)
    path = parametric_map(values, source=SERIES, **ADC).save(tmp_path / "map.dcm")
    assert dciodvfy_errors(path) == []
    assert [found.message for found in validate(str(path))] == []
    np.testing.assert_array_equal(read_parametric_map(path).values(SERIES), values)
    theirs = highdicom.pm.ParametricMap.from_dataset(pydicom.dcmread(path))
    volume = theirs.get_volume()
    upwards = 1 if volume.affine[2, 0] > 0 else -1
    np.testing.assert_array_equal(volume.array[::upwards], values)


def test_units_and_quantity_are_said_with_their_codes() -> None:
    composed = parametric_map(measured("float32"), source=SERIES, explanation="diffusion", **ADC)
    shared = composed.data_set.SharedFunctionalGroupsSequence[0]
    item = shared.RealWorldValueMappingSequence[0]
    assert item.MeasurementUnitsCodeSequence[0].CodeValue == "um2/s"
    assert item.MeasurementUnitsCodeSequence[0].CodingSchemeDesignator == "UCUM"
    defined = item.QuantityDefinitionSequence[0]
    assert defined.ConceptCodeSequence[0].CodeValue == "113041"
    assert item.LUTExplanation == "diffusion"


def test_a_quantity_is_found_by_its_meaning() -> None:
    composed = parametric_map(
        measured("float32"),
        source=SERIES,
        units_of_measure="ml/min",
        quantity_definition="Absolute Regional Blood Flow",
    )
    mapping = read_parametric_map(composed.data_set).mapping
    assert (
        mapping.quantity is not None and mapping.quantity.meaning == "Absolute Regional Blood Flow"
    )


def test_where_there_is_no_value_there_is_none_again(tmp_path: Path) -> None:
    values = measured("float32")
    values[:, :3] = np.nan
    path = parametric_map(values, source=SERIES, **ADC).save(tmp_path / "map.dcm")
    assert dciodvfy_errors(path) == []
    assert np.isnan(pydicom.dcmread(path).FloatPixelPaddingValue)
    np.testing.assert_array_equal(read_parametric_map(path).values(SERIES), values)


@given(arrays(np.int16, (2, 3, 4)), st.floats(0.01, 100), st.floats(-1000, 1000))
@settings(max_examples=20)
def test_signed_integers_are_stored_without_sign_and_mean_the_same(
    values: np.ndarray, slope: float, intercept: float
) -> None:
    source = ct_series(2, rows=3, columns=4)
    composed = parametric_map(values, source=source, slope=slope, intercept=intercept, **ADC)
    found = read_parametric_map(composed.data_set).values(source)
    np.testing.assert_allclose(found, values * slope + intercept, rtol=1e-9, atol=1e-6)


def test_a_multi_frame_source_is_measured_frame_by_frame(tmp_path: Path) -> None:
    source = multi_frame()
    values = RANDOM.normal(0, 1, (4, 48, 64)).astype(np.float32)
    path = parametric_map(values, source=source, **ADC).save(tmp_path / "map.dcm")
    assert dciodvfy_errors(path) == []
    np.testing.assert_array_equal(read_parametric_map(path).values(source), values)


def test_it_belongs_to_its_study(tmp_path: Path) -> None:
    files = []
    for number, one in enumerate(SERIES):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(part10_bytes(one))
    composed = parametric_map(measured("float32"), source=files, **ADC)
    assert dcentvfy_errors([*files, composed.save(tmp_path / "map.dcm")]) == []


def test_a_file_on_the_grid_of_the_series_is_taken(tmp_path: Path) -> None:
    values = measured("float32")
    path = write_label_map(values, tmp_path / "map.nrrd", source=SERIES)
    composed = parametric_map(path, source=SERIES, **ADC)
    np.testing.assert_array_equal(read_parametric_map(composed.data_set).values(SERIES), values)


@pytest.mark.parametrize(
    ("values", "options", "sentence"),
    [
        (np.zeros((4, 12, 15), np.float32), {}, r"\(4, 12, 15\).*\(4, 12, 16\)"),
        (np.full(SHAPE, np.inf), {}, "infinite"),
        (np.full(SHAPE, np.nan), {}, "no value"),
        (np.zeros(SHAPE, np.int32), {}, "at most 16 bits"),
        (np.zeros(SHAPE, np.complex64), {}, "cannot be stored"),
        (np.zeros(SHAPE), {"units_of_measure": "furlong"}, "UCUM"),
        (np.zeros(SHAPE), {"quantity_definition": "Charm"}, "no known quantity"),
        (np.zeros(SHAPE), {"label": "a label of twenty letters"}, "1 to 16"),
        (np.zeros(SHAPE), {"slope": np.nan}, "not finite"),
    ],
)
def test_a_map_that_cannot_be_right_is_refused_by_name(
    values: np.ndarray, options: dict, sentence: str
) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        parametric_map(values, source=SERIES, **(ADC | options))


def test_an_image_without_mapping_is_no_map() -> None:
    with pytest.raises(InvalidAttribute, match="no real world value mapping"):
        read_parametric_map(SERIES[0])


def test_a_volume_elsewhere_is_not_called_a_label_map(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.Image([8, 8, 2], sitk.sitkFloat32), str(tmp_path / "map.nii"))
    with pytest.raises(CannotCompose, match="The volume") as refused:
        parametric_map(tmp_path / "map.nii", source=SERIES, **ADC)
    assert "label map" not in str(refused.value)
