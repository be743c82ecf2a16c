"""The messages of PS3.7: one frozen dataclass a command, with the elements that it carries."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from enum import IntEnum
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, cast

from isocenter.dimse import command_set
from isocenter.dimse.command_set import DATA_SET_TYPE, Value
from isocenter.errors import InvalidDicom

_COMMAND_FIELD = 0x0100


class CommandField(IntEnum):
    """Which message a command set is (PS3.7 Table E.1-1)."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    C_CANCEL_RQ = 0x0FFF
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_GET_RQ = 0x0110
    N_GET_RSP = 0x8110
    N_SET_RQ = 0x0120
    N_SET_RSP = 0x8120
    N_ACTION_RQ = 0x0130
    N_ACTION_RSP = 0x8130
    N_CREATE_RQ = 0x0140
    N_CREATE_RSP = 0x8140
    N_DELETE_RQ = 0x0150
    N_DELETE_RSP = 0x8150


class Priority(IntEnum):
    """Priority (0000,0700)."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


def _element(number: int, default: Value | None = None) -> Any:
    return field(default=default, metadata={"element": number})


def _required_element(number: int) -> Any:
    return field(metadata={"element": number})


@dataclass(frozen=True, kw_only=True)
class Message:
    """A command set; `has_data_set` tells whether a data set comes behind it."""

    command_field: ClassVar[CommandField]
    has_data_set: bool = _element(DATA_SET_TYPE, False)

    @property
    def is_response(self) -> bool:
        """Whether this answers a request."""
        return bool(self.command_field & 0x8000)

    def encode(self) -> bytes:
        """Return the command set's bytes."""
        numbers, values_of = _written(type(self))
        return command_set.encode(zip(numbers, values_of(self), strict=True))


@dataclass(frozen=True, kw_only=True)
class Request(Message):
    """What asks for an operation or notification."""

    message_id: int = _required_element(0x0110)
    affected_sop_class_uid: str = _element(0x0002, "")


@dataclass(frozen=True, kw_only=True)
class Response(Message):
    """What answers a request, with a status (see `isocenter.dimse.status`)."""

    message_id_being_responded_to: int = _required_element(0x0120)
    affected_sop_class_uid: str | None = _element(0x0002)
    status: int = _required_element(0x0900)
    offending_element: tuple[int, ...] | None = _element(0x0901)
    error_comment: str | None = _element(0x0902)
    error_id: int | None = _element(0x0903)


@dataclass(frozen=True, kw_only=True)
class CEchoRq(Request):
    """C-ECHO-RQ (PS3.7 9.3.5.1)."""

    command_field = CommandField.C_ECHO_RQ


@dataclass(frozen=True, kw_only=True)
class CEchoRsp(Response):
    """C-ECHO-RSP (PS3.7 9.3.5.2)."""

    command_field = CommandField.C_ECHO_RSP


@dataclass(frozen=True, kw_only=True)
class CStoreRq(Request):
    """C-STORE-RQ (PS3.7 9.3.1.1)."""

    command_field = CommandField.C_STORE_RQ
    affected_sop_instance_uid: str = _element(0x1000, "")
    priority: int = _element(0x0700, 0)
    move_originator_ae: str | None = _element(0x1030)
    move_originator_message_id: int | None = _element(0x1031)


@dataclass(frozen=True, kw_only=True)
class CStoreRsp(Response):
    """C-STORE-RSP (PS3.7 9.3.1.2)."""

    command_field = CommandField.C_STORE_RSP
    affected_sop_instance_uid: str | None = _element(0x1000)


@dataclass(frozen=True, kw_only=True)
class CFindRq(Request):
    """C-FIND-RQ (PS3.7 9.3.2.1)."""

    command_field = CommandField.C_FIND_RQ
    priority: int = _element(0x0700, 0)


@dataclass(frozen=True, kw_only=True)
class CFindRsp(Response):
    """C-FIND-RSP (PS3.7 9.3.2.2)."""

    command_field = CommandField.C_FIND_RSP


@dataclass(frozen=True, kw_only=True)
class CGetRq(Request):
    """C-GET-RQ (PS3.7 9.3.3.1)."""

    command_field = CommandField.C_GET_RQ
    priority: int = _element(0x0700, 0)


