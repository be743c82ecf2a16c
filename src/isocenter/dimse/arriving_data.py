"""P-DATA-TF PDUs as they arrive: their values are handed on piece by piece (PS3.8 9.3.5)."""

from collections import deque

from isocenter.dimse.invalid_pdu import InvalidPdu
from isocenter.dimse.pdu import PDU_HEADER, PDV_HEADER, PduType, PresentationDataValue
from isocenter.dimse.receive_buffer import ReceiveBuffer

_P_DATA_TF = int(PduType.P_DATA_TF)
_PDU_HEADER_SIZE, _PDV_HEADER_SIZE = PDU_HEADER.size, PDV_HEADER.size
_LAST = 2
_SHORTEST_PDU = 10
# Each view takes far more memory than the smallest value that it can be of.
_MOST_VALUES = 4096


class ArrivingData:
    """Reads presentation data values in place, as much of them as is there.

    A value that has arrived in part is handed on as a fragment that is not the last one; so no PDU
    waits in memory for its end, and none is moved there.

    Parameters
    ----------
    maximum_length
        The longest variable field that is taken, in bytes.

    Attributes
    ----------
    left
        How many bytes of a PDU's variable field are still to be read; 0 between two PDUs.
    completed
        How many PDUs were read to their end.
    """

    def __init__(self, maximum_length: int) -> None:
        self._maximum_length = maximum_length
        self.left = 0
        self.completed = 0
        self._value_left = 0
        self._context_id = 0
        self._control = 0

    def take(self, buffer: ReceiveBuffer, into: deque[PresentationDataValue]) -> bool:
        """Read on without copying: the rest of a PDU and the P-DATA-TF PDUs behind it.

        Parameters
        ----------
        buffer
            What came. Its unread bytes begin, afterwards, with a header that is not all there, or
            with the header of a PDU that is no P-DATA-TF or has no length that one can have.
        into
            What the values are appended to.

        Returns
        -------
        bool
            Whether it stopped because so many came.

        Raises
        ------
        InvalidPdu
            A value reaches past the end of its PDU, or its length is under 2.
        """
        view, start, end = buffer.view, buffer.start, buffer.end
        pdu_end, value_end = start + self.left, start + self._value_left
        goes_on = False
        for _ in range(_MOST_VALUES):
            if start == end:
                break
            if start == value_end:
                if start == pdu_end:
                    length = self._length_of_pdu(view, start, end)
                    if not length:
                        break
                    start = value_end = start + _PDU_HEADER_SIZE
                    pdu_end = start + length
                if end - start < _PDV_HEADER_SIZE <= pdu_end - start:
                    break
                value_end = self._begin_value(view, start, pdu_end)
                start += _PDV_HEADER_SIZE
            stop, control = value_end, self._control
            if stop > end:
                stop, control = end, control & ~_LAST
            into.append((self._context_id, control, view[start:stop]))
            start = stop
            if start == pdu_end:
                self.completed += 1
        else:
            goes_on = True
        buffer.start = start
        self.left, self._value_left = pdu_end - start, value_end - start
        return goes_on

    @property
    def sure_to_come(self) -> int:
        """How many bytes must come behind those that were read, whatever the peer does in order.

        The rest of the PDU; and where its message goes on, the shortest PDU that there is.
        """
        left = self.left
        if left and left == self._value_left and not self._control & _LAST:
            return left + _SHORTEST_PDU
        return left

    def begin(self, length: int) -> None:
        """Begin with a PDU whose header was read elsewhere.

        Raises
        ------
        InvalidPdu
            It has no room for a value.
        """
        if length == 0:
            raise InvalidPdu("a P-DATA-TF PDU carries no presentation data value")
        self.left = length

    def skip(self, buffer: ReceiveBuffer) -> None:
        """Pass over what is there of the PDU without looking at its values."""
        skipped = min(buffer.end - buffer.start, self.left)
        buffer.start += skipped
        self.left -= skipped
        if not self.left:
            self.completed += 1

    def _length_of_pdu(self, view: memoryview, start: int, end: int) -> int:
        """Read a PDU's header; 0 where it is for others to judge."""
        if end - start < _PDU_HEADER_SIZE:
            return 0
        kind, length = PDU_HEADER.unpack_from(view, start)
        return length if kind == _P_DATA_TF and length <= self._maximum_length else 0

    def _begin_value(self, view: memoryview, start: int, pdu_end: int) -> int:
        """Read a value's header; returns where the value ends."""
        left = pdu_end - start
        if left < _PDV_HEADER_SIZE:
            raise InvalidPdu("a presentation data value is cut off in its header")
        length, self._context_id, self._control = PDV_HEADER.unpack_from(view, start)
        if length < 2 or length + 4 > left:
            raise InvalidPdu(
                f"a presentation data value claims {length} bytes where 2 to "
                f"{left - 4} are possible"
            )
        return start + 4 + length
