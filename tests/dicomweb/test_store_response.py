import pytest

from isocenter.dicomweb.store_response import (
    FailedItem,
    FailureReason,
    StoredItem,
    WarningReason,
    response_data_set,
    response_status,
)

STORED = StoredItem("1.2", "1.2.3", "http://h/studies/1/series/2/instances/1.2.3")
COERCED = StoredItem("1.2", "1.2.3", "http://h/i", WarningReason.COERCION, ("(0010,0020) empty",))
FAILED = FailedItem(FailureReason.STUDY_MISMATCH, "another study", "1.2", "1.2.4")
UNREADABLE = FailedItem(FailureReason.CANNOT_UNDERSTAND, "no DICOM")
FULL = FailedItem(FailureReason.OUT_OF_RESOURCES, "disk full")


@pytest.mark.parametrize(
    ("stored", "failed", "status"),
    [
        ([STORED], [], 200),
        ([STORED, COERCED], [], 202),
        ([STORED], [FAILED], 202),
        ([], [FAILED], 409),
        ([], [FULL, FULL], 503),
        ([], [FULL, FAILED], 409),
        ([], [], 204),
    ],
)
def test_the_status_says_how_much_was_stored(
    stored: list[StoredItem], failed: list[FailedItem], status: int
) -> None:
    assert response_status(stored, failed) == status


def test_a_success_names_the_study_and_every_instance_and_has_no_failures() -> None:
    payload = response_data_set([STORED], [], "http://h/studies/1")
    assert payload == {
        "00081190": {"vr": "UR", "Value": ["http://h/studies/1"]},
        "00081199": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": ["1.2"]},
                    "00081155": {"vr": "UI", "Value": ["1.2.3"]},
                    "00081190": {"vr": "UR", "Value": [STORED.retrieve_url]},
                }
            ],
        },
    }


def test_a_failure_says_why_and_leaves_out_what_is_unknown() -> None:
    items = response_data_set([], [FAILED, UNREADABLE], None)["00081198"]["Value"]
    assert items[0]["00081197"]["Value"] == [43265]
    assert items[0]["00081155"]["Value"] == ["1.2.4"]
    assert items[1] == {
        "00081197": {"vr": "US", "Value": [0xC000]},
        "00741048": {
            "vr": "SQ",
            "Value": [{"00000902": {"vr": "LO", "Value": ["DICOM100: no DICOM"]}}],
        },
    }


def test_a_warning_stands_beside_the_instance_it_is_about() -> None:
    [item] = response_data_set([COERCED], [], None)["00081199"]["Value"]
    assert item["00081196"] == {"vr": "US", "Value": [0xB000]}
    assert item["00741048"]["Value"][0]["00000902"]["Value"] == ["DICOM100: (0010,0020) empty"]
