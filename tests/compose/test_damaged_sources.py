"""Sources with an attribute that is missing, empty, said twice, text or torn: never a traceback."""

import io
import re
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.valuerep import VR
from tests.compose.test_bare_sources import KINDS
from tests.compose.test_left_out import capture, told
from tests.factories import ct_series, ct_slice, part10_bytes

from isocenter import compose
from isocenter.dicom.elements import element_spans, replaced
from isocenter.dicom.encoding import EXPLICIT_LITTLE
from isocenter.dicom.part10 import read_file_meta
from isocenter.errors import CannotCompose, InvalidAttribute, IsocenterError
from isocenter.series import Series

DAMAGES = {
    "US": (None, b"", b"\1\0\2\0", b"\0\0", b"\1"),
    "IS": (None, b"", b"1\\2 ", b"abc ", b"-1", b"1.5 "),
    "DS": (None, b"", b"1\\2\\3 ", b"abc ", b"NaN ", b"1,5 ", b"0 "),
    "UI": (None, b"", b"1.2\\1.3\0", b"abc\0"),
    "CS": (None, b"", b"A\\B ", b"a b!"),
    "SQ": (None, b"", struct.pack("<HHI", 0xFFFE, 0xE000, 0)),
}
READ = (
    "BitsAllocated",
    "BitsStored",
    "Columns",
    "FrameOfReferenceUID",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "Modality",
    "NumberOfFrames",
    "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "PixelSpacing",
    "PregnancyStatus",
    "RescaleIntercept",
    "RescaleSlope",
    "Rows",
    "SOPClassUID",
    "SOPInstanceUID",
    "SamplesPerPixel",
    "SeriesInstanceUID",
    "SharedFunctionalGroupsSequence",
    "SliceThickness",
    "SpacingBetweenSlices",
    "StudyInstanceUID",
    "WindowCenter",
)
READING = ("capture", "presentation", "segments", "mapping", "fiducials", "CT", "derived")
REFERRING = (
    "capture",
    "document",
    "key objects",
    "presentation",
    "report",
    "regions",
    "segments",
    "map",
    "mapping",
    "matrix",
    "field",
    "fiducials",
    "derived",
)


def damaged(image: Dataset, keyword: str, value: bytes | None) -> bytes:
    """The image as a file in which an attribute has other bytes; without it for None."""
    whole = part10_bytes(image)
    begin = read_file_meta(whole).data_set_offset
    tag, vr = tag_for_keyword(keyword), dictionary_VR(keyword).encode()
    made = None
    if value is not None:
        start = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
        size = struct.pack("<HI" if vr == b"SQ" else "<H", *([0] * (vr == b"SQ")), len(value))
        made = start + size + value
    body = whole[begin:]
    spans = element_spans(body, EXPLICIT_LITTLE)
    pieces = replaced(body, spans, {tag: made}, EXPLICIT_LITTLE)
    return whole[:begin] + b"".join(map(bytes, pieces))


@pytest.mark.parametrize("keyword", READ)
def test_a_source_that_says_it_wrongly_is_refused_in_words_or_taken_without(keyword, tmp_path):
    images = ct_series(3, 16, 16)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    (tmp_path / "state.json").write_text('{"window": [40, 400]}')
    source = tmp_path / "series"
    source.mkdir()
    for value in DAMAGES[dictionary_VR(keyword)]:
        for number, image in enumerate(images):
            (source / f"{number}.dcm").write_bytes(damaged(image, keyword, value))
        for kind in READING:
            try:
                made = KINDS[kind](source)
                for one in [made] if isinstance(made, compose.Composed) else made:
                    one.save(tmp_path / "made.dcm")
            except IsocenterError as error:
                assert str(error)


