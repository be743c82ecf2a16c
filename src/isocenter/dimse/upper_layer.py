"""The DICOM upper layer without I/O: bytes in, events out, bytes to send (PS3.8).

No socket, no thread and no clock is in here. A driver puts received bytes in, takes indications and
bytes to send out, runs the ARTIM timer while `artim_runs`, and closes the transport when told.
"""

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum

from isocenter.dimse import pdu as codec
from isocenter.dimse.arriving_data import ArrivingData
from isocenter.dimse.indications import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    Indication,
    ReleaseConfirmation,
    ReleaseIndication,
)
from isocenter.dimse.invalid_pdu import AbortReason, AbortSource, InvalidPdu
from isocenter.dimse.pdu import (
    PDU_HEADER,
    Abort,
    AssociateAc,
    AssociateRj,
    AssociateRq,
    PduType,
    PresentationDataValue,
    RejectResult,
    RejectSource,
    ReleaseRp,
    ReleaseRq,
)
from isocenter.dimse.receive_buffer import ReceiveBuffer
from isocenter.dimse.state_machine import TRANSITIONS, Action, Event, State
from isocenter.errors import AssociationAborted, AssociationError


class Role(Enum):
    """Which side of the association this is."""

    REQUESTOR = "requestor"
    ACCEPTOR = "acceptor"


_EVENTS = {
    PduType.ASSOCIATE_RQ: Event.ASSOCIATE_RQ_RECEIVED,
    PduType.ASSOCIATE_AC: Event.ASSOCIATE_AC_RECEIVED,
    PduType.ASSOCIATE_RJ: Event.ASSOCIATE_RJ_RECEIVED,
    PduType.RELEASE_RQ: Event.RELEASE_RQ_RECEIVED,
    PduType.RELEASE_RP: Event.RELEASE_RP_RECEIVED,
    PduType.ABORT: Event.ABORT_RECEIVED,
}

# In these states data is indicated (DT-2, AR-6), which does not change them. What came of a PDU
# before this side aborted in its middle was indicated; its rest is not.
_INDICATING_DATA = (State.ESTABLISHED, State.AWAITING_RELEASE_RP)

_HEADER_SIZE = PDU_HEADER.size
_P_DATA_TF = int(PduType.P_DATA_TF)
_ANY_LENGTH = 0xFFFFFFFF

Parameter = codec.AnyPdu | InvalidPdu | Sequence[bytes | memoryview] | None


