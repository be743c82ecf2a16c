"""What we and dciodvfy say of the same objects: each kind of disagreement has its reason here."""

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import pytest
from pydicom import DataElement, Dataset
from pydicom.uid import EnhancedCTImageStorage
from tests.compose.judges import dciodvfy_errors
from tests.dicom import corpus
from tests.factories import ct_slice, part10_bytes

from isocenter.dicom import Severity, dictionary, validate, validate_files

pytestmark = pytest.mark.peer

_PLACE = re.compile(r"\(([0-9a-f]{4}),([0-9a-f]{4})[^)]*\)")

# Patterns of "Keyword: what is wrong", and why only dciodvfy says it.
THEIRS_ALONE = {
    r"Laterality: (Missing|Attribute present)": (
        "it wants Laterality unless it knows the body part to be unpaired; we ask for it of "
        "body parts that are paired"
    ),
    r"StudyInstanceUID: .*same value as Frame": "we say it of Frame of Reference UID",
    r"Information Object Not found": (
        "we say that SOP Class UID is missing, or that it is no class of the current standard"
    ),
    r"MediaStorageSOP\w+: .*(but missing|different)": "we say it of the UID that is missing",
    r"read failed|Tags out of order|Illegal zero bytes|Bad Explicit Value Length"
    r"|Implicit VR enc": (
        "it stops at encodings that readers understand; the scan refuses what cannot be read"
    ),
    r"too_short\.dcm": "it stops reading where the data set is cut off, and misses what follows",
    r"doesn't contain Transfer Syntax": "we say it of Transfer Syntax UID",
    r"NumberOfFrames: Unrecognized|FrameIncrementPointer: Missing.*<USImage>": (
        "its US Image has one frame; the IOD's table has no modules for frames"
    ),
    r"(PhotometricInterpretation|RescaleType|DirectoryRecordType|HighBit|BitsStored"
    r"|BitsAllocated): Unrecognized": "lists of its own for one IOD",
    r"VelocityEncodingDirection: Orientation": "zero is what scanners write for no direction",
    r"PaletteColorLookupTable": (
        "palettes in segments, and palettes without PALETTE COLOR, follow conditions that "
        "speak of the IOD"
    ),
    r"(FrameOfReferenceUID|PositionReferenceIndicator): .*Type [12] Req": (
        "the module is optional in structure sets"
    ),
    r"ReferencedFrameNumber: Shall not": "speaks of another object, which is not at hand",
    r"OffsetOf\w+|DirectoryRecord": "directories of media have no IOD; only values are checked",
    r"(LongCodeValue|URNCodeValue): Missing": "one of three must be there; we name Code Value",
    r"Attribute present (when|but)": (
        "we warn if the condition is about attributes, else cannot tell"
    ),
    r"PixelData: .*expected": "it counts missing sizes as 0, and YBR_FULL_422 with three samples",
    r"\[UT\] =": "private text with control characters",
    r"Trailing character invalid": "padding with NUL is passed over",
    # Of mutated objects.
    r"Bad PixelRepresentation": "we say it of the attribute",
    r"PixelPaddingValue: Shall not": "an object without pixels is reported as such",
    r"(Sequence|IndexValues): .*(Type 1 Req|expected 0)": (
        "follows from the sequence that is missing; and sequences of structure sets have "
        "other types in the current standard"
    ),
    r"ReferencedSeriesSequence|StudiesContainingOther": (
        "references are not looked for in all of an object"
    ),
    r"ClinicalTrialCoordinatingCenterName": (
        "an optional module is there if an attribute is that it demands and no other module has"
    ),
    r"WindowWidth: Missing": "an empty Window Center is as good as none",
}
# Patterns of "Keyword rule: module", and why only we say it.
OURS_ALONE = {
    r"FrameOfReferenceUID inconsistent": "dciodvfy says it of Study Instance UID",
    r"SOPClassUID missing-attribute": "dciodvfy stops without a SOP Class",
    r"TransferSyntaxUID file-meta": "dciodvfy takes files without meta information",
    r"MediaStorage\w+ file-meta": "dciodvfy passes over empty ones",
    r"PixelData pixel-data": "it passes over samples of 32 bits as OB",
    r" invalid-value: $": "it does not look for the creators of private elements",
    # Of mutated objects.
    r"(WindowWidth|VOILUTSequence) ": "an empty Window Center is as good as none",
    r"ReferencedROINumber inconsistent": "dciodvfy does not look for the ROI",
    r"PerFrameFunctionalGroupsSequence empty": "it names what would be in it",
    r"FrameOfReferenceUID missing": "its Frame of Reference module goes with the UID",
    r"(GridFrameOffsetVector inconsistent|NumberOfFrames (missing|empty))": (
        "the pointer to a vector makes a multi-frame image; the vector was not shortened with it"
    ),
}
# It aborts on 32-bit pixels, by an assertion.
ABORTS_ON = re.compile(r"badVR\.dcm|rtdose(_expb)?(_1frame)?\.dcm")


