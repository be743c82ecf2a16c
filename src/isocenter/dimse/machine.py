"""The DIMSE protocol machine without I/O: whole messages over the upper layer (PS3.7 8, PS3.8).

Its operations are generators. Each `yield` says what the operation waits for; the driver, blocking
or asynchronous, sends what is to be sent, receives, and resumes. So every exchange is written once.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from isocenter.dimse import fragments, messages
from isocenter.dimse.address import host_and_port
from isocenter.dimse.indications import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    Indication,
    ReleaseIndication,
)
from isocenter.dimse.invalid_pdu import AbortReason, AbortSource
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.messages import AnyRequest, Message, Response
from isocenter.dimse.negotiation import AssociationInfo, NegotiatedContext, agreed_contexts
from isocenter.dimse.pdu import AssociateRj, AssociateRq, PresentationDataValue
from isocenter.dimse.state_machine import State
from isocenter.dimse.upper_layer import Role, UpperLayer
from isocenter.errors import (
    AssociationAborted,
    AssociationError,
    AssociationRejected,
    InvalidDicom,
    LimitExceeded,
)

T = TypeVar("T")

Buffer = bytes | memoryview

DataSet = bytes | Iterable[Buffer] | None
"""A data set as it is sent: whole, or as consecutive pieces; `None` for a message without one."""


class Wait(StrEnum):
    """What an operation waits for; all but `SENT` need bytes from the peer."""

    SENT = "that the data is taken"
    ASSOCIATE_RQ = "an association request"
    ASSOCIATE_AC = "the answer to the association request"
    RELEASE_RP = "the answer to the release request"
    MESSAGE = "the next message"
    REST = "the rest of a message"
    RESPONSE = "the response"
    CLOSE = "the peer to close the connection"

    @property
    def starts_anew(self) -> bool:
        """Whether each PDU gives the peer the whole time once more."""
        return self not in (Wait.ASSOCIATE_RQ, Wait.RELEASE_RP, Wait.CLOSE)


def seconds_by_wait(timeouts: Timeouts) -> dict[Wait, float]:
    """Return how long each wait for the peer lasts at most."""
    return {
        Wait.ASSOCIATE_RQ: timeouts.artim,
        Wait.ASSOCIATE_AC: timeouts.associate,
        Wait.RELEASE_RP: timeouts.associate,
        Wait.MESSAGE: timeouts.idle,
        Wait.REST: timeouts.transfer,
        Wait.RESPONSE: timeouts.response,
        Wait.CLOSE: timeouts.close,
    }


Operation = Generator[Wait, None, T]


@dataclass(frozen=True, slots=True)
class Received:
    """A message and the presentation context that it came on."""

    context_id: int
    message: Message


# Where a release collision leaves it to this side to answer: the requestor answers the request at
# once, the acceptor after its own was answered (PS3.8 AR-8 to AR-10).
_COLLIDED = (
    State.COLLISION_REQUESTOR_AWAITING_LOCAL_RESPONSE,
    State.COLLISION_ACCEPTOR_AWAITING_LOCAL_RESPONSE,
)

_OVER = (State.IDLE, State.AWAITING_TRANSPORT_CLOSE)

# A batch of many tiny fragments is handed on early: each view costs memory of its own.
_BATCH = 1000

# So many bytes are handed on while the peer still sends the next: they are written meanwhile, and
# the memory that they stood in is used again while it is still in the processor's cache.
_PIECE = 1 << 18
# A data set begins with smaller ones: its header is looked at early, and of an object of the usual
# size little is left to write when its last byte is here.
_EARLY_PIECE = 1 << 16
_EARLY = 1 << 19


class Machine:
    """One association's messages.

    Parameters
    ----------
    role
        Which side this is.
    limits
        Sizes that are not exceeded.

    Attributes
    ----------
    contexts
        The presentation contexts agreed on, by id.
    data_set_is_open
        Whether part of the last message's data set is still to be read.
    """

    def __init__(self, role: Role, limits: Limits) -> None:
        self.upper = UpperLayer(
            role,
            maximum_length=limits.maximum_length,
            associate_limit=limits.associate_pdu,
            buffer_size=limits.buffer,
        )
        self.limits = limits
        self.contexts: Mapping[int, NegotiatedContext] = {}
        self.data_set_is_open = False
        self._fragment_size = fragments.fragment_size(0)
        self._command = bytearray()
        self._context_id = 0
        # Of the open data set: what waits to be handed on, how many bytes came, and how many before
        # that.
        self._batch: list[memoryview] = []
        self._received = 0
        self._received_before = 0

    # Making and ending the association

    def agree(self, contexts: Mapping[int, NegotiatedContext], peer_maximum_length: int) -> None:
        """Take over what was negotiated."""
        self.contexts = contexts
        # A peer too small for any data can still be told so by a release or an abort.
        if peer_maximum_length == 0 or peer_maximum_length > 6:
            self._fragment_size = fragments.fragment_size(peer_maximum_length)
        else:
            self._fragment_size = 0

    def await_request(self) -> Operation[AssociateRq]:
        """Wait for the peer's association request."""
        indication = yield from self._indication(Wait.ASSOCIATE_RQ)
        if not isinstance(indication, AssociateIndication):
            raise AssociationError(f"unexpected {type(indication).__name__}")
        return indication.request

    def associate(self, request: AssociateRq, peer: tuple[str, int]) -> Operation[AssociationInfo]:
        """Ask for an association over a transport connection that stands.

        Raises
        ------
        AssociationRejected, AssociationAborted
            The peer does not want it.
        """
        self.upper.associate(request)
        self.upper.connected()
        indication = yield from self._indication(Wait.ASSOCIATE_AC)
        if not isinstance(indication, AssociateConfirmation):
            raise AssociationError(f"unexpected {type(indication).__name__}")
        answer = indication.answer
        if isinstance(answer, AssociateRj):
            where = f"{request.called_ae}@{host_and_port(*peer)}"
            message = f"{where}: association {answer.describe()}"
            raise AssociationRejected(message, answer.result, answer.source, answer.reason)
        theirs = answer.user_information
        self.agree(agreed_contexts(request, answer), theirs.maximum_length)
        return AssociationInfo(
            request.calling_ae,
            request.called_ae,
            *peer,
            implementation_class_uid=theirs.implementation_class_uid,
            implementation_version_name=theirs.implementation_version_name,
            maximum_length=theirs.maximum_length,
        )

    def release(self) -> Operation[None]:
        """Release the association; data that still arrives is dropped (PS3.8 7.2)."""
        self.upper.release()
        while self.upper.state not in _OVER:
            yield from self._indication(Wait.RELEASE_RP)
            if self.upper.state in _COLLIDED:
                self.upper.respond_release()

    def close(self) -> Operation[None]:
        """Wait until the peer closes, when it is the peer's turn to (Sta13)."""
        while self.upper.state is State.AWAITING_TRANSPORT_CLOSE:
            while self.upper.read_on():
                pass  # what is not looked at any more would leave no room to receive into
            self.upper.values.clear()
            self.upper.buffer.recycle()
            yield Wait.CLOSE

    # Receiving

    def receive(self, wait: Wait = Wait.MESSAGE) -> Operation[Received | None]:
        """Wait for the next message; `None` when the peer released the association.

        What is left unread of the message before is skipped.

        Raises
        ------
        AssociationAborted
            The association is over, by the peer or because it broke the protocol.
        """
        while self.data_set_is_open:
            yield from self.fragments()
        upper = self.upper
        while True:
            while upper.values:
                message = self._take_command(upper.values.popleft())
                if message is not None:
                    return Received(self._context_id, message)
            if not upper.read_on():
                if upper.indications:
                    self._take_release()
                    if self._command:
                        raise AssociationAborted("the peer released inside a message")
                    return None
                self._make_ready_to_wait(may_recycle=True)
                yield Wait.REST if self._command or upper.is_inside_pdu else wait

    def fragments(self) -> Operation[list[memoryview]]:
        """Wait for the next fragments of the data set; `data_set_is_open` tells when it ends.

        The views are true until the next operation.

        Raises
        ------
        AssociationAborted
            As `receive`.
        LimitExceeded
            The data set is longer than `Limits.data_set`; the association is aborted.
        """
        while (batch := self.take_fragments()) is None:
            yield Wait.REST
        return batch

    def take_fragments(self) -> list[memoryview] | None:
        """Take the next fragments of the data set; `None` where more must be received before.

        Raises
        ------
        AssociationAborted, LimitExceeded
            As `fragments`.
        """
        upper, batch = self.upper, self._batch
        values = upper.values
        while True:
            while values:
                context_id, control, data = values.popleft()
                if control & 1 or context_id != self._context_id:
                    raise self._misplaced(control)
                if data:
                    batch.append(data)
                    self._received += len(data)
                if control & 2:
                    self.data_set_is_open = False
                    return self._handed_on()
                if len(batch) >= _BATCH:
                    return self._handed_on()
            if batch and self._is_worth_handing_on():
                return self._handed_on()
            if not upper.read_on():
                if upper.indications:
                    self._take_release()
                    raise AssociationAborted("the peer released inside a message")
                self._make_ready_to_wait(may_recycle=not batch)
                return None

    def _is_worth_handing_on(self) -> bool:
        piece = _EARLY_PIECE if self._received_before <= _EARLY else _PIECE
        return (
            self._received - self._received_before >= piece
            or self._received > self.limits.data_set  # and is refused there
            or self.upper.buffer.is_short
        )

    def _handed_on(self) -> list[memoryview]:
        if self._received > self.limits.data_set:
            self.upper.abort()
            raise LimitExceeded(
                f"a data set is longer than {self.limits.data_set} bytes (limit: data_set)"
            )
        batch, self._batch = self._batch, []
        self._received_before = self._received
        return batch

    def read_data_set(self) -> Operation[bytes]:
        """Wait for the whole data set; for those that are small, as identifiers are.

        Raises
        ------
        LimitExceeded
            It is longer than `Limits.identifier`; the association is aborted.
        """
        data = bytearray()
        while self.data_set_is_open:
            for fragment in (yield from self.fragments()):
                data += fragment
            if len(data) > self.limits.identifier:
                self.upper.abort()
                raise LimitExceeded(
                    f"a data set of more than {self.limits.identifier} bytes where it must fit "
                    "into memory (limit: identifier)"
                )
        return bytes(data)

    def _take_command(self, value: PresentationDataValue) -> Message | None:
        context_id, control, data = value
        if not control & 1:
            raise self._fault("a data set fragment arrived where a command set belongs")
        if context_id not in self.contexts:
            raise self._fault(f"presentation context {context_id} was not accepted")
        if self._command and context_id != self._context_id:
            raise self._fault("fragments of two messages are mixed")
        self._context_id = context_id
        self._command += data
        if len(self._command) > self.limits.command_set:
            raise self._fault(f"a command set is longer than {self.limits.command_set} bytes")
        if not control & 2:
            return None
        encoded = bytes(self._command)
        self._command.clear()
        try:
            message = messages.decode(encoded)
        except InvalidDicom as error:
            raise self._fault(str(error)) from error
        self.data_set_is_open = message.has_data_set
        self._batch, self._received, self._received_before = [], 0, 0
        return message

    def _misplaced(self, control: int) -> AssociationAborted:
        if control & 1:
            return self._fault("a command set fragment arrived where a data set belongs")
        return self._fault("fragments of two messages are mixed")

    def _fault(self, message: str) -> AssociationAborted:
        """Abort for a message that breaks PS3.7, and return the error that says so."""
        self.upper.abort(AbortReason.INVALID_PARAMETER_VALUE, AbortSource.SERVICE_PROVIDER)
        return AssociationAborted(
            message, AbortSource.SERVICE_PROVIDER, AbortReason.INVALID_PARAMETER_VALUE
        )

    def _take_release(self) -> None:
        """Agree to the release that was indicated; another end of the association raises."""
        indication = self._take_indication()
        if not isinstance(indication, ReleaseIndication):
            raise AssociationError(f"unexpected {type(indication).__name__}")
        # What came behind the request may have ended the association already.
        if self.upper.state is State.AWAITING_LOCAL_RELEASE_RESPONSE:
            self.upper.respond_release()

    def _take_indication(self) -> Indication:
        indication = self.upper.indications.popleft()
        if isinstance(indication, AbortIndication):
            raise indication.error()
        return indication

    def _indication(self, wait: Wait) -> Operation[Indication]:
        """Wait for what is no data; data that comes before it is dropped."""
        upper = self.upper
        while not upper.indications:
            upper.values.clear()
            if not upper.read_on():
                self._make_ready_to_wait(may_recycle=True)
                yield wait
        return self._take_indication()

    def _make_ready_to_wait(self, *, may_recycle: bool) -> None:
        upper = self.upper
        if upper.state in _OVER:
            raise upper.over()
        if may_recycle:
            upper.buffer.views_are_out = False

    # Sending

    def encoded(self, context_id: int, message: Message) -> list[Buffer]:
        """Encode a message's command set as PDUs, to be sent by `UpperLayer.send_p_data`."""
        size = self._fragment_size
        if size == 0:
            raise AssociationError("the peer's maximum length leaves no room for any data")
        return fragments.p_data(context_id, message.encode(), size, command=True)

    def send(self, context_id: int, message: Message, data: DataSet = None) -> Operation[None]:
        """Send a message.

        Parameters
        ----------
        context_id
            The presentation context, one of `contexts`.
        message
            The command set.
        data
            The data set where the message has one: whole, or as consecutive pieces, which are
            asked for one after the other when the one before is sent.
        """
        self.upper.send_p_data(self.encoded(context_id, message))
        if data is None:
            return
        pieces = (data,) if isinstance(data, bytes) else data
        try:
            yield from self._send_pieces(context_id, pieces, self._fragment_size)
        except Exception:
            # Half a message is out: when its rest cannot be read, nothing else can follow.
            self.upper.abort()
            raise

    def _send_pieces(self, context_id: int, pieces: Iterable[Buffer], size: int) -> Operation[None]:
        pending: Buffer | None = None
        for piece in pieces:
            if pending is not None:
                self.upper.send_p_data(
                    fragments.p_data(context_id, pending, size, command=False, last=False)
                )
                yield Wait.SENT
            pending = piece
        last = b"" if pending is None else pending
        self.upper.send_p_data(fragments.p_data(context_id, last, size, command=False))

    def exchange(
        self, context_id: int, request: AnyRequest, data: DataSet = None
    ) -> Operation[Response]:
        """Send a request and wait for its response.

        Raises
        ------
        AssociationError
            Something else than the response arrived, or the association ended.
        """
        yield from self.send(context_id, request, data)
        return (yield from self.await_response(request))

    def await_response(self, request: AnyRequest) -> Operation[Response]:
        """Wait for the response to a request that was sent."""
        received = yield from self.receive(Wait.RESPONSE)
        if received is None:
            raise AssociationAborted("the peer released the association instead of responding")
        response = received.message
        if not isinstance(response, Response):
            raise self._fault(f"{type(response).__name__} arrived where a response belongs")
        if response.message_id_being_responded_to != request.message_id:
            raise self._fault(
                f"a response to message {response.message_id_being_responded_to} arrived where "
                f"message {request.message_id} was sent"
            )
        return response