@pytest.mark.parametrize(
    ("keyword", "value", "found"),
    [
        ("NumberOfFrames", b"1\\2 ", "found 2 values; expected one whole number from 1"),
        ("NumberOfFrames", b"abc ", "expected one whole number from 1"),
        ("Rows", b"\1\0\2\0", "found 2 values; expected one whole number from 1"),
        ("Rows", b"\1", "expected one whole number from 1"),
        ("Columns", b"", "found no value; expected one whole number from 1"),
        ("PixelSpacing", b"abc ", "expected 2 finite numbers"),
        ("SOPInstanceUID", b"", "lacks SOPInstanceUID (0008,0018)"),
    ],
)
def test_the_error_names_the_attribute_and_what_was_expected(keyword, value, found, tmp_path):
    (tmp_path / "a.dcm").write_bytes(damaged(ct_slice(8, 8), keyword, value))
    with pytest.raises(CannotCompose) as refused:
        compose.segmentation(np.ones((1, 8, 8), bool), source=tmp_path / "a.dcm")
    assert refused.value.tag == tag_for_keyword(keyword)
    assert keyword in str(refused.value) and found in str(refused.value)


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
@pytest.mark.parametrize("value", [None, b"", b"abc\0"])
def test_what_is_derived_knows_what_its_source_is(keyword, value, tmp_path):
    (tmp_path / "a.dcm").write_bytes(damaged(ct_slice(8, 8), keyword, value))
    with pytest.raises(IsocenterError, match=keyword):
        compose.derived_series(tmp_path / "a.dcm", lambda values: values)


def test_numbers_that_are_cut_off_are_left_out(tmp_path):
    content = damaged(ct_slice(8, 8), "PregnancyStatus", b"\1")
    (tmp_path / "a.dcm").write_bytes(content)
    given = pydicom.dcmread(io.BytesIO(content))
    derived = compose.derived_series(tmp_path / "a.dcm", lambda values: values)
    for made in (capture(tmp_path / "a.dcm"), capture(given), derived):
        assert told(made)["PregnancyStatus"].expected == "numbers of 2 bytes each"
    with pytest.raises(pydicom.errors.BytesLengthException):  # the caller's own stays as it was
        _ = given.PregnancyStatus


def test_a_thickness_that_is_no_number_does_not_count(tmp_path):
    images = ct_series(3, 16, 16)
    for number, image in enumerate(images):
        (tmp_path / f"{number}.dcm").write_bytes(damaged(image, "SliceThickness", b"1,5 "))
    made = compose.acquired_series(
        np.zeros((3, 16, 16), np.int16), modality="CT", source=Path(tmp_path)
    )
    assert all(one.data_set.SliceThickness > 0 for one in made)


@pytest.mark.parametrize(
    ("kind", "read", "keyword", "value"),
    [
        ("segments", compose.read_segmentation, "SegmentationType", "NONE"),
        ("fiducials", compose.read_spatial_fiducials, "ShapeType", "NONE"),
        ("fiducials", compose.read_spatial_fiducials, "ContourData", ["1", "2"]),
        ("fiducials", compose.read_spatial_fiducials, "ContourData", "abc"),
        ("map", compose.read_parametric_map, "DoubleFloatRealWorldValueFirstValueMapped", [1.0, 2]),
    ],
)
def test_what_is_read_back_is_refused_in_words(kind, read, keyword, value, tmp_path):
    source = tmp_path / "series"
    source.mkdir()
    for number, image in enumerate(ct_series(3, 16, 16)):
        (source / f"{number}.dcm").write_bytes(part10_bytes(image))
    data_set = KINDS[kind](source).data_set
    found = next(one for one in data_set.iterall() if one.keyword == keyword)
    found._value = value  # as a reader meets it: pydicom would not let it be set
    with pytest.raises(IsocenterError) as refused:
        read(data_set)
    assert refused.value.tag == tag_for_keyword(keyword)


@pytest.mark.parametrize(
    "keyword",
    [
        "SOPClassUID",
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "StudyInstanceUID",
        "FrameOfReferenceUID",
    ],
)
def test_a_uid_that_is_none_is_repeated_in_no_new_object(keyword, tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    (tmp_path / "state.json").write_text('{"window": [40, 400]}')
    source = tmp_path / "series"
    source.mkdir()
    for number, image in enumerate(ct_series(3, 16, 16)):
        value = b"nouid%d" % (number if keyword == "SOPInstanceUID" else 0)
        (source / f"{number}.dcm").write_bytes(damaged(image, keyword, value))
    refused = 0
    for kind in REFERRING:
        try:
            made = KINDS[kind](source)
            for one in [made] if isinstance(made, compose.Composed) else made:
                assert b"nouid" not in one.save(tmp_path / "made.dcm").read_bytes(), kind
        except CannotCompose as error:
            assert error.tag == tag_for_keyword(keyword) and keyword in str(error), kind
            refused += 1
    assert refused


@pytest.mark.parametrize("kind", ["segments", "map"])
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyDate", b"2001.01\\2"),
        ("StudyTime", b"noon"),
        ("PatientBirthDate", b"long ago"),
        ("PatientSex", b"X" * 20),
    ],
)
def test_a_wrong_date_of_the_source_is_no_matter_of_its_frames(kind, keyword, value, tmp_path):
    for number, image in enumerate(ct_series(3, 16, 16)):
        (tmp_path / f"{number}.dcm").write_bytes(damaged(image, keyword, value))
    try:
        made = KINDS[kind](tmp_path)
    except CannotCompose as error:  # as for every other object: who the patient is stays refused
        assert error.tag == tag_for_keyword(keyword) and "highdicom" not in str(error)
    else:
        assert keyword in map(str, made.left_out) or not made.data_set.get(keyword)