@dataclass
class Comparison:
    agreed: int = 0
    theirs: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)

    def of(self, path: Path, before: "tuple[dict, dict] | None" = None) -> tuple[dict, dict]:
        """Compare what is said of a file; less what was said of its original."""
        theirs, ours = _theirs(path), _ours(path)
        new_theirs = theirs.keys() - (before[0].keys() if before else ())
        new_ours = ours.keys() - (before[1].keys() if before else ())
        if before is None or new_theirs or new_ours:
            self.agreed += len(new_theirs & new_ours)
            self.theirs += [f"{path.name} {theirs[tag]}" for tag in new_theirs - new_ours]
            self.ours += [f"{path.name} {ours[tag]}" for tag in new_ours - new_theirs]
        return theirs, ours


def _theirs(path: Path) -> dict[int, str]:
    found: dict[int, str] = {}
    for line in dciodvfy_errors(path):
        place, _, sentence = line.partition("> - ")
        tags = _PLACE.findall(place)
        tag = int("".join(tags[-1]), 16) if tags else hash(line)
        found[tag] = f"{dictionary.keyword(tag) if tags else ''}: {sentence or line}"
    return found


def _ours(path: Path) -> dict[int, str]:
    errors = (f for f in validate_files([path]).findings if f.severity is Severity.ERROR)
    return {f.tag: f"{f.keyword} {f.rule.value}: {f.module}" for f in errors}


def unexplained(sentences: Iterable[str], reasons: dict[str, str]) -> list[str]:
    patterns = [re.compile(pattern) for pattern in reasons]
    return sorted(s for s in sentences if not any(p.search(s) for p in patterns))


# A file cannot be written without them.
IDENTITY = {0x00080016, 0x00080018}


def of_corpus() -> list[Path]:
    readable = (path for path in corpus.files() if not ABORTS_ON.fullmatch(path.name))
    return [path for path in readable if not validate_files([path]).unreadable]


def without(data_set: Dataset, tag: int) -> Dataset:
    changed = copy.copy(data_set)
    changed._dict = {key: value for key, value in data_set._dict.items() if key != tag}
    return changed


def emptied(data_set: Dataset, tag: int) -> Dataset:
    changed = without(data_set, tag)
    vr = data_set[tag].VR
    changed.add(DataElement(tag, vr, {"SQ": [], "OW": b"", "AT": []}.get(vr)))
    return changed


def explained(comparison: Comparison) -> None:
    assert not unexplained(comparison.theirs, THEIRS_ALONE)
    assert not unexplained(comparison.ours, OURS_ALONE)


def test_we_agree_with_dciodvfy_on_the_files_of_pydicom():
    comparison = Comparison()
    for path in of_corpus():
        comparison.of(path)
    assert comparison.agreed > 1300
    explained(comparison)


