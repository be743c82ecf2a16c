"""What STOW-RS answers: the Store Instances Response Module and its status (PS3.18 10.5.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final


class FailureReason(IntEnum):
    """Why an instance was not stored: Failure Reason (0008,1197), PS3.18 I.2.2."""

    PROCESSING_FAILURE = 0x0110
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_MISMATCH = 0xA900
    STUDY_MISMATCH = 0xA901
    CANNOT_UNDERSTAND = 0xC000
    DUPLICATE = 0xB00E
    SYNTAX_NOT_SUPPORTED = 0xC122


class WarningReason(IntEnum):
    """What was noticed of an instance that was stored: Warning Reason (0008,1196), PS3.18 I.2.1."""

    COERCION = 0xB000
    DATA_SET_MISMATCH = 0xB007
    ELEMENTS_DISCARDED = 0xB006


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An instance that is kept.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid
        Of the instance.
    retrieve_url
        Absolute URL of the instance.
    warning
        What was noticed, None if nothing was.
    comments
        Sentences about the warning.
    """

    sop_class_uid: str
    sop_instance_uid: str
    retrieve_url: str
    warning: WarningReason | None = None
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedItem:
    """A part of the request that was not stored.

    Parameters
    ----------
    reason
        For a program.
    comment
        For a person.
    sop_class_uid, sop_instance_uid
        None where the part could not be read so far.
    """

    reason: FailureReason
    comment: str
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None


_MOST_COMMENT: Final = 1024


def response_status(stored: Sequence[StoredItem], failed: Sequence[FailedItem]) -> int:
    """Return the HTTP status of a store transaction.

    Parameters
    ----------
    stored, failed
        Every part of the request is in one of them.

    Returns
    -------
    int
        200 all stored; 202 some stored, or with warnings; 204 nothing was sent; 503 nothing stored
        for lack of resources; 409 nothing stored for another reason.

    References
    ----------
    PS3.18 Table 10.5.3-1
    """
    if not stored and not failed:
        return 204
    if not stored:
        full = all(item.reason is FailureReason.OUT_OF_RESOURCES for item in failed)
        return 503 if full else 409
    return 202 if failed or any(item.warning is not None for item in stored) else 200


def may_be_sent_again(failed: Sequence[FailedItem]) -> bool:
    """Tell whether something of a request would be stored if it were sent later.

    Where reasons are mixed, the status cannot say so: it is 202 if something was stored, else 409.
    A Retry-After header field may stand in a response of any status.

    Parameters
    ----------
    failed
        What was not stored.

    References
    ----------
    PS3.18 Table 10.5.3-1 and I.2.2; RFC 9110 10.2.3
    """
    return any(item.reason is FailureReason.OUT_OF_RESOURCES for item in failed)


def response_data_set(
    stored: Sequence[StoredItem], failed: Sequence[FailedItem], study_url: str | None
) -> dict[str, dict[str, Any]]:
    """Return the payload of a store transaction in the DICOM JSON model.

    Parameters
    ----------
    stored, failed
        In the order of the parts; an empty one leaves its sequence out.
    study_url
        Absolute URL of the one study that holds everything stored, None if there is no such one.

    Returns
    -------
    dict
        Elements by tag.

    References
    ----------
    PS3.18 Table I.1-1
    """
    data_set: dict[str, dict[str, Any]] = {}
    if study_url is not None:
        data_set["00081190"] = _element("UR", study_url)
    if failed:
        data_set["00081198"] = {"vr": "SQ", "Value": [_failed_item(item) for item in failed]}
    if stored:
        data_set["00081199"] = {"vr": "SQ", "Value": [_stored_item(item) for item in stored]}
    return data_set


def _stored_item(item: StoredItem) -> dict[str, dict[str, Any]]:
    elements = {
        "00081150": _element("UI", item.sop_class_uid),
        "00081155": _element("UI", item.sop_instance_uid),
        "00081190": _element("UR", item.retrieve_url),
    }
    if item.warning is not None:
        elements["00081196"] = _element("US", int(item.warning))
        if item.comments:
            elements["00741048"] = _comments(item.comments)
    return elements


def _failed_item(item: FailedItem) -> dict[str, dict[str, Any]]:
    elements: dict[str, dict[str, Any]] = {}
    if item.sop_class_uid:
        elements["00081150"] = _element("UI", item.sop_class_uid)
    if item.sop_instance_uid:
        elements["00081155"] = _element("UI", item.sop_instance_uid)
    elements["00081197"] = _element("US", int(item.reason))
    elements["00741048"] = _comments([item.comment])
    return elements


def _comments(sentences: Sequence[str]) -> dict[str, Any]:
    """Return a sequence of sentences, in the form that users of such services already parse."""
    return {
        "vr": "SQ",
        "Value": [
            {"00000902": _element("LO", f"DICOM100: {sentence[:_MOST_COMMENT]}")}
            for sentence in sentences
        ],
    }


def _element(vr: str, value: str | int) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}
