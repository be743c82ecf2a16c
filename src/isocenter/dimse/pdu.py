"""The protocol data units of the upper layer and their bytes (PS3.8 9.3)."""

from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct

from isocenter.dimse.invalid_pdu import AbortReason, AbortSource, InvalidPdu
from isocenter.dimse.items import ItemType, decode_text, encode_uid, item, iterate_items
from isocenter.dimse.user_information import UserInformation

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
"""DICOM's only application context name (PS3.7 A.2.1)."""

PDU_HEADER = Struct(">BxI")
PDV_HEADER = Struct(">IBB")
_VERSION = Struct(">H")
_SHORT = Struct(">BxIxBBB")
_RESERVED_TITLES = bytes(32)
_FIXED_FIELDS = 68


class PduType(IntEnum):
    """The first byte of every PDU."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class ContextResult(IntEnum):
    """What an acceptor says to a proposed presentation context (PS3.8 9.3.3.2)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


class RejectResult(IntEnum):
    """Whether trying again later makes sense (PS3.8 9.3.4)."""

    PERMANENT = 1
    TRANSIENT = 2


class RejectSource(IntEnum):
    """Which part of the acceptor rejects (PS3.8 9.3.4)."""

    SERVICE_USER = 1
    SERVICE_PROVIDER_ACSE = 2
    SERVICE_PROVIDER_PRESENTATION = 3


PresentationDataValue = tuple[int, int, memoryview]
"""One fragment of a message: presentation context id, message control header and its bytes.

Bit 0 of the message control header says that it belongs to a command set, not to a data set; bit 1
that it is its set's last (PS3.8 9.3.5.1 and Annex E.2). The bytes are a view into the receive
buffer, true until that buffer's `recycle`.
"""


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context as proposed: an id, an abstract syntax, transfer syntaxes.

    Parameters
    ----------
    context_id
        Odd, 1 to 255.
    abstract_syntax
        UID of a SOP class.
    transfer_syntaxes
        UIDs, in order of preference.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]

    def encode(self) -> bytes:
        """Return the presentation context item (20H).

        Returns
        -------
        bytes
            The item's header of 4 bytes included.
        """
        parts = [bytes((self.context_id, 0, 0, 0))]
        parts.append(item(ItemType.ABSTRACT_SYNTAX, encode_uid(self.abstract_syntax)))
        parts += [item(ItemType.TRANSFER_SYNTAX, encode_uid(uid)) for uid in self.transfer_syntaxes]
        return item(ItemType.PRESENTATION_CONTEXT_RQ, b"".join(parts))

    @classmethod
    def decode(cls, content: bytes) -> "ProposedContext":
        """Read a presentation context item's content.

        Parameters
        ----------
        content
            All that the item's length counts.

        Returns
        -------
        ProposedContext
            With an empty abstract syntax or no transfer syntax where these are missing.

        Raises
        ------
        InvalidPdu
            The content or a sub-item is cut off.
        """
        if len(content) < 4:
            raise InvalidPdu("a presentation context item ends before its sub-items")
        abstract_syntax, transfer_syntaxes = "", list[str]()
        for kind, value in iterate_items(content[4:]):
            if kind == ItemType.ABSTRACT_SYNTAX:
                abstract_syntax = decode_text(value)
            elif kind == ItemType.TRANSFER_SYNTAX:
                transfer_syntaxes.append(decode_text(value))
        return cls(content[0], abstract_syntax, tuple(transfer_syntaxes))


@dataclass(frozen=True, slots=True)
class ContextAnswer:
    """The acceptor's answer to one proposed context.

    `transfer_syntax` is significant only with `ContextResult.ACCEPTANCE`.
    """

    context_id: int
    result: int
    transfer_syntax: str = ""

    def encode(self) -> bytes:
        """Return the presentation context item (21H)."""
        uid = encode_uid(self.transfer_syntax)
        content = bytes((self.context_id, 0, self.result, 0)) + item(ItemType.TRANSFER_SYNTAX, uid)
        return item(ItemType.PRESENTATION_CONTEXT_AC, content)

    @classmethod
    def decode(cls, content: bytes) -> "ContextAnswer":
        """Read a presentation context item's content."""
        if len(content) < 4:
            raise InvalidPdu("a presentation context item ends before its sub-items")
        transfer_syntax = ""
        for kind, value in iterate_items(content[4:]):
            if kind == ItemType.TRANSFER_SYNTAX:
                transfer_syntax = decode_text(value)
        return cls(content[0], content[2], transfer_syntax)