@pytest.mark.parametrize("change", [without, emptied])
@pytest.mark.parametrize("name", ["", "MR_small.dcm", "test-SR.dcm", "SC_rgb_small_odd.dcm"])
def test_we_agree_with_dciodvfy_on_every_attribute_that_is_taken_away(change, name, tmp_path):
    original = corpus.read(corpus.named(name)) if name else ct_slice(8, 8)
    path = tmp_path / f"{name or 'CT'}"
    path.write_bytes(part10_bytes(original))
    comparison = Comparison()
    before = Comparison().of(path)
    for tag in list(original._dict):
        if tag.is_private or tag in IDENTITY:
            continue
        path.write_bytes(part10_bytes(change(original, tag)))
        comparison.of(path, before)
    assert comparison.agreed > 10
    explained(comparison)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ImageType", ["ORIGINAL", "PRIMARY"]),
        ("ImageType", ["NEW", "PRIMARY", "AXIAL"]),
        ("PatientSex", "X"),
        ("PatientBirthDate", "1970.1.1"),
        ("StudyTime", "12:30"),
        ("PixelSpacing", ["0.5"]),
        ("ImageOrientationPatient", ["1", "0", "0", "0", "2", "0"]),
        ("ImageOrientationPatient", ["1", "0", "0", "1", "0", "0"]),
        ("PhotometricInterpretation", "GREY"),
        ("BitsStored", 17),
        ("SamplesPerPixel", 3),
        ("PatientAge", "54"),
        ("StudyInstanceUID", "1.02.3"),
        ("KVP", "120.00000000000001"),
        ("SeriesNumber", "99999999999999"),
        ("AccessionNumber", "12345678901234567"),
        ("Modality", "ct"),
        ("PixelRepresentation", 2),
        ("PatientSex", "X"),
        ("HighBit", 3),
        ("BitsAllocated", 12),
        ("Rows", 0),
        ("PlanarConfiguration", 7),
        ("RescaleSlope", "0"),
        ("RescaleType", "US"),
        ("WindowWidth", "0"),
        ("ImageType", ["SOURCE", "PRIMARY", "AXIAL"]),
        ("ImageType", ["ORIGINAL"]),
        ("ReferencedImageSequence", []),
        ("StudyTime", "256161"),
        ("ImagePositionPatient", ["0", "0"]),
        ("BurnedInAnnotation", "MAYBE"),
        ("LossyImageCompression", "1"),
        ("ContentDate", "2026"),
    ],
)
def test_both_object_to_a_bad_value(keyword, value, tmp_path):
    image = ct_slice(8, 8)
    path = tmp_path / "bad.dcm"
    with pydicom.config.disable_value_validation():
        setattr(image, keyword, value)
        path.write_bytes(part10_bytes(image))
    tag = image.data_element(keyword).tag
    assert tag in _ours(path)
    assert tag in _theirs(path)


@pytest.mark.parametrize(
    ("sequence", "item", "missing"),
    [
        ("ReferencedImageSequence", {"ReferencedSOPClassUID": "1.2.3"}, 0x00081155),
        ("ReferencedStudySequence", {"ReferencedSOPClassUID": "1.2.3"}, 0x00081155),
        ("ProcedureCodeSequence", {"CodeValue": "1", "CodeMeaning": "x"}, 0x00080102),
        ("VOILUTSequence", {"LUTDescriptor": [2, 0, 16]}, 0x00283006),
    ],
)
def test_both_miss_what_an_item_of_a_sequence_lacks(sequence, item, missing, tmp_path):
    image, inner = ct_slice(8, 8), Dataset()
    for keyword, value in item.items():
        setattr(inner, keyword, value)
    setattr(image, sequence, [inner])
    path = tmp_path / "bad.dcm"
    path.write_bytes(part10_bytes(image))
    assert missing in _ours(path)
    assert missing in _theirs(path)


@pytest.mark.parametrize(
    "said",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "RescaleType": "US"},
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"], "RescaleType": "US"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "RescaleType": "HU"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "RescaleType": None},
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "VMI"],
            "RescaleType": "US",
            "MultienergyCTAcquisition": "YES",
        },
    ],
)
def test_neither_asks_for_hounsfield_units_where_they_need_not_be(said, tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8, **said)))
    assert 0x00281054 not in _ours(path)
    assert not any("RescaleType" in line for line in dciodvfy_errors(path))


@pytest.mark.parametrize(
    ("first", "third", "unit", "wrong"),
    [
        ("ORIGINAL", "VOLUME", "US", True),
        ("ORIGINAL", "VOLUME", "HU", False),
        ("ORIGINAL", "LOCALIZER", "US", False),
        ("DERIVED", "VOLUME", "US", False),
    ],
)
@pytest.mark.parametrize("shared", [True, False])
def test_original_frames_of_enhanced_ct_are_in_hounsfield_units(first, third, unit, wrong, shared):
    """PS3.3 C.8.15.3.10; dciodvfy wants HU of every frame."""
    kind, scale, said = Dataset(), Dataset(), Dataset()
    kind.FrameType, scale.RescaleType = [first, "PRIMARY", third, "NONE"], unit
    own, common = Dataset(), Dataset()
    own.CTImageFrameTypeSequence = [kind]
    (common if shared else own).PixelValueTransformationSequence = [scale]
    said.SOPClassUID = EnhancedCTImageStorage
    said.PerFrameFunctionalGroupsSequence = [own]
    said.SharedFunctionalGroupsSequence = [common]
    found = [one for one in validate(said) if one.keyword == "RescaleType"]
    assert [one.path.rpartition("/")[2] for one in found] == ["RescaleType"] * wrong
