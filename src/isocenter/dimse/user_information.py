"""The user information item of association PDUs (PS3.7 D.3.3, PS3.8 D.1)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Any

from isocenter.dimse.invalid_pdu import InvalidPdu
from isocenter.dimse.items import (
    ItemType,
    decode_text,
    encode_uid,
    item,
    iterate_items,
    prefixed,
    take_prefixed,
)

_U32 = Struct(">I")
_WINDOW = Struct(">HH")


class UserIdentityType(IntEnum):
    """What kind of proof a user identity carries (PS3.7 D.3.3.7.1)."""

    USERNAME = 1
    USERNAME_AND_PASSCODE = 2
    KERBEROS = 3
    SAML = 4
    JWT = 5


@dataclass(frozen=True, slots=True)
class RoleSelection:
    """Which roles the association's requestor takes for a SOP class (PS3.7 D.3.3.4).

    Parameters
    ----------
    sop_class_uid
        The SOP class that the roles are for.
    scu, scp
        Whether the requestor supports (or, in an answer, may take) the role.
    """

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class ExtendedNegotiation:
    """Service-class specific application information for a SOP class (PS3.7 D.3.3.5).

    Parameters
    ----------
    sop_class_uid
        The SOP class that it is for.
    information
        As the SOP class's service defines it (PS3.4).
    """

    sop_class_uid: str
    information: bytes


@dataclass(frozen=True, slots=True)
class CommonExtendedNegotiation:
    """Service class and related general SOP classes of a SOP class (PS3.7 D.3.3.6)."""

    sop_class_uid: str
    service_class_uid: str
    related_sop_class_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AsynchronousOperationsWindow:
    """How many operations may be outstanding; 0 means unlimited (PS3.7 D.3.3.3)."""

    invoked: int = 1
    performed: int = 1


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who the requestor's user is, with proof (PS3.7 D.3.3.7); the proof never enters a log.

    Parameters
    ----------
    kind
        See `UserIdentityType`.
    primary
        User name in UTF-8, Kerberos ticket, SAML assertion or JSON web token.
    secondary
        Passcode in UTF-8, with `USERNAME_AND_PASSCODE` only.
    response_requested
        Whether the acceptor has to answer for the user.
    """

    kind: int
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)
    response_requested: bool = False

    @property
    def name(self) -> str | None:
        """The user's name where the identity carries it in clear."""
        named = (UserIdentityType.USERNAME, UserIdentityType.USERNAME_AND_PASSCODE)
        return self.primary.decode("utf-8", "replace") if self.kind in named else None


@dataclass(frozen=True, slots=True)
class UserInformation:
    """Everything that one side says about itself while an association is negotiated.

    Parameters
    ----------
    maximum_length
        The longest P-DATA-TF variable field this side receives, in bytes; 0 is unlimited.
    implementation_class_uid, implementation_version_name
        Who wrote this side.
    window
        Asynchronous operations; `None` is the default of one each.
    roles, extended, common_extended
        Negotiations of single SOP classes.
    identity
        The requestor's user.
    identity_response
        The acceptor's answer to an identity that asked for one.
    """

    maximum_length: int = 0
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    window: AsynchronousOperationsWindow | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    identity: UserIdentity | None = None
    identity_response: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """Return the whole user information item (50H)."""
        parts = [item(ItemType.MAXIMUM_LENGTH, _U32.pack(self.maximum_length))]
        if self.implementation_class_uid:
            uid = encode_uid(self.implementation_class_uid)
            parts.append(item(ItemType.IMPLEMENTATION_CLASS_UID, uid))
        if self.window is not None:
            window = _WINDOW.pack(self.window.invoked, self.window.performed)
            parts.append(item(ItemType.ASYNCHRONOUS_OPERATIONS_WINDOW, window))
        parts += [item(ItemType.ROLE_SELECTION, _encode_role(role)) for role in self.roles]
        if self.implementation_version_name:
            name = self.implementation_version_name.encode("ascii")[:16]
            parts.append(item(ItemType.IMPLEMENTATION_VERSION_NAME, name))
        parts += [item(ItemType.EXTENDED_NEGOTIATION, _encode_extended(e)) for e in self.extended]
        parts += [
            item(ItemType.COMMON_EXTENDED_NEGOTIATION, _encode_common(common))
            for common in self.common_extended
        ]
        if self.identity is not None:
            parts.append(item(ItemType.USER_IDENTITY, _encode_identity(self.identity)))
        if self.identity_response is not None:
            response = prefixed(self.identity_response)
            parts.append(item(ItemType.USER_IDENTITY_RESPONSE, response))
        return item(ItemType.USER_INFORMATION, b"".join(parts))

    @classmethod
    def decode(cls, data: bytes) -> "UserInformation":
        """Read the content of a user information item; unknown sub-items are ignored.

        Raises
        ------
        InvalidPdu
            A known sub-item is malformed.
        """
        single: dict[str, Any] = {}
        repeated: dict[str, list[Any]] = {}
        for kind, content in iterate_items(data):
            if kind in _SINGLE:
                name, read = _SINGLE[kind]
                single[name] = read(content)
            elif kind in _REPEATED:
                name, read = _REPEATED[kind]
                repeated.setdefault(name, []).append(read(content))
        for name, values in repeated.items():
            single[name] = tuple(values)
        return cls(**single)