@dataclass(frozen=True, kw_only=True)
class SubOperationsRsp(Response):
    """What C-GET-RSP and C-MOVE-RSP share: the counts of their sub-operations."""

    number_of_remaining_suboperations: int | None = _element(0x1020)
    number_of_completed_suboperations: int | None = _element(0x1021)
    number_of_failed_suboperations: int | None = _element(0x1022)
    number_of_warning_suboperations: int | None = _element(0x1023)


@dataclass(frozen=True, kw_only=True)
class CGetRsp(SubOperationsRsp):
    """C-GET-RSP (PS3.7 9.3.3.2)."""

    command_field = CommandField.C_GET_RSP


@dataclass(frozen=True, kw_only=True)
class CMoveRq(Request):
    """C-MOVE-RQ (PS3.7 9.3.4.1)."""

    command_field = CommandField.C_MOVE_RQ
    priority: int = _element(0x0700, 0)
    move_destination: str = _element(0x0600, "")


@dataclass(frozen=True, kw_only=True)
class CMoveRsp(SubOperationsRsp):
    """C-MOVE-RSP (PS3.7 9.3.4.2)."""

    command_field = CommandField.C_MOVE_RSP


@dataclass(frozen=True, kw_only=True)
class CCancelRq(Message):
    """C-CANCEL-RQ (PS3.7 9.3.2.3): stops a find, get or move; it has no response of its own."""

    command_field = CommandField.C_CANCEL_RQ
    message_id_being_responded_to: int = _required_element(0x0120)


@dataclass(frozen=True, kw_only=True)
class NEventReportRq(Request):
    """N-EVENT-REPORT-RQ (PS3.7 10.3.1.1)."""

    command_field = CommandField.N_EVENT_REPORT_RQ
    affected_sop_instance_uid: str = _element(0x1000, "")
    event_type_id: int = _required_element(0x1002)


@dataclass(frozen=True, kw_only=True)
class NEventReportRsp(Response):
    """N-EVENT-REPORT-RSP (PS3.7 10.3.1.2)."""

    command_field = CommandField.N_EVENT_REPORT_RSP
    affected_sop_instance_uid: str | None = _element(0x1000)
    event_type_id: int | None = _element(0x1002)


@dataclass(frozen=True, kw_only=True)
class NRequest(Message):
    """A request about an existing SOP instance: it names class and instance as requested."""

    message_id: int = _required_element(0x0110)
    requested_sop_class_uid: str = _element(0x0003, "")
    requested_sop_instance_uid: str = _element(0x1001, "")


@dataclass(frozen=True, kw_only=True)
class NResponse(Response):
    """A response about a SOP instance."""

    affected_sop_instance_uid: str | None = _element(0x1000)


@dataclass(frozen=True, kw_only=True)
class NGetRq(NRequest):
    """N-GET-RQ (PS3.7 10.3.2.1)."""

    command_field = CommandField.N_GET_RQ
    attribute_identifier_list: tuple[int, ...] | None = _element(0x1005)


@dataclass(frozen=True, kw_only=True)
class NGetRsp(NResponse):
    """N-GET-RSP (PS3.7 10.3.2.2)."""

    command_field = CommandField.N_GET_RSP
    attribute_identifier_list: tuple[int, ...] | None = _element(0x1005)


@dataclass(frozen=True, kw_only=True)
class NSetRq(NRequest):
    """N-SET-RQ (PS3.7 10.3.3.1)."""

    command_field = CommandField.N_SET_RQ


@dataclass(frozen=True, kw_only=True)
class NSetRsp(NResponse):
    """N-SET-RSP (PS3.7 10.3.3.2)."""

    command_field = CommandField.N_SET_RSP
    attribute_identifier_list: tuple[int, ...] | None = _element(0x1005)


@dataclass(frozen=True, kw_only=True)
class NActionRq(NRequest):
    """N-ACTION-RQ (PS3.7 10.3.4.1)."""

    command_field = CommandField.N_ACTION_RQ
    action_type_id: int = _required_element(0x1008)


@dataclass(frozen=True, kw_only=True)
class NActionRsp(NResponse):
    """N-ACTION-RSP (PS3.7 10.3.4.2)."""

    command_field = CommandField.N_ACTION_RSP
    action_type_id: int | None = _element(0x1008)


@dataclass(frozen=True, kw_only=True)
class NCreateRq(Request):
    """N-CREATE-RQ (PS3.7 10.3.5.1)."""

    command_field = CommandField.N_CREATE_RQ
    affected_sop_instance_uid: str | None = _element(0x1000)