class UpperLayer:
    """One connection's protocol machine.

    Parameters
    ----------
    role
        Whether this side requests or accepts the association.
    maximum_length
        The longest P-DATA-TF variable field that this side announces and takes, in bytes; 0 is
        unlimited (PS3.8 D.1.1). It need not fit into the buffer: data is handed on as it comes.
    associate_limit
        The longest association PDU taken, in bytes.
    buffer_size
        Up to how many received bytes are held at a time.

    Attributes
    ----------
    values
        The fragments of messages that came and were not taken yet, the first first: all of them
        came before what ended the association. More needs `read_on` or more bytes.
    indications
        What else happened and was not taken yet.
    to_send
        What `data_to_send` would return.
    buffer
        Where received bytes stand: the views of `values` are true until its `recycle`.

    Notes
    -----
    A length field is checked before memory is taken for what it promises.
    """

    def __init__(
        self,
        role: Role,
        *,
        maximum_length: int = 1 << 18,
        associate_limit: int = 1 << 19,
        buffer_size: int = 1 << 20,
    ) -> None:
        self.role = role
        self.state = State.IDLE
        self.artim_runs = False
        self.close_transport = False
        self._length_limits = dict.fromkeys(map(int, _EVENTS), 4)
        self._length_limits[PduType.ASSOCIATE_RQ] = associate_limit
        self._length_limits[PduType.ASSOCIATE_AC] = associate_limit
        self._length_limits[PduType.P_DATA_TF] = maximum_length or _ANY_LENGTH
        self.buffer = ReceiveBuffer(1 << 16, buffer_size)
        self._arriving = ArrivingData(self._length_limits[PduType.P_DATA_TF])
        self._needed = PDU_HEADER.size
        self._lost_track = False
        self._more_is_here = False
        self.values: deque[PresentationDataValue] = deque()
        self.indications: deque[Indication] = deque()
        self.to_send: list[bytes | memoryview] = []
        self._request: AssociateRq | None = None
        self._end: AbortIndication | None = None
        self._actions: dict[Action, Callable[[Parameter], None]] = {
            action: getattr(self, f"_{action.name.lower()}") for action in Action
        }

    # What a driver does: bytes in, indications and bytes out

    def space(self) -> memoryview:
        """Return free memory to receive into; tell with `received` how much came."""
        return self.buffer.space(self._needed)

    @property
    def sure_to_come(self) -> int:
        """How many bytes a peer that keeps to PS3.8 still sends without waiting for anything.

        Whoever waits for all of them, or for fewer, keeps nobody waiting.
        """
        sure = self._arriving.sure_to_come
        return sure - (self.buffer.end - self.buffer.start) if sure else 0

    def received(self, count: int) -> None:
        """Take the bytes that were put into `space()`.

        Parameters
        ----------
        count
            How many; 0 says that the peer closed the connection.
        """
        if count == 0:
            self.transport_closed()
        elif not (self._lost_track or self.close_transport):
            self.buffer.end += count
            self._parse()

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take received bytes from elsewhere; `space` and `received` save this copy."""
        view = memoryview(data)
        while len(view) and not self._is_deaf:
            room = self.space()
            count = min(len(room), len(view))
            room[:count] = view[:count]
            view = view[count:]
            self.received(count)
            while self.read_on():
                pass

    def read_on(self) -> bool:
        """Read what is here already, where so many values came that reading stopped.

        Whoever has taken all `values` asks for it before more is received.

        Returns
        -------
        bool
            Whether there was anything to read.
        """
        if not self._more_is_here or self._is_deaf:
            return False
        self._more_is_here = False
        self._parse()
        return True

    def data_to_send(self) -> list[bytes | memoryview]:
        """Return, and forget, what is to be sent: buffers to be written one behind the other."""
        data, self.to_send = self.to_send, []
        return data

    @property
    def pdus_received(self) -> int:
        """How many PDUs came to their end."""
        return self._arriving.completed

    @property
    def is_inside_pdu(self) -> bool:
        """Whether a PDU has begun to arrive and is not complete."""
        return self._arriving.left > 0 or self.buffer.start != self.buffer.end

    # What the service user asks for

    def associate(self, request: AssociateRq) -> None:
        """Ask for an association (requestor); the driver then connects and says `connected`."""
        self._request = request
        self._happen(Event.ASSOCIATE_REQUEST, request)

    def connected(self) -> None:
        """Say that the transport connection stands."""
        if self.role is Role.REQUESTOR:
            self._happen(Event.TRANSPORT_CONFIRMED)
        else:
            self._happen(Event.TRANSPORT_INDICATED)

    def accept(self, answer: AssociateAc) -> None:
        """Accept the association that was indicated."""
        self._happen(Event.ASSOCIATE_RESPONSE_ACCEPT, answer)

    def reject(self, answer: AssociateRj) -> None:
        """Reject the association that was indicated."""
        self._happen(Event.ASSOCIATE_RESPONSE_REJECT, answer)

    def send_p_data(self, buffers: Sequence[bytes | memoryview]) -> None:
        """Send P-DATA-TF PDUs, made by `fragments.p_data`.

        Raises
        ------
        AssociationAborted
            The association is over.
        """
        self._happen(Event.P_DATA_REQUEST, buffers)

    def release(self) -> None:
        """Ask the peer to release the association."""
        self._happen(Event.RELEASE_REQUEST)

    def respond_release(self) -> None:
        """Agree to the release that was indicated."""
        self._happen(Event.RELEASE_RESPONSE)

    def abort(
        self,
        reason: AbortReason = AbortReason.NOT_SPECIFIED,
        source: AbortSource = AbortSource.SERVICE_USER,
    ) -> None:
        """Abort the association; without effect when it is already over or not yet begun."""
        if (Event.ABORT_REQUEST, self.state) in TRANSITIONS:
            self._happen(Event.ABORT_REQUEST, Abort(source, reason))
        elif self.state is State.AWAITING_ASSOCIATE_RQ:
            self._happen(Event.ARTIM_EXPIRED)

    def artim_expired(self) -> None:
        """Say that the ARTIM timer ran out."""
        if self.artim_runs:
            self._happen(Event.ARTIM_EXPIRED)

    def transport_closed(self) -> None:
        """Say that the transport connection is gone."""
        self._lost_track = True
        if (Event.TRANSPORT_CLOSED, self.state) in TRANSITIONS:
            self._happen(Event.TRANSPORT_CLOSED)

    @property
    def is_established(self) -> bool:
        """Whether data may be sent."""
        return (Event.P_DATA_REQUEST, self.state) in TRANSITIONS

    def over(self) -> AssociationAborted:
        """Return the error of whoever goes on although the association is over: it says why."""
        return self._end.error() if self._end else AssociationAborted("the association is over")

    # Parsing

    @property
    def _is_deaf(self) -> bool:
        """Whether what comes is thrown away: not understood any more, or all is over."""
        return self._lost_track or self.close_transport

    def _parse(self) -> None:
        buffer, arriving = self.buffer, self._arriving
        try:
            while True:
                if self.state in _INDICATING_DATA:
                    buffer.views_are_out = True
                    self._more_is_here = arriving.take(buffer, self.values)
                    if self._more_is_here:
                        return
                elif arriving.left:
                    arriving.skip(buffer)
                available = buffer.end - buffer.start
                if arriving.left or available < _HEADER_SIZE:
                    self._needed = _HEADER_SIZE  # of a value or of a PDU: both have as many bytes
                    return
                kind, length = PDU_HEADER.unpack_from(buffer.view, buffer.start)
                if kind not in self._length_limits or length > self._length_limits[kind]:
                    raise self._invalid_header(kind, length)
                if kind == _P_DATA_TF:
                    buffer.start += _HEADER_SIZE
                    self._begin_data(length)
                elif available < length + _HEADER_SIZE:
                    self._needed = length + _HEADER_SIZE
                    return
                else:
                    self._take_pdu(kind, length)
                    if self._is_deaf:
                        return
        except InvalidPdu as error:
            # Where the next PDU begins is unknown now: nothing behind this can be understood.
            self._lost_track = True
            arriving.completed += 1
            buffer.start = buffer.end
            self._happen(Event.INVALID_PDU, error)

    def _invalid_header(self, kind: int, length: int) -> InvalidPdu:
        if kind not in self._length_limits:
            return InvalidPdu(f"PDU type {kind:02X}H is unknown", AbortReason.UNRECOGNIZED_PDU)
        return InvalidPdu(
            f"a PDU of type {kind:02X}H claims {length} bytes where at most "
            f"{self._length_limits[kind]} are agreed"
        )

    def _take_pdu(self, kind: int, length: int) -> None:
        self._arriving.completed += 1
        buffer = self.buffer
        start = buffer.start + PDU_HEADER.size
        buffer.start = start + length
        decoded = codec.decode(kind, bytes(buffer.view[start : buffer.start]))
        self._happen(_EVENTS[PduType(kind)], decoded)

    def _begin_data(self, length: int) -> None:
        if self.state not in _INDICATING_DATA:
            self._happen(Event.P_DATA_RECEIVED)
            if not length:
                return
        self._arriving.begin(length)

    # Transitions and actions (PS3.8 Tables 9-6 to 9-10)

    def _happen(self, event: Event, parameter: Parameter = None) -> None:
        transition = TRANSITIONS.get((event, self.state))
        if transition is None:
            if self.state in (State.IDLE, State.AWAITING_TRANSPORT_CLOSE):
                raise self.over()
            raise AssociationError(f"{event.name} cannot happen in {self.state.name}")
        action, self.state = transition
        self._actions[action](parameter)

    def _send(self, pdu: codec.AnyPdu) -> None:
        self.to_send.append(pdu.encode())

    def _ae_1(self, _: Parameter) -> None:
        """Ask for the transport connection: the driver does that by itself."""

    def _ae_2(self, _: Parameter) -> None:
        assert self._request is not None
        self._send(self._request)

    def _ae_3(self, parameter: Parameter) -> None:
        assert isinstance(parameter, AssociateAc)
        self.indications.append(AssociateConfirmation(parameter))

    def _ae_4(self, parameter: Parameter) -> None:
        assert isinstance(parameter, AssociateRj)
        self.indications.append(AssociateConfirmation(parameter))
        self.close_transport = True

    def _ae_5(self, _: Parameter) -> None:
        self.artim_runs = True

    def _ae_6(self, parameter: Parameter) -> None:
        assert isinstance(parameter, AssociateRq)
        self.artim_runs = False
        # Later versions set further bits: only bit 0 says that version 1 is spoken (PS3.8 9.3.2).
        if parameter.protocol_version & 1:
            self.indications.append(AssociateIndication(parameter))
            return
        rejection = AssociateRj(RejectResult.PERMANENT, RejectSource.SERVICE_PROVIDER_ACSE, 2)
        self._send(rejection)
        self._end_for(Abort(), rejection.describe())
        self.artim_runs = True
        self.state = State.AWAITING_TRANSPORT_CLOSE

    def _ae_7(self, parameter: Parameter) -> None:
        assert isinstance(parameter, AssociateAc)
        self._send(parameter)

    def _ae_8(self, parameter: Parameter) -> None:
        assert isinstance(parameter, AssociateRj)
        self._send(parameter)
        self.artim_runs = True

    def _dt_1(self, parameter: Parameter) -> None:
        assert isinstance(parameter, Sequence)
        self.to_send.extend(parameter)

    def _dt_2(self, _: Parameter) -> None:
        """Indicate data: `_parse` does, as it comes."""

    def _ar_1(self, _: Parameter) -> None:
        self._send(ReleaseRq())

    def _ar_2(self, _: Parameter) -> None:
        self.indications.append(ReleaseIndication())

    def _ar_3(self, _: Parameter) -> None:
        self.indications.append(ReleaseConfirmation())
        self.close_transport = True

    def _ar_4(self, _: Parameter) -> None:
        self._send(ReleaseRp())
        self.artim_runs = True

    def _ar_5(self, _: Parameter) -> None:
        self.artim_runs = False
        self.close_transport = True

    _ar_6 = _dt_2
    _ar_7 = _dt_1

    def _ar_8(self, _: Parameter) -> None:
        self.indications.append(ReleaseIndication(collision=True))
        if self.role is Role.ACCEPTOR:
            self.state = State.COLLISION_ACCEPTOR_AWAITING_RELEASE_RP

    def _ar_9(self, _: Parameter) -> None:
        self._send(ReleaseRp())

    def _ar_10(self, _: Parameter) -> None:
        self.indications.append(ReleaseConfirmation())

    def _aa_1(self, parameter: Parameter) -> None:
        if isinstance(parameter, Abort):
            self._send(parameter)
        else:
            self._send(Abort())
            self._end_for(_provider_abort(parameter), _fault(parameter))
        self.artim_runs = True

    def _aa_2(self, parameter: Parameter) -> None:
        if isinstance(parameter, Abort):
            self._end_for(parameter, parameter.describe(), by_peer=True)
        self.artim_runs = False
        self.close_transport = True

    def _aa_3(self, parameter: Parameter) -> None:
        assert isinstance(parameter, Abort)
        self.indications.append(self._end_for(parameter, parameter.describe(), by_peer=True))
        self.close_transport = True

    def _aa_4(self, _: Parameter) -> None:
        self.indications.append(self._end_for(_CLOSED, "it closed the connection", by_peer=True))
        self.close_transport = True

    def _aa_5(self, _: Parameter) -> None:
        self._end_for(_CLOSED, "it closed the connection", by_peer=True)
        self.artim_runs = False
        self.close_transport = True

    def _aa_6(self, _: Parameter) -> None:
        """Ignore the PDU."""

    def _aa_7(self, parameter: Parameter) -> None:
        self._send(_provider_abort(parameter))

    def _aa_8(self, parameter: Parameter) -> None:
        abort = _provider_abort(parameter)
        self._send(abort)
        self.indications.append(self._end_for(abort, _fault(parameter)))
        self.artim_runs = True

    def _end_for(self, abort: Abort, detail: str, *, by_peer: bool = False) -> AbortIndication:
        """Take down why the association is over, also where the standard has no indication."""
        self._end = AbortIndication(abort.source, abort.reason, by_peer, detail)
        return self._end


_CLOSED = Abort(AbortSource.SERVICE_PROVIDER, AbortReason.NOT_SPECIFIED)


def _provider_abort(parameter: Parameter) -> Abort:
    invalid = isinstance(parameter, InvalidPdu)
    reason = parameter.reason if invalid else AbortReason.UNEXPECTED_PDU
    return Abort(AbortSource.SERVICE_PROVIDER, reason)


def _fault(parameter: Parameter) -> str:
    return str(parameter) if isinstance(parameter, InvalidPdu) else "it sent a PDU out of turn"