def _encode_role(role: RoleSelection) -> bytes:
    return prefixed(encode_uid(role.sop_class_uid)) + bytes((role.scu, role.scp))


def _encode_extended(extended: ExtendedNegotiation) -> bytes:
    return prefixed(encode_uid(extended.sop_class_uid)) + extended.information


def _encode_common(common: CommonExtendedNegotiation) -> bytes:
    related = b"".join(prefixed(encode_uid(uid)) for uid in common.related_sop_class_uids)
    return (
        prefixed(encode_uid(common.sop_class_uid))
        + prefixed(encode_uid(common.service_class_uid))
        + prefixed(related)
    )


def _encode_identity(identity: UserIdentity) -> bytes:
    head = bytes((identity.kind, identity.response_requested))
    return head + prefixed(identity.primary) + prefixed(identity.secondary)


def _exactly(content: bytes, length: int, name: str) -> bytes:
    if len(content) != length:
        raise InvalidPdu(f"the {name} sub-item has {len(content)} bytes where {length} belong")
    return content


def _maximum_length(content: bytes) -> int:
    return int(_U32.unpack(_exactly(content, 4, "maximum length"))[0])


def _window(content: bytes) -> AsynchronousOperationsWindow:
    name = "asynchronous operations window"
    return AsynchronousOperationsWindow(*_WINDOW.unpack(_exactly(content, 4, name)))


def _role(content: bytes) -> RoleSelection:
    uid, offset = take_prefixed(content, 0)
    scu, scp = _exactly(content[offset:], 2, "role selection")
    return RoleSelection(decode_text(uid), bool(scu), bool(scp))


def _extended(content: bytes) -> ExtendedNegotiation:
    uid, offset = take_prefixed(content, 0)
    return ExtendedNegotiation(decode_text(uid), content[offset:])


def _common_extended(content: bytes) -> CommonExtendedNegotiation:
    sop_class, offset = take_prefixed(content, 0)
    service_class, offset = take_prefixed(content, offset)
    # The related SOP classes may be left out by senders of the sub-item's first version.
    listed, _ = take_prefixed(content, offset) if offset < len(content) else (b"", offset)
    related: list[str] = []
    position = 0
    while position < len(listed):
        uid, position = take_prefixed(listed, position)
        related.append(decode_text(uid))
    return CommonExtendedNegotiation(
        decode_text(sop_class), decode_text(service_class), tuple(related)
    )


def _identity(content: bytes) -> UserIdentity:
    if len(content) < 2:
        raise InvalidPdu("the user identity sub-item ends before its type")
    primary, offset = take_prefixed(content, 2)
    secondary, _ = take_prefixed(content, offset)
    return UserIdentity(content[0], primary, secondary, bool(content[1]))


def _identity_response(content: bytes) -> bytes:
    return take_prefixed(content, 0)[0]


_SINGLE: dict[int, tuple[str, Callable[[bytes], Any]]] = {
    ItemType.MAXIMUM_LENGTH: ("maximum_length", _maximum_length),
    ItemType.IMPLEMENTATION_CLASS_UID: ("implementation_class_uid", decode_text),
    ItemType.IMPLEMENTATION_VERSION_NAME: ("implementation_version_name", decode_text),
    ItemType.ASYNCHRONOUS_OPERATIONS_WINDOW: ("window", _window),
    ItemType.USER_IDENTITY: ("identity", _identity),
    ItemType.USER_IDENTITY_RESPONSE: ("identity_response", _identity_response),
}
_REPEATED: dict[int, tuple[str, Callable[[bytes], Any]]] = {
    ItemType.ROLE_SELECTION: ("roles", _role),
    ItemType.EXTENDED_NEGOTIATION: ("extended", _extended),
    ItemType.COMMON_EXTENDED_NEGOTIATION: ("common_extended", _common_extended),
}