def of_no_representation(content: bytes, keyword: str) -> bytes:
    """The file with a VR of an attribute that there is not, at the attribute's first place."""
    tag = tag_for_keyword(keyword)
    begin = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, dictionary_VR(keyword).encode())
    assert begin in content
    return content.replace(begin, begin[:4] + b"XQ", 1)


@pytest.mark.parametrize(
    "keyword",
    [
        "CodeMeaning",
        "FrameOfReferenceUID",
        "InstitutionName",
        "PatientName",
        "Rows",
        "SeriesNumber",
    ],
)
def test_a_value_representation_that_there_is_not_is_the_one_of_the_dictionary(keyword, tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    (tmp_path / "state.json").write_text('{"window": [40, 400]}')
    source = tmp_path / "series"
    source.mkdir()
    anatomy = Dataset()
    anatomy.CodeValue, anatomy.CodingSchemeDesignator = "51185008", "SCT"
    anatomy.CodeMeaning = "Chest"
    images = ct_series(3, 16, 16, AnatomicRegionSequence=[anatomy])
    for number, image in enumerate(images):
        content = of_no_representation(part10_bytes(image), keyword)
        (source / f"{number}.dcm").write_bytes(content)
    made = KINDS["capture"](source).data_set
    for name in ("InstitutionName", "PatientName", "StudyInstanceUID"):
        assert made[name].value == images[0][name].value
    assert int(made.SeriesNumber) == images[0].SeriesNumber + 1000
    for kind in ("regions", "report", "CT", "derived", "presentation"):
        found = KINDS[kind](source)
        for one in [found] if isinstance(found, compose.Composed) else found:
            one.save(tmp_path / "made.dcm")
            assert one.data_set.PatientName == images[0].PatientName
    given = pydicom.dcmread(source / "0.dcm")
    assert capture(given).data_set.PatientName == images[0].PatientName


def test_a_derived_image_keeps_no_value_representation_that_there_is_not(tmp_path):
    image = ct_slice(8, 8, PhysiciansOfRecord="Who^Ever")
    content = of_no_representation(part10_bytes(image), "PhysiciansOfRecord")
    (tmp_path / "a.dcm").write_bytes(content)
    (path,) = compose.derived_series(tmp_path / "a.dcm", lambda values: values).save(tmp_path / "d")
    assert pydicom.dcmread(path)["PhysiciansOfRecord"].value == "Who^Ever"


def test_a_derived_image_keeps_none_in_its_items(tmp_path):
    content = of_no_representation(part10_bytes(ct_slice(8, 8)), "CodeMeaning")
    (tmp_path / "a.dcm").write_bytes(content)
    (path,) = compose.derived_series(tmp_path / "a.dcm", lambda values: values).save(tmp_path / "d")
    assert all(one.VR in set(VR) for one in pydicom.dcmread(path).iterall())


def test_deflated_data_that_break_off_are_refused_in_words(tmp_path):
    content = part10_bytes(ct_slice(8, 8), DeflatedExplicitVRLittleEndian)
    (tmp_path / "a.dcm").write_bytes(content[:-200] + bytes(200))
    with pytest.raises(IsocenterError, match="a.dcm"):
        capture(tmp_path / "a.dcm")


@pytest.fixture(scope="module")
def one_file(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("enhanced")
    made = compose.acquired_series(
        np.zeros((2, 8, 8)), modality="CT", affine=np.eye(4), enhanced=True
    )
    (path,) = made.save(folder / "a")
    return path.read_bytes()


def spoilt(content: bytes, keyword: str, change) -> bytes:
    """The file with other bytes at the first of the elements of a keyword."""
    tag, vr = tag_for_keyword(keyword), dictionary_VR(keyword).encode()
    at = content.index(struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr))
    return content[:at] + change(content[at:])


SPOILT = {
    "a value representation that there is not": (
        "FrameType",
        lambda rest: rest[:4] + b"XQ" + rest[6:],
    ),
    "a torn number": (
        "DimensionIndexValues",
        lambda rest: rest[:4] + b"FD" + rest[6:],
    ),
    "an item where an attribute should be": (
        "FrameType",
        lambda rest: struct.pack("<HH", 0xFFFE, 0xE000) + rest[4:],
    ),
}


@pytest.mark.parametrize("damage", SPOILT)
def test_functional_groups_that_are_damaged_inside_are_refused_in_words_or_mended(
    damage, one_file, tmp_path
):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.dcm").write_bytes(spoilt(one_file, *SPOILT[damage]))
    for work in (
        lambda: compose.derived_series(tmp_path / "a", lambda values: values).save(tmp_path / "d"),
        lambda: Series.open(tmp_path / "a").write(tmp_path / "s"),
    ):
        try:
            files = work()
        except IsocenterError as error:
            assert str(error)
            continue
        for path in files:
            assert all(one.VR in set(VR) for one in pydicom.dcmread(path).iterall())


RLE = "1.2.840.10008.1.2.5"


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        (b"\xfe\xff\x00\xe0", b"\xfe\xff\x01\xe0", "(7FE0,0010)"),
        (RLE.encode(), b"1.2.840.10008.1.2.9", "(0002,0010)"),
    ],
)
def test_frames_that_nobody_can_part_are_refused_in_words(found, instead, said, tmp_path):
    fractions = np.full((3, 16, 16), 0.5)
    made = compose.segmentation(fractions, source=ct_series(3, 16, 16), kind="fractional")
    content = made.save(tmp_path / "a.dcm", transfer_syntax_uid=RLE).read_bytes()
    begin, _, end = content.rpartition(found)
    (tmp_path / "a.dcm").write_bytes(begin + instead + end)
    with pytest.raises(IsocenterError, match=re.escape(said)):
        compose.read_segmentation(tmp_path / "a.dcm")


