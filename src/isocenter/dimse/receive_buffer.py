"""The memory that received bytes land in, parsed in place."""


class ReceiveBuffer:
    """A window of bytes that a socket fills at its end and a parser takes from its start.

    Views into it stay true for as long as their holder likes: memory is only used again after
    `recycle`, by which the holder says that it has let go of all views. Without `recycle` the
    buffer moves on to fresh memory instead.

    Parameters
    ----------
    initial
        Size at first, in bytes; small, so that an idle association costs little.
    maximum
        Size up to which it grows while a data set streams in.

    Attributes
    ----------
    view
        All of its memory.
    start, end
        Which of the memory holds bytes that nobody parsed yet: who fills `space` moves `end`, who
        parses moves `start`.
    views_are_out
        Whether views were handed out since the last `recycle`.
    """

    def __init__(self, initial: int, maximum: int) -> None:
        self._initial = initial
        self._maximum = max(initial, maximum)
        self.view = memoryview(bytearray(initial))
        self.start = 0
        self.end = 0
        self.views_are_out = False

    def space(self, needed: int) -> memoryview:
        """Return free memory for the next receive.

        Parameters
        ----------
        needed
            How long the unfinished PDU at `start` will be at least, in bytes.
        """
        size = len(self.view)
        if self.start == self.end and not self.views_are_out:
            self.start = self.end = 0
            if needed <= size:
                return self.view
        if self.start + needed > size or size - self.end < min(4096, size):
            self._make_room(needed)
        return self.view[self.end :]

    def recycle(self) -> None:
        """Take note that no view is used any more: the memory may be written again."""
        self.views_are_out = False

    @property
    def is_short(self) -> bool:
        """Whether it has grown to its maximum and little is free: time to let go of views."""
        size = len(self.view)
        return size >= self._maximum and size - self.end < size // 4

    def shrink(self) -> None:
        """Give memory back while nothing is in it and no view is used."""
        if self.start == self.end and not self.views_are_out and len(self.view) > self._initial:
            self.view = memoryview(bytearray(self._initial))
            self.start = self.end = 0

    def _make_room(self, needed: int) -> None:
        tail = self.end - self.start
        if self.views_are_out or needed > len(self.view):
            grown = min(self._maximum, 4 * len(self.view))
            fresh = memoryview(bytearray(max(grown, needed, self._initial)))
            fresh[:tail] = self.view[self.start : self.end]
            self.view = fresh
            self.views_are_out = False
        else:
            self.view[:tail] = self.view[self.start : self.end]
        self.start, self.end = 0, tail
