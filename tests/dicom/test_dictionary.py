import pytest
from pydicom.datadict import tag_for_keyword

from isocenter.dicom import dictionary, tags


def test_every_constant_is_the_tag_of_its_keyword() -> None:
    named = {name: value for name, value in vars(tags).items() if name[0].isupper()}
    assert len(named) > 200
    outside = {"Item": 0xFFFEE000, "ItemDelimitationItem": 0xFFFEE00D}
    outside["SequenceDelimitationItem"] = 0xFFFEE0DD
    for name, value in named.items():
        assert value == outside.get(name, tag_for_keyword(name)), name


@pytest.mark.parametrize(
    ("tag", "vr", "keyword", "name"),
    [
        (0x00100010, "PN", "PatientName", "Patient's Name"),
        (0x60023000, "OB or OW", "OverlayData", "Overlay Data"),
        (0x00280106, "US or SS", "SmallestImagePixelValue", "Smallest Image Pixel Value"),
        (0xFFFEE000, "UN", "Item", "Item"),
        (0x00080000, "UL", "", "Group Length"),
    ],
)
def test_standard_attributes_are_known(tag: int, vr: str, keyword: str, name: str) -> None:
    assert (dictionary.vr(tag), dictionary.keyword(tag), dictionary.name(tag)) == (
        vr,
        keyword,
        name,
    )
    if keyword and tag >> 16 != 0x6002:
        assert dictionary.tag(keyword) == tag


def test_unknown_attributes_are_not() -> None:
    assert dictionary.vr(0x00100011) is None
    assert (dictionary.keyword(0x00100011), dictionary.name(0x00100011)) == ("", "")
    assert dictionary.tag("NoSuchKeyword") is None
    assert dictionary.attribute(0x00091001) is None


def test_private_attributes_are_known_by_their_creator_in_any_block() -> None:
    for block in (0x10, 0x42):
        found = dictionary.private_attribute("GEMS_IDEN_01", 0x00090002 | block << 8)
        assert found is not None and (found.vr, found.name) == ("SH", "Suite id")
    assert dictionary.private_attribute("NOBODY", 0x00091002) is None
    assert dictionary.private_attribute("GEMS_IDEN_01", 0x000910FE) is None


def test_private_tags_are_told_by_their_group() -> None:
    assert dictionary.is_private(0x00091001) and not dictionary.is_private(0x00081001)
    assert dictionary.is_private_creator(0x00090010) and dictionary.is_private_creator(0x000900FF)
    assert not dictionary.is_private_creator(0x00091001)
    assert not dictionary.is_private_creator(0x00080010)