def test_file_meta_information_that_cannot_be_read_is_refused_in_words(tmp_path):
    content = part10_bytes(ct_slice(8, 8))
    at = content.index(b"UL", 128)
    (tmp_path / "a.dcm").write_bytes(content[:at] + b"\0L" + content[at + 2 :])
    with pytest.raises(IsocenterError, match="a.dcm"):
        compose.secondary_capture(np.zeros((4, 4), np.uint8), source=tmp_path / "a.dcm")


def with_anatomy(tmp_path: Path, change) -> Path:
    """A series whose files have an Anatomic Region Sequence, their bytes changed."""
    anatomy, modifier = Dataset(), Dataset()
    for item, meaning in ((anatomy, "Chest"), (modifier, "Left")):
        item.CodeValue, item.CodingSchemeDesignator = "1", "99TEST"
        item.CodeMeaning = meaning
    anatomy.AnatomicRegionModifierSequence = [modifier]
    source = tmp_path / "series"
    source.mkdir()
    for number, image in enumerate(ct_series(3, 16, 16, AnatomicRegionSequence=[anatomy])):
        (source / f"{number}.dcm").write_bytes(change(part10_bytes(image)))
    return source


def start_of(content: bytes, keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    return content.index(struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, b"SQ"))


def as_text(keyword: str):
    """A change that makes text of a sequence, with as many bytes."""

    def change(content: bytes) -> bytes:
        at = start_of(content, keyword)
        (length,) = struct.unpack_from("<I", content, at + 8)
        text = struct.pack("<2sH", b"LO", length + 4) + b"x" * (length + 4)
        return content[: at + 4] + text + content[at + 12 + length :]

    return change


def torn_inside(keyword: str):
    """A change that leaves six bytes after the item of a sequence, where eight begin another."""

    def change(content: bytes) -> bytes:
        at = start_of(content, keyword)
        (length,) = struct.unpack_from("<I", content, at + 8)
        item = struct.pack("<HHI", 0xFFFE, 0xE000, length - 14)
        code = struct.pack("<HH2sH", 0x0008, 0x0100, b"SH", length - 22) + b"1" * (length - 22)
        return content[: at + 12] + item + code + bytes(6) + content[at + 12 + length :]

    return change


