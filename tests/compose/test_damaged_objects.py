"""Objects to be read that have junk in place of a sequence or number: refused by attribute."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from tests.compose.test_bare_sources import KINDS
from tests.factories import ct_series, part10_bytes

from isocenter import compose
from isocenter.compose.reports import read_structured_report
from isocenter.errors import InvalidAttribute, IsocenterError

READERS: dict[str, Callable[[Dataset], object]] = {
    "report": read_structured_report,
    "key objects": read_structured_report,
    "segments": compose.read_segmentation,
    "regions": compose.read_rt_structure_set,
    "map": compose.read_parametric_map,
    "mapping": compose.read_real_world_value_mapping,
    "matrix": compose.read_spatial_registration,
    "field": compose.read_deformable_registration,
    "fiducials": compose.read_spatial_fiducials,
}
_BINARY = ("FD", "FL", "SL", "SS", "UL", "US")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "series"
    folder.mkdir()
    for number, image in enumerate(ct_series(3, 16, 16)):
        (folder / f"{number}.dcm").write_bytes(part10_bytes(image))
    return folder


def read_back(kind: str, series: Path) -> Dataset:
    made = KINDS[kind](series)
    assert isinstance(made, compose.Composed)
    return pydicom.dcmread(made.save(series.parent / "made.dcm"))


def everywhere(data_set: Dataset, depth: int = 0) -> Iterator[tuple[Dataset, DataElement, int]]:
    for element in data_set:
        yield data_set, element, depth
        if element.VR == "SQ" and element.value:
            yield from everywhere(element.value[0], depth + 1)


def torn(tag: BaseTag, vr: str) -> RawDataElement:
    return RawDataElement(tag, vr, 1, b"\1", 0, False, True)


@pytest.mark.parametrize("kind", READERS)
def test_a_sequence_that_is_none_and_a_torn_number_are_refused_by_name(kind: str, series: Path):
    data_set = read_back(kind, series)
    READERS[kind](data_set)
    tried = 0
    for holder, element, depth in list(everywhere(data_set)):
        if element.VR == "SQ":
            holder[element.tag] = DataElement(element.tag, "LO", "junk")
        elif depth and element.VR in _BINARY:
            holder._dict[element.tag] = torn(element.tag, element.VR)
        else:
            continue
        with pytest.raises(InvalidAttribute, match=element.keyword) as refused:
            READERS[kind](data_set)
        assert refused.value.tag == element.tag
        holder[element.tag] = element
        tried += 1
    assert tried


@pytest.mark.parametrize("kind", READERS)
def test_an_empty_value_is_read_as_none_or_refused(kind: str, series: Path):
    data_set = read_back(kind, series)
    for holder, element, _ in list(everywhere(data_set)):
        holder[element.tag] = DataElement(element.tag, element.VR, None)
        try:
            READERS[kind](data_set)
        except IsocenterError as error:
            assert str(error)
        holder[element.tag] = element
