import json

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from tests.dicom import corpus
from tests.factories import ct_slice, data_set_bytes, multi_frame

from isocenter.dicom import data_set_json, inflate, locate, scan_file, transfer_syntax
from isocenter.dicom.encoding import actual_layout
from isocenter.dicom.places import find_element
from isocenter.errors import NotFound

NATIVE = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
# Its last fragment has no end.
ENDLESS = {"emri_small_jpeg_2k_lossless_too_short.dcm"}
VALUE = bytes(range(256)) * 8


def nested(*, undefined: bool) -> Dataset:
    """A value two sequences deep, in the second item of each."""
    inner, outer, dataset = Dataset(), Dataset(), Dataset()
    inner.add_new(0x60003000, "OW", VALUE)
    outer.ReferencedSeriesSequence = Sequence([Dataset(), inner])
    dataset.ReferencedImageSequence = Sequence([Dataset(), outer])
    dataset.PatientID = "ID"
    for sequence in (outer["ReferencedSeriesSequence"], dataset["ReferencedImageSequence"]):
        sequence.is_undefined_length = undefined
        for item in sequence.value:
            item.is_undefined_length_sequence_item = undefined
    return dataset


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("uid", NATIVE)
def test_a_nested_value_is_found_by_its_path(uid: str, undefined: bool) -> None:
    data = data_set_bytes(nested(undefined=undefined), uid)
    place = locate(data, transfer_syntax(uid), "00081140/1/00081115/1/60003000")
    assert data[place.offset : place.offset + place.length] == VALUE
    assert place.word_size == (2 if uid == NATIVE[2] else 1)


@pytest.mark.parametrize("path", corpus.files()[::4], ids=lambda path: path.name)
def test_every_link_of_the_json_model_leads_to_its_value(path: corpus.Path) -> None:
    header, data = scan_file(path), path.read_bytes()
    data = data[header.data_set_offset :]
    if header.inflated:
        data = inflate(data)
    if path.name in ENDLESS:
        return
    links: list[str] = []
    data_set_json(
        data,
        header.transfer_syntax,
        bulk_data_uri=lambda link: links.append(link) or link,
        bulk_threshold=16,
    )
    dataset = corpus.read(path)
    for link in links:
        place = locate(data, header.transfer_syntax, link)
        level, *steps = dataset, *link.split("/")
        for tag, number in zip(steps[:-1:2], steps[1::2], strict=True):
            level = level[int(tag, 16)].value[int(number)]
        value = level[int(steps[-1], 16)].value
        found = data[place.offset : place.offset + place.length]
        assert found[:-8] == value if place.undefined else found == value


def test_fragments_are_a_value_of_undefined_length() -> None:
    data = data_set_bytes(multi_frame(2), "1.2.840.10008.1.2.5")
    place = locate(data, transfer_syntax("1.2.840.10008.1.2.5"), "7FE00010")
    assert place.undefined and place.vr == "OB"
    assert data[place.offset : place.offset + 4] == b"\xfe\xff\x00\xe0"
    assert place.offset + place.length == len(data)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "7FE00010/",
        "00081140",
        "00081140/9/00081115",
        "00081140/1",
        "00081140/1/00081199",
        "00100020/0/00100020",
        "00081140/-1/00081115",
        "00081140/1/../00081115",
        "0008 1140",
        "00081140/99999999999999/00081115",
        "00081140/1/" * 1000 + "00081115",
    ],
)
def test_a_path_that_leads_nowhere_is_an_error(path: str) -> None:
    data = data_set_bytes(nested(undefined=True))
    if path == "00081140":
        assert locate(data, transfer_syntax(NATIVE[1]), path).undefined
        return
    with pytest.raises(NotFound):
        locate(data, transfer_syntax(NATIVE[1]), path)


def test_an_element_is_found_among_those_of_its_level_alone() -> None:
    dataset = ct_slice(4, 4)
    data = data_set_bytes(dataset)
    layout = actual_layout(data, transfer_syntax(NATIVE[1]))
    assert find_element(data, layout, 0x00081150) is None  # only in sequences
    place = find_element(data, layout, 0x00100020)
    assert place is not None and data[place.offset : place.offset + 6] == b"PID-1 "
    assert find_element(data[:100], layout, 0x00100020) is None


def test_links_survive_json() -> None:
    data = data_set_bytes(ct_slice(4, 4))
    model = json.loads(data_set_json(data, transfer_syntax(NATIVE[1]), bulk_data_uri='../"bulk"\\'))
    assert model["7FE00010"]["BulkDataURI"] == '../"bulk"\\/7FE00010'