@dataclass(frozen=True, kw_only=True)
class NCreateRsp(NResponse):
    """N-CREATE-RSP (PS3.7 10.3.5.2)."""

    command_field = CommandField.N_CREATE_RSP


@dataclass(frozen=True, kw_only=True)
class NDeleteRq(NRequest):
    """N-DELETE-RQ (PS3.7 10.3.6.1)."""

    command_field = CommandField.N_DELETE_RQ


@dataclass(frozen=True, kw_only=True)
class NDeleteRsp(NResponse):
    """N-DELETE-RSP (PS3.7 10.3.6.2)."""

    command_field = CommandField.N_DELETE_RSP


AnyRequest = Request | NRequest
"""Every request that has a response."""

MessageT = TypeVar("MessageT", bound=Message)

_MESSAGES: dict[int, type[Message]] = {
    kind.command_field: kind
    for kind in (
        *(CEchoRq, CEchoRsp, CStoreRq, CStoreRsp, CFindRq, CFindRsp, CGetRq, CGetRsp),
        *(CMoveRq, CMoveRsp, CCancelRq, NEventReportRq, NEventReportRsp, NGetRq, NGetRsp),
        *(NSetRq, NSetRsp, NActionRq, NActionRsp, NCreateRq, NCreateRsp, NDeleteRq, NDeleteRsp),
    )
}


def decode(data: bytes) -> Message:
    """Read a command set into its message.

    Raises
    ------
    InvalidDicom
        The bytes are no command set, the Command Field is missing or unknown, or an element that
        the message needs is missing.
    """
    values = command_set.decode(data)
    kind = _MESSAGES.get(cast(int, values.get(_COMMAND_FIELD, -1)))
    if kind is None:
        found = values.get(_COMMAND_FIELD, "absent")
        shown = f"{found:04X}H" if isinstance(found, int) else found
        raise InvalidDicom(f"CommandField (0000,0100) is {shown}: no message of PS3.7")
    names, numbers, defaults = _read(kind)
    # At once: the `__init__` of what is frozen sets one after the other by `object.__setattr__`.
    message = object.__new__(kind)
    attributes = message.__dict__
    attributes.update(zip(names, map(values.get, numbers, defaults), strict=True))
    if MISSING in attributes.values():
        raise _lacking(kind, attributes)
    return message


def respond(request: AnyRequest, status: int, **values: Any) -> Response:
    """Make the response that belongs to a request.

    Parameters
    ----------
    request
        What is answered.
    status
        Status (0000,0900).
    **values
        Further fields of the response, by their names.
    """
    kind = cast(type[Response], _MESSAGES[request.command_field | 0x8000])
    instance: str | None = None
    if isinstance(request, NRequest):
        sop_class, instance = request.requested_sop_class_uid, request.requested_sop_instance_uid
    else:
        sop_class = request.affected_sop_class_uid
        instance = getattr(request, "affected_sop_instance_uid", None)
    if instance:
        values.setdefault("affected_sop_instance_uid", instance)
    return kind(
        message_id_being_responded_to=request.message_id,
        affected_sop_class_uid=sop_class or None,
        status=status,
        **values,
    )


def _lacking(kind: type[Message], attributes: dict[str, Any]) -> InvalidDicom:
    number = next(n for n, name in _elements(kind).items() if attributes[name] is MISSING)
    keyword = command_set.ELEMENTS[number][0]
    return InvalidDicom(f"{kind.__name__} lacks {keyword} (0000,{number:04X})")


def _elements(kind: type[Message]) -> dict[int, str]:
    """Return the attributes of a message by the numbers of their elements."""
    return {f.metadata["element"]: f.name for f in fields(kind)}


@cache
def _written(kind: type[Message]) -> tuple[tuple[int, ...], Callable[[Message], tuple[Any, ...]]]:
    """Return the numbers of a message's elements, ascending, and what gets their values."""
    names = {_COMMAND_FIELD: "command_field", **_elements(kind)}
    numbers = tuple(sorted(names))
    return numbers, attrgetter(*(names[number] for number in numbers))


@cache
def _read(kind: type[Message]) -> tuple[tuple[str, ...], tuple[int, ...], tuple[Any, ...]]:
    """Return the names of a message's attributes, their elements, and what they are without."""
    elements = _elements(kind)
    return tuple(elements.values()), tuple(elements), tuple(f.default for f in fields(kind))
