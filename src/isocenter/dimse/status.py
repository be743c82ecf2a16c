"""DIMSE status codes: what they mean and which category they are of (PS3.7 Annex C, PS3.4)."""

from dataclasses import dataclass
from enum import Enum, IntEnum


class StatusCategory(Enum):
    """What a status means for the operation (PS3.7 C.1)."""

    SUCCESS = "Success"
    WARNING = "Warning"
    FAILURE = "Failure"
    CANCEL = "Cancel"
    PENDING = "Pending"


class StatusCode(IntEnum):
    """Status codes that have a name of their own here; services may use others of their ranges."""

    SUCCESS = 0x0000
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    CLASS_INSTANCE_CONFLICT = 0x0119
    DUPLICATE_SOP_INSTANCE = 0x0111
    DUPLICATE_INVOCATION = 0x0210
    INVALID_ARGUMENT_VALUE = 0x0115
    INVALID_ATTRIBUTE_VALUE = 0x0106
    INVALID_OBJECT_INSTANCE = 0x0117
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    MISTYPED_ARGUMENT = 0x0212
    NO_SUCH_ARGUMENT = 0x0114
    NO_SUCH_ATTRIBUTE = 0x0105
    NO_SUCH_EVENT_TYPE = 0x0113
    NO_SUCH_SOP_INSTANCE = 0x0112
    NO_SUCH_SOP_CLASS = 0x0118
    NO_SUCH_ACTION = 0x0123
    PROCESSING_FAILURE = 0x0110
    RESOURCE_LIMITATION = 0x0213
    UNRECOGNIZED_OPERATION = 0x0211
    NOT_AUTHORIZED = 0x0124
    ATTRIBUTE_LIST_ERROR = 0x0107
    ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116
    CANCEL = 0xFE00
    PENDING = 0xFF00
    PENDING_WITH_UNSUPPORTED_KEYS = 0xFF01
    OUT_OF_RESOURCES = 0xA700
    OUT_OF_RESOURCES_COUNTING_MATCHES = 0xA701
    OUT_OF_RESOURCES_SUBOPERATIONS = 0xA702
    MOVE_DESTINATION_UNKNOWN = 0xA801
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    COERCION_OF_DATA_ELEMENTS = 0xB000
    ELEMENTS_DISCARDED = 0xB006
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS_WARNING = 0xB007


@dataclass(frozen=True, slots=True)
class Status:
    """How an operation ended.

    Parameters
    ----------
    code
        Status (0000,0900).
    comment
        Error Comment (0000,0902): a sentence for a person; 64 characters cross the wire.
    offending_element
        Offending Element (0000,0901): tags as `0xGGGGEEEE`.
    """

    code: int = StatusCode.SUCCESS
    comment: str = ""
    offending_element: tuple[int, ...] = ()

    @property
    def category(self) -> StatusCategory:
        """Which category the code is of."""
        return category(self.code)

    @property
    def is_success(self) -> bool:
        """Whether the operation was done, with or without a warning."""
        return self.category in (StatusCategory.SUCCESS, StatusCategory.WARNING)

    def __str__(self) -> str:
        comment = f": {self.comment}" if self.comment else ""
        return f"{self.code:04X}H {describe(self.code)}{comment}"


SUCCESS = Status()

_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})

# Codes whose last digits a service may choose (PS3.4 B.2.3, C.4.1.1.4): mask, value, meaning.
_RANGES = (
    (0xFF00, 0xA700, "Refused: Out of resources"),
    (0xFF00, 0xA900, "Error: Data Set does not match SOP Class"),
    (0xF000, 0xC000, "Error: Cannot understand"),
    (0xF000, 0xB000, "Warning"),
    (0xF000, 0xA000, "Failure"),
)

_MEANINGS = {
    0x0000: "Success",
    0x0001: "Warning: Requested optional attributes are not supported",
    0x0105: "Failure: No such attribute",
    0x0106: "Failure: Invalid attribute value",
    0x0107: "Warning: Attribute list error",
    0x0110: "Failure: Processing failure",
    0x0111: "Failure: Duplicate SOP Instance",
    0x0112: "Failure: No such SOP Instance",
    0x0113: "Failure: No such event type",
    0x0114: "Failure: No such argument",
    0x0115: "Failure: Invalid argument value",
    0x0116: "Warning: Attribute value out of range",
    0x0117: "Failure: Invalid SOP Instance",
    0x0118: "Failure: No such SOP Class",
    0x0119: "Failure: Class-Instance conflict",
    0x0120: "Failure: Missing attribute",
    0x0121: "Failure: Missing attribute value",
    0x0122: "Refused: SOP Class not supported",
    0x0123: "Failure: No such action type",
    0x0124: "Refused: Not authorized",
    0x0210: "Failure: Duplicate invocation",
    0x0211: "Failure: Unrecognized operation",
    0x0212: "Failure: Mistyped argument",
    0x0213: "Failure: Resource limitation",
    0xA700: "Refused: Out of resources",
    0xA701: "Refused: Out of resources, unable to calculate number of matches",
    0xA702: "Refused: Out of resources, unable to perform sub-operations",
    0xA801: "Refused: Move Destination unknown",
    0xA900: "Error: Data Set does not match SOP Class",
    0xB000: "Warning: Coercion of data elements",
    0xB006: "Warning: Elements discarded",
    0xB007: "Warning: Data Set does not match SOP Class",
    0xC000: "Error: Cannot understand",
    0xFE00: "Cancel",
    0xFF00: "Pending",
    0xFF01: "Pending: optional keys are not supported",
}


def category(code: int) -> StatusCategory:
    """Return the category of a status code (PS3.7 C.1)."""
    if code == 0:
        return StatusCategory.SUCCESS
    if code in _WARNINGS or code & 0xF000 == 0xB000:
        return StatusCategory.WARNING
    if code == StatusCode.CANCEL:
        return StatusCategory.CANCEL
    if code in (StatusCode.PENDING, StatusCode.PENDING_WITH_UNSUPPORTED_KEYS):
        return StatusCategory.PENDING
    return StatusCategory.FAILURE


def describe(code: int) -> str:
    """Return what a status code means, in the standard's words."""
    known = _MEANINGS.get(code)
    if known is not None:
        return known
    for mask, value, meaning in _RANGES:
        if code & mask == value:
            return meaning
    return f"{category(code).value}: code {code:04X}H of its service"