@dataclass(frozen=True, slots=True)
class AssociateRq:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2).

    Parameters
    ----------
    called_ae, calling_ae
        Titles of acceptor and requestor, 1 to 16 characters.
    contexts
        What is proposed, in the order of the PDU.
    user_information
        What the requestor says about itself.
    application_context
        DICOM's only one.
    protocol_version
        Bit 0 stands for version 1, the only one.
    """

    called_ae: str
    calling_ae: str
    contexts: tuple[ProposedContext, ...]
    user_information: UserInformation
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1
    reserved: bytes = field(default=b"", repr=False, compare=False)
    """Bytes 11 to 74 as received: an acceptance returns them unchanged (PS3.8 9.3.3)."""

    def encode(self) -> bytes:
        """Return the whole PDU.

        Returns
        -------
        bytes
            The header of 6 bytes included.
        """
        contexts = b"".join(context.encode() for context in self.contexts)
        return _associate(PduType.ASSOCIATE_RQ, self, contexts)

    @classmethod
    def decode(cls, body: bytes) -> "AssociateRq":
        """Read the PDU's bytes behind its header.

        Parameters
        ----------
        body
            All that the PDU's length counts.

        Returns
        -------
        AssociateRq
            As received: AE titles without padding, unknown items left out.

        Raises
        ------
        InvalidPdu
            A field is missing, malformed or reaches past its end.
        """
        fields = _fixed_fields(body)
        contexts = list[ProposedContext]()
        application_context, user_information = "", UserInformation()
        for kind, content in iterate_items(body[_FIXED_FIELDS:]):
            if kind == ItemType.APPLICATION_CONTEXT:
                application_context = decode_text(content)
            elif kind == ItemType.PRESENTATION_CONTEXT_RQ:
                contexts.append(ProposedContext.decode(content))
            elif kind == ItemType.USER_INFORMATION:
                user_information = UserInformation.decode(content)
        version, called, calling = fields
        return cls(
            called,
            calling,
            tuple(contexts),
            user_information,
            application_context,
            version,
            body[4:_FIXED_FIELDS],
        )


@dataclass(frozen=True, slots=True)
class AssociateAc:
    """A-ASSOCIATE-AC (PS3.8 9.3.3)."""

    called_ae: str
    calling_ae: str
    contexts: tuple[ContextAnswer, ...]
    user_information: UserInformation
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1
    reserved: bytes = field(default=b"", repr=False, compare=False)

    def encode(self) -> bytes:
        """Return the whole PDU."""
        contexts = b"".join(context.encode() for context in self.contexts)
        return _associate(PduType.ASSOCIATE_AC, self, contexts)

    @classmethod
    def decode(cls, body: bytes) -> "AssociateAc":
        """Read the PDU's bytes behind its header.

        Raises
        ------
        InvalidPdu
            A field is missing, malformed or reaches past its end.
        """
        version, called, calling = _fixed_fields(body)
        contexts = list[ContextAnswer]()
        application_context, user_information = "", UserInformation()
        for kind, content in iterate_items(body[_FIXED_FIELDS:]):
            if kind == ItemType.APPLICATION_CONTEXT:
                application_context = decode_text(content)
            elif kind == ItemType.PRESENTATION_CONTEXT_AC:
                contexts.append(ContextAnswer.decode(content))
            elif kind == ItemType.USER_INFORMATION:
                user_information = UserInformation.decode(content)
        return cls(called, calling, tuple(contexts), user_information, application_context, version)


@dataclass(frozen=True, slots=True)
class AssociateRj:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4); `describe` says it in words.

    Parameters
    ----------
    result
        See `RejectResult`.
    source
        See `RejectSource`.
    reason
        Its meaning depends on the source.
    """

    result: int
    source: int
    reason: int

    def encode(self) -> bytes:
        """Return the whole PDU.

        Returns
        -------
        bytes
            10 bytes, the header of 6 included.
        """
        return _SHORT.pack(PduType.ASSOCIATE_RJ, 4, self.result, self.source, self.reason)

    @classmethod
    def decode(cls, body: bytes) -> "AssociateRj":
        """Read the PDU's four bytes behind its header.

        Parameters
        ----------
        body
            Reserved byte, result, source, reason; at least 4 bytes.

        Returns
        -------
        AssociateRj
            With the numbers as received, known or not.
        """
        return cls(body[1], body[2], body[3])

    def describe(self) -> str:
        """Return the rejection as the standard words it.

        Returns
        -------
        str
            Such as `rejected (permanent): called AE title not recognized`; numbers for what is
            unknown.
        """
        lasting = {1: "permanent", 2: "transient"}.get(self.result, f"result {self.result}")
        reason = _REJECT_REASONS.get((self.source, self.reason), f"reason {self.reason}")
        return f"rejected ({lasting}): {reason}"


