import json
from xml.etree import ElementTree

from isocenter.dicomweb.native_xml import NAMESPACE, data_set_to_xml, json_to_xml

N = f"{{{NAMESPACE}}}"


def attributes(xml: bytes) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(xml)
    assert root.tag == f"{N}NativeDicomModel"
    return {element.attrib["tag"]: element for element in root}


def test_values_are_numbered_and_keep_their_vr_and_keyword() -> None:
    xml = data_set_to_xml({"00080008": {"vr": "CS", "Value": ["DERIVED", None, "AXIAL & <x>"]}})
    element = attributes(xml)["00080008"]
    assert (element.attrib["vr"], element.attrib["keyword"]) == ("CS", "ImageType")
    assert [(v.attrib["number"], v.text) for v in element] == [
        ("1", "DERIVED"),
        ("3", "AXIAL & <x>"),
    ]


def test_a_person_name_is_taken_apart() -> None:
    name = {"Alphabetic": "Yamada^Tarou^^Dr", "Ideographic": "山田^太郎"}
    person = attributes(data_set_to_xml({"00100010": {"vr": "PN", "Value": [name]}}))["00100010"][0]
    alphabetic, ideographic = person
    assert [(c.tag.removeprefix(N), c.text) for c in alphabetic] == [
        ("FamilyName", "Yamada"),
        ("GivenName", "Tarou"),
        ("NamePrefix", "Dr"),
    ]
    assert [c.text for c in ideographic] == ["山田", "太郎"]


def test_items_hold_data_sets() -> None:
    item = {"00080100": {"vr": "SH", "Value": ["T"]}}
    element = attributes(data_set_to_xml({"00081032": {"vr": "SQ", "Value": [item, {}]}}))[
        "00081032"
    ]
    assert [i.attrib["number"] for i in element] == ["1", "2"]
    assert element[0][0].attrib["keyword"] == "CodeValue"
    assert len(element[1]) == 0


def test_bulk_data_is_a_reference_and_inline_binary_stays() -> None:
    found = attributes(
        data_set_to_xml(
            {
                "7FE00010": {"vr": "OW", "BulkDataURI": "/a?b=1&c=2"},
                "00420011": {"vr": "OB", "InlineBinary": "QUJD"},
            }
        )
    )
    assert found["7FE00010"][0].attrib == {"uri": "/a?b=1&c=2"}
    assert found["00420011"][0].text == "QUJD"


def test_a_private_element_is_named_by_its_creator() -> None:
    found = attributes(
        data_set_to_xml(
            {
                "00291001": {"vr": "LO", "Value": ["x"]},
                "00290010": {"vr": "LO", "Value": ['ACME "1"']},
            }
        )
    )
    assert found["00290010"].attrib == {"tag": "00290010", "vr": "LO"}
    assert found["00290001"].attrib == {
        "tag": "00290001",
        "vr": "LO",
        "privateCreator": 'ACME "1"',
    }


def test_numbers_stay_as_they_were_written() -> None:
    text = json.dumps({"00280030": {"vr": "DS", "Value": [0.1]}}).replace("0.1", "1.10e-1")
    assert attributes(json_to_xml(text))["00280030"][0].text == "1.10e-1"


def test_what_xml_cannot_hold_is_left_out() -> None:
    xml = data_set_to_xml({"00104000": {"vr": "LT", "Value": ["a\x1b\x00b\ud800c\n"]}})
    assert attributes(xml)["00104000"][0].text == "abc\n"


def test_an_empty_element_has_no_values() -> None:
    assert len(attributes(data_set_to_xml({"00100020": {"vr": "LO"}}))["00100020"]) == 0