@pytest.mark.parametrize("damage", ["a value representation that there is not", "a torn number"])
@pytest.mark.parametrize(
    ("keyword", "inside", "said"),
    [
        ("ContributingEquipmentSequence", "InstitutionName", "Hospital"),
        ("AnatomicRegionSequence", "CodeValue", "39607008"),
        ("DerivationCodeSequence", "CodeMeaning", "Filtered"),
    ],
)
def test_items_that_decide_how_an_image_is_derived_are_mended_or_refused_in_words(
    keyword, inside, said, damage, tmp_path
):
    item = Dataset()
    setattr(item, inside, said)
    (tmp_path / "a").mkdir()
    content = part10_bytes(ct_slice(16, 16, **{keyword: [item]}))
    (tmp_path / "a" / "a.dcm").write_bytes(
        content[: start_of(content, keyword)]
        + spoilt(content[start_of(content, keyword) :], inside, SPOILT[damage][1])
    )
    try:
        (made,) = compose.derive(tmp_path / "a", compose.Smooth(1.0)).save(tmp_path / "made")
    except CannotCompose as error:
        assert damage == "a torn number" and str(error)
    else:
        assert all(one.VR in set(VR) for one in pydicom.dcmread(made).iterall())


def test_a_series_tells_what_is_sound_beside_an_item_that_is_damaged(tmp_path):
    item = Dataset()
    item.RequestedProcedureID = "12345"
    content = part10_bytes(
        ct_slice(16, 16, PatientName="Doe^Jane", RequestAttributesSequence=[item])
    )
    change = SPOILT["a torn number"][1]
    (tmp_path / "a.dcm").write_bytes(spoilt(content, "RequestedProcedureID", change))

    series = Series.open(tmp_path)

    assert series.get("PatientName") == "Doe^Jane"
    assert series.values_of("SliceLocation").shape == (1, 1)


ANATOMY = ("AnatomicRegionSequence", "AnatomicRegionModifierSequence")


@pytest.mark.parametrize("keyword", ANATOMY)
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (as_text, "found a value of VR LO; expected a sequence of items"),
        (torn_inside, "found bytes that break off inside; expected a sequence of items"),
    ],
)
@pytest.mark.parametrize("kind", ["capture", "segments", "derived", "enhanced"])
def test_a_sequence_that_is_none_is_refused_with_the_name_of_the_file(
    kind, damage, found, keyword, tmp_path
):
    source = with_anatomy(tmp_path, damage(keyword))
    tag = tag_for_keyword(keyword)
    expected = f"{source / '0.dcm'}: {keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X}) cannot be read"
    with pytest.raises(InvalidAttribute) as refused:
        made = {**KINDS, "enhanced": enhanced}[kind](source)
        list(made)  # a series is made as it is asked for
    assert refused.value.tag == tag
    assert str(refused.value).startswith(expected) and found in str(refused.value)
    given = pydicom.dcmread(source / "0.dcm")
    with pytest.raises(InvalidAttribute, match=given.SOPInstanceUID):
        capture(given)


def enhanced(source):
    volume = np.zeros((3, 16, 16), np.int16)
    return compose.acquired_series(volume, modality="CT", source=source, enhanced=True)


def test_what_is_read_of_a_file_is_refused_where_a_sequence_breaks_off(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    (tmp_path / "state.json").write_text('{"window": [40, 400]}')
    source = with_anatomy(tmp_path, bytes)
    made = KINDS["fiducials"](source).save(tmp_path / "made.dcm")
    torn = torn_inside("FiducialSetSequence")(made.read_bytes())
    made.write_bytes(torn)
    with pytest.raises(InvalidAttribute, match="FiducialSetSequence"):
        compose.read_spatial_fiducials(made)


@pytest.mark.parametrize("keyword", ANATOMY)
def test_a_sequence_of_unknown_vr_is_the_one_that_its_bytes_are(keyword, tmp_path):
    def change(content: bytes) -> bytes:
        at = start_of(content, keyword)
        (length,) = struct.unpack_from("<I", content, at + 8)
        item = struct.pack("<HHI", 0xFFFE, 0xE000, length - 8)  # PS3.5 6.2.2: implicit inside
        code = struct.pack("<HHI", 0x0008, 0x0100, length - 16) + b"1" * (length - 16)
        return (
            content[: at + 4]
            + b"UN"
            + content[at + 6 : at + 12]
            + item
            + code
            + content[at + 12 + length :]
        )

    made = capture(with_anatomy(tmp_path, change))
    assert made.data_set.PatientName