@dataclass(frozen=True, slots=True)
class ReleaseRq:
    """A-RELEASE-RQ (PS3.8 9.3.6)."""

    def encode(self) -> bytes:
        """Return the whole PDU."""
        return _SHORT.pack(PduType.RELEASE_RQ, 4, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ReleaseRp:
    """A-RELEASE-RP (PS3.8 9.3.7)."""

    def encode(self) -> bytes:
        """Return the whole PDU."""
        return _SHORT.pack(PduType.RELEASE_RP, 4, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 9.3.8)."""

    source: int = AbortSource.SERVICE_USER
    reason: int = AbortReason.NOT_SPECIFIED

    def encode(self) -> bytes:
        """Return the whole PDU."""
        return _SHORT.pack(PduType.ABORT, 4, 0, self.source, self.reason)

    @classmethod
    def decode(cls, body: bytes) -> "Abort":
        """Read the PDU's four bytes behind its header."""
        return cls(body[2], body[3])

    def describe(self) -> str:
        """Return who aborted and why, as the standard words it."""
        if self.source == AbortSource.SERVICE_USER:
            return "aborted by the service user"
        try:
            reason = AbortReason(self.reason).name.replace("_", " ").lower()
        except ValueError:
            reason = f"reason {self.reason}"
        return f"aborted by the service provider: {reason}"


AnyPdu = AssociateRq | AssociateAc | AssociateRj | ReleaseRq | ReleaseRp | Abort

_REJECT_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}


def decode(kind: int, body: bytes) -> AnyPdu:
    """Read one PDU other than P-DATA-TF.

    Parameters
    ----------
    kind
        The PDU's type, its first byte.
    body
        All bytes behind the 6-byte header.

    Raises
    ------
    InvalidPdu
        The type is unknown or the content breaks PS3.8.
    """
    if kind == PduType.ASSOCIATE_RQ:
        return AssociateRq.decode(body)
    if kind == PduType.ASSOCIATE_AC:
        return AssociateAc.decode(body)
    if len(body) != 4:
        raise InvalidPdu(f"a PDU of type {kind:02X}H has {len(body)} bytes where 4 belong")
    match kind:
        case PduType.ASSOCIATE_RJ:
            return AssociateRj.decode(body)
        case PduType.RELEASE_RQ:
            return ReleaseRq()
        case PduType.RELEASE_RP:
            return ReleaseRp()
        case PduType.ABORT:
            return Abort.decode(body)
        case _:
            raise InvalidPdu(f"PDU type {kind:02X}H is unknown", AbortReason.UNRECOGNIZED_PDU)


def _title(text: str) -> bytes:
    return text.encode("ascii", "replace")[:16].ljust(16)


def _associate(kind: PduType, pdu: AssociateRq | AssociateAc, contexts: bytes) -> bytes:
    titles = pdu.reserved or _title(pdu.called_ae) + _title(pdu.calling_ae) + _RESERVED_TITLES
    body = b"".join(
        (
            _VERSION.pack(pdu.protocol_version),
            bytes(2),
            titles,
            item(ItemType.APPLICATION_CONTEXT, encode_uid(pdu.application_context)),
            contexts,
            pdu.user_information.encode(),
        )
    )
    return PDU_HEADER.pack(kind, len(body)) + body


def _fixed_fields(body: bytes) -> tuple[int, str, str]:
    if len(body) < _FIXED_FIELDS:
        raise InvalidPdu(f"an association PDU has {len(body)} bytes where at least 68 belong")
    (version,) = _VERSION.unpack_from(body)
    return version, decode_text(body[4:20]), decode_text(body[20:36])
