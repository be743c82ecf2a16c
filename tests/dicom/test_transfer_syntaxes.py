import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from isocenter.dicom import TRANSFER_SYNTAXES, transfer_syntax
from isocenter.dicom.transfer_syntaxes import lookup
from isocenter.errors import UnsupportedTransferSyntax

# Not encodings of stored objects: mail and XML (retired), and real-time video (PS3.22).
NOT_STORED = {f"1.2.840.10008.1.2.{suffix}" for suffix in ("6.1", "6.2", "7.1", "7.2", "7.3")}
STANDARD = {
    uid: entry
    for uid, entry in UID_dictionary.items()
    if entry[1] == "Transfer Syntax" and uid not in NOT_STORED
}
LOSSLESS = {"57", "58", "65", "66", "70", "80", "90", "92", "110", "201", "202"}


@pytest.mark.parametrize("uid", STANDARD)
def test_every_registered_transfer_syntax_is_described_as_the_standard_does(uid: str) -> None:
    found, reference = transfer_syntax(uid), UID(uid)
    assert (found.name, found.retired) == (reference.name, reference.is_retired)
    assert found.little_endian == reference.is_little_endian
    # pydicom takes all that it does not list for Explicit VR, encapsulated, not deflated.
    if "JPIP" not in found.name and "Papyrus" not in found.name:
        assert found.implicit == reference.is_implicit_VR
        assert found.deflated == reference.is_deflated
        assert found.encapsulated == reference.is_encapsulated


def test_those_that_came_later_are_known() -> None:
    for suffix in ("4.110", "4.111", "4.112", "8.1"):
        assert transfer_syntax(f"1.2.840.10008.1.2.{suffix}").encapsulated


def test_only_encodings_of_the_jpeg_family_and_video_may_lose_information() -> None:
    for uid, found in TRANSFER_SYNTAXES.items():
        family, _, process = uid.removeprefix("1.2.840.10008.1.2.").partition(".")
        may_lose = family == "4" and found.encapsulated and process not in LOSSLESS
        assert found.lossy == may_lose, uid


def test_a_private_one_of_ge_has_pixels_in_the_other_byte_order() -> None:
    found = transfer_syntax("1.2.840.113619.5.2")
    assert found.implicit and found.little_endian and found.big_endian_pixels


@pytest.mark.parametrize("uid", ["", "1.2.3", "1.2.840.10008.1.2.1 ", "1.2.840.10008.1.1"])
def test_an_unknown_one_is_an_error_that_names_it(uid: str) -> None:
    assert lookup(uid) is None
    with pytest.raises(UnsupportedTransferSyntax, match=repr(uid)):
        transfer_syntax(uid)
