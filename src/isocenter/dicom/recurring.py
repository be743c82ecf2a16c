"""What headers that come one after the other have in common, passed over in one step.

From slice to slice of a series most elements stay what they are, byte for byte. Neighbours that
stayed make up a stretch, which is remembered with the values that a scan keeps of it: the same
bytes, where an element begins, are the same elements again.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from isocenter.dicom.encoding import UNDEFINED_LENGTH, Layout, element_value, skip_undefined

__all__ = ["RecurringElements", "Stretch"]

Stretch = tuple[bytes, dict[int, bytes]]
"""Whole elements of the top level, and the values that are kept of them, by tag."""

_LONGEST_HEADER = 1 << 15
# Who sends one series for so long may send another next: what varied before may recur from then on.
_FORGET_AFTER = 256
# From here on the place of an element counts, not its value alone.
_PIXELS_GROUP = 0x7FE0


@dataclass(frozen=True, slots=True)
class _Element:
    raw: int
    start: int
    value: int
    stop: int


class RecurringElements(threading.local):
    """The memory of the scans that one thread does one after the other; each thread has its own.

    Learning takes as long as a few scans. It is done at the first header, the second, the fourth
    and so on, and only where not all that is remembered came again: headers that have nothing in
    common cost little more than without it.

    Attributes
    ----------
    stretches
        What recurred lately, by the raw tag of the first element.
    """

    def __init__(self) -> None:
        self._layout: Layout | None = None
        self._wanted: Mapping[int, int] = {}
        self._forget()

    def _forget(self) -> None:
        self.stretches: dict[int, Stretch] = {}
        self._met = 0
        self._next_lesson = 1
        self._last: dict[int, bytes] = {}
        self._varying: set[int] = set()

    def prepare(self, layout: Layout, wanted: Mapping[int, int]) -> None:
        """Make ready for a header of a layout, of which the `wanted` values are kept.

        Parameters
        ----------
        layout
            How the data set is laid out.
        wanted
            Raw tags to tags.
        """
        if layout is not self._layout or wanted is not self._wanted:
            self._layout, self._wanted = layout, wanted
            self._forget()

    def met(self, data: bytes, end: int, *, missed: bool) -> None:
        """Take note of a header that was scanned.

        Parameters
        ----------
        data
            The header, from its first element on.
        end
            Where it ends.
        missed
            Whether an element that begins a stretch was met, and another than that stretch.
        """
        self._met += 1
        if self._met >= _FORGET_AFTER:
            self._forget()
        elif self._met >= self._next_lesson and (missed or not self.stretches):
            self._next_lesson = 2 * self._met
            if end <= _LONGEST_HEADER:
                self._learn(data, end)

    def _learn(self, data: bytes, end: int) -> None:
        assert self._layout is not None
        last, varying = self._last, self._varying
        elements = list(_elements(data, end, self._layout))
        self._last = {each.raw: data[each.start : each.stop] for each in elements}
        if not last:
            return
        varying |= {each.raw for each in elements if last.get(each.raw) != self._last[each.raw]}
        stretches: list[list[_Element]] = []
        for element in elements:
            if element.raw in varying:
                continue
            if stretches and stretches[-1][-1].stop == element.start:
                stretches[-1].append(element)
            else:
                stretches.append([element])
        self.stretches = {each[0].raw: self._stretch(data, each) for each in stretches}

    def _stretch(self, data: bytes, elements: list[_Element]) -> Stretch:
        values = {
            self._wanted[each.raw]: data[each.value : each.stop]
            for each in elements
            if each.raw in self._wanted
        }
        return data[elements[0].start : elements[-1].stop], values


def _elements(data: bytes, end: int, layout: Layout) -> Iterator[_Element]:
    """Find the elements whose own bytes alone tell what they are and where they end."""
    offset = 0
    while offset < end:
        raw, vr, _ = layout.unpack_element(data, offset)
        if raw in (0, layout.item_end, layout.sequence_end):
            return
        if layout.raw_tag(raw) >> 16 >= _PIXELS_GROUP:
            return
        value, length, inner = element_value(data, offset, layout, layout.implicit)
        if length == UNDEFINED_LENGTH:
            offset = skip_undefined(data, value, layout, implicit=inner)
            continue
        if layout.implicit or vr in layout.short or vr in layout.long:
            yield _Element(raw, offset, value, value + length)
        offset = value + length
