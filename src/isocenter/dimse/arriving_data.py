"""The P-DATA-TF PDU that is arriving: its values are handed on piece by piece (PS3.8 9.3.5)."""

from isocenter.dimse.invalid_pdu import InvalidPdu
from isocenter.dimse.pdu import PDV_HEADER, PresentationDataValue

_LAST = 2


class ArrivingData:
    """Reads presentation data values in place, as much of them as is there.

    A value that has arrived in part is handed on as a fragment that is not the last one; so no PDU
    waits in memory for its end, and none is moved there.

    Attributes
    ----------
    left
        How many bytes of the PDU's variable field are still to be read; 0 where no PDU is arriving.
    """

    def __init__(self) -> None:
        self.left = 0
        self._value_left = 0
        self._context_id = 0
        self._control = 0

    def begin(self, length: int) -> None:
        """Begin with the variable field of a PDU, whose header was read.

        Raises
        ------
        InvalidPdu
            It has no room for a value.
        """
        if length == 0:
            raise InvalidPdu("a P-DATA-TF PDU carries no presentation data value")
        self.left = length

    def take(
        self, view: memoryview, start: int, end: int, into: list[PresentationDataValue]
    ) -> int:
        """Read on, without copying.

        Parameters
        ----------
        view
            The buffer that holds what came.
        start, end
            Where the unread bytes stand in it, of this PDU and behind it.
        into
            The list that the values are appended to.

        Returns
        -------
        int
            Where the unread bytes begin now: at the end of the PDU or of what is there, or at the
            header of a value that is not all there.

        Raises
        ------
        InvalidPdu
            A value reaches past the end of the PDU, or its length is under 2.
        """
        left, value_left = self.left, self._value_left
        end = min(end, start + left)
        while start < end:
            if not value_left:
                value_left = self._begin_value(view, start, end, left)
                if value_left < 0:
                    value_left = 0
                    break
                start += PDV_HEADER.size
                left -= PDV_HEADER.size
            stop = min(start + value_left, end)
            value_left -= stop - start
            left -= stop - start
            control = self._control & ~_LAST if value_left else self._control
            if start < stop or not value_left:
                into.append(PresentationDataValue(self._context_id, control, view[start:stop]))
            start = stop
        self.left, self._value_left = left, value_left
        return start

    def skip(self, start: int, end: int) -> int:
        """Pass over what is there of the PDU, as `take` but without looking at its values."""
        stop = min(end, start + self.left)
        self.left -= stop - start
        return stop

    def _begin_value(self, view: memoryview, start: int, end: int, left: int) -> int:
        """Read a value's header; returns how long the value is, -1 where more bytes are needed."""
        if left < PDV_HEADER.size:
            raise InvalidPdu("a presentation data value is cut off in its header")
        if end - start < PDV_HEADER.size:
            return -1
        length, self._context_id, self._control = PDV_HEADER.unpack_from(view, start)
        if length < 2 or length + 4 > left:
            raise InvalidPdu(
                f"a presentation data value claims {length} bytes where 2 to "
                f"{left - 4} are possible"
            )
        return length - 2
