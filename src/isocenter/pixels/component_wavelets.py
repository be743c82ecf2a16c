"""Wavelet transformations across the components of a JPEG 2000 codestream, undone.

ISO/IEC 15444-2 J.2.2: components are the samples of a line, which the wavelets of ISO/IEC 15444-1
annex F put together, level by level.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Wavelet"]

Values = NDArray[np.float64]

_ALPHA, _BETA = -1.586134342059924, -0.052980118572961
_GAMMA, _DELTA = 0.882911075530934, 0.443506852043971
_K = 1.230174104914001
"""Parameters of the 9-7 wavelet (ISO/IEC 15444-1 table F.4)."""


@dataclass(frozen=True, slots=True)
class Wavelet:
    """A line of components, by the 5-3 or the 9-7 wavelet, then offsets.

    Parameters
    ----------
    inputs
        Indices of components: the low-pass ones, then the high-pass ones from the lowest level on.
    outputs
        Indices of the components along the line.
    reversible
        Whether the wavelet is the reversible 5-3, and not the irreversible 9-7.
    levels
        How often low-pass components were divided.
    first
        Where the line begins (Omcc); components at even places are low-pass.
    offsets
        Added to each output; None for none.
    """

    inputs: NDArray[np.intp]
    outputs: NDArray[np.intp]
    reversible: bool
    levels: int
    first: int
    offsets: Values | None

    @property
    def multiplications(self) -> int:
        """Work for one pixel, in multiplications of a large matrix."""
        # As measured: a value is moved and changed some six times, whatever the levels.
        return 500 * len(self.outputs) + 20 * self.levels

    @property
    def steps(self) -> int:
        """Steps that follow one another."""
        return 4 * self.levels + 1

    def undo(self, values: Values) -> Values:
        """Make the outputs of the inputs."""
        ends = [(self.first, self.first + len(self.outputs))]
        for _ in range(self.levels):
            ends.append((-(-ends[-1][0] // 2), -(-ends[-1][1] // 2)))
        position = ends[-1][1] - ends[-1][0]
        line = values[:position]
        for start, stop in reversed(ends[:-1]):
            odd = start & 1
            level = np.empty((stop - start, values.shape[1]))
            level[odd::2] = line
            count = stop - start - len(line)
            level[1 - odd :: 2] = values[position : position + count]
            position += count
            line = self._put_together(level, odd)
        return line if self.offsets is None else line + self.offsets[:, None]

    def _put_together(self, level: Values, odd: int) -> Values:
        """Undo one level (ISO/IEC 15444-1 F.3.6 to F.3.8)."""
        if len(level) == 1:
            half = np.trunc(level / 2) if self.reversible else level / 2
            return half if odd else level
        low, high = odd, 1 - odd
        if self.reversible:
            level[low::2] -= np.floor((_beside(level, low) + 2) / 4)
            level[high::2] += np.floor(_beside(level, high) / 2)
            return level
        level[low::2] *= _K
        level[high::2] /= _K
        for first, factor in ((low, _DELTA), (high, _GAMMA), (low, _BETA), (high, _ALPHA)):
            level[first::2] -= factor * _beside(level, first)
        return level


def _beside(level: Values, first: int) -> Values:
    """Sum what stands before and behind every second sample, mirrored at the ends."""
    places = np.arange(first, len(level), 2)
    last = len(level) - 1
    return level[np.abs(places - 1)] + level[last - np.abs(last - places - 1)]
