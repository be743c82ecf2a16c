"""Transformations across the components of a JPEG 2000 codestream, undone (ISO/IEC 15444-2 J.2).

A stage takes components and makes others, by collections of them; stages follow one another. All is
computed in double precision, in which the whole numbers of the reversible kinds stay whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError

from .component_wavelets import Wavelet

__all__ = [
    "ArrayKind",
    "Collection",
    "Decorrelation",
    "Dependency",
    "ReversibleDecorrelation",
    "ReversibleDependency",
    "Transformations",
]

_MOST_MULTIPLICATIONS = 1 << 37
"""Of one frame: some seconds of a processor, and far beyond what frames need."""
_MOVED = 80
"""How much longer than a multiplication of large matrices moving or changing a value takes."""
_ROW_BY_ROW = 3
"""How much longer a multiplication takes where it is not one of large matrices."""
_MULTIPLICATIONS_A_STEP = 1 << 18
"""What could be multiplied in the time that a step takes for itself."""
_VALUES_AT_ONCE = 1 << 21
_WHOLE = float(1 << 52)
"""Below it, the sum of two whole numbers is exact in double precision."""
_LARGEST = float(1 << 50)
"""What components may become between stages."""

Values = NDArray[np.float64]
"""One row a component, one column a pixel."""


class ArrayKind(IntEnum):
    """What an array of an MCT segment is (ISO/IEC 15444-2 A.3.7)."""

    DEPENDENCY = 0
    DECORRELATION = 1
    OFFSET = 2


@dataclass(frozen=True, slots=True)
class _ByArray:
    """Components made of others by an array's elements.

    Parameters
    ----------
    inputs, outputs
        Indices of components, in the order of the array's columns and rows.
    array
        The array's elements, row by row; None for no transformation.
    offsets
        Added to each output; None for none.
    """

    reversible: ClassVar[bool] = False
    inputs: NDArray[np.intp]
    outputs: NDArray[np.intp]
    array: NDArray[np.float64] | None
    offsets: NDArray[np.float64] | None

    @property
    def steps(self) -> int:
        """Steps that follow one another."""
        return len(self.outputs)

    @property
    def multiplications(self) -> int:
        """Work for one pixel, in multiplications of a large matrix."""
        return _ROW_BY_ROW * (len(self.inputs) + _MOVED) * self.steps


@dataclass(frozen=True, slots=True)
class Decorrelation(_ByArray):
    """Irreversible decorrelation: a matrix, then offsets (J.2.1.1)."""

    @staticmethod
    def elements(inputs: int, outputs: int) -> int:
        """Count the elements of its array."""
        return inputs * outputs

    @property
    def multiplications(self) -> int:
        """Work for one pixel, in multiplications of a large matrix."""
        inputs, outputs = len(self.inputs), len(self.outputs)
        return inputs * outputs + _MOVED * (inputs + outputs)

    @property
    def steps(self) -> int:
        """Steps that follow one another."""
        return 1

    def undo(self, values: Values) -> Values:
        """Make the outputs of the inputs."""
        if self.array is not None:
            values = self.array.reshape(len(self.outputs), -1) @ values
        return _moved(values, self.offsets)


@dataclass(frozen=True, slots=True)
class Dependency(_ByArray):
    """Irreversible dependency: offsets, then each component predicted by those before it.

    The array is the triangle below the diagonal, row by row.
    """

    @staticmethod
    def elements(inputs: int, outputs: int) -> int:
        """Count the elements of its array."""
        return inputs * (inputs - 1) // 2

    def undo(self, values: Values) -> Values:
        """Make the outputs of the inputs."""
        values = _moved(values, self.offsets)
        if self.array is not None:
            first = 0
            for row in range(1, len(values)):
                values[row] += self.array[first : first + row] @ values[:row]
                first += row
        return values


@dataclass(frozen=True, slots=True)
class ReversibleDecorrelation(_ByArray):
    """Reversible decorrelation: lifting steps in whole numbers, then offsets (J.2.1.1).

    The array has a row for each component and a column for each step, one more than components. A
    step changes one component by the others: the last first, and the last once more at the end. The
    element in the changed component's row is the divisor, a power of two; that of the last step may
    be negative, which changes the sign.
    """

    reversible: ClassVar[bool] = True

    @staticmethod
    def elements(inputs: int, outputs: int) -> int:
        """Count the elements of its array."""
        return inputs * (inputs + 1)

    @property
    def steps(self) -> int:
        """Steps that follow one another."""
        return len(self.outputs) + 1

    def undo(self, values: Values) -> Values:
        """Make the outputs of the inputs."""
        if self.array is not None:
            count = len(values)
            steps = self.array.reshape(count, count + 1)
            largest = np.abs(values).max(axis=1, initial=0)
            for step in range(count + 1):
                row = count - 1 - step % count
                factors = steps[:, step].copy()
                divisor, factors[row] = factors[row], 0
                negative = divisor < 0 and step == count
                divisor = -divisor if negative else divisor
                changed = values[row] - _divided(factors, values, largest, divisor)
                values[row] = -changed if negative else changed
                largest[row] = np.abs(changed).max(initial=0)
        return _moved(values, self.offsets)


@dataclass(frozen=True, slots=True)
class ReversibleDependency(_ByArray):
    """Reversible dependency: offsets, then each component predicted in whole numbers.

    The array is the triangle with its diagonal but for the first row, row by row; the diagonal
    holds the divisors, which are powers of two.
    """

    reversible: ClassVar[bool] = True

    @staticmethod
    def elements(inputs: int, outputs: int) -> int:
        """Count the elements of its array."""
        return inputs * (inputs + 1) // 2 - 1

    def undo(self, values: Values) -> Values:
        """Make the outputs of the inputs."""
        values = _moved(values, self.offsets)
        if self.array is not None:
            largest = np.abs(values).max(axis=1, initial=0)
            first = 0
            for row in range(1, len(values)):
                factors = self.array[first : first + row]
                divisor = float(self.array[first + row])
                values[row] += _divided(factors, values[:row], largest[:row], divisor)
                largest[row] = np.abs(values[row]).max(initial=0)
                first += row + 1
        return values


Collection = Decorrelation | Dependency | ReversibleDecorrelation | ReversibleDependency | Wavelet
"""Components that are made of others in one stage."""


def _moved(values: Values, offsets: NDArray[np.float64] | None) -> Values:
    return values if offsets is None else values + offsets[:, None]


def _divided(
    factors: NDArray[np.float64], values: Values, largest: NDArray[np.float64], divisor: float
) -> NDArray[np.float64]:
    """Divide a weighted sum and round half up, in whole numbers."""
    if divisor < 1 or np.frexp(divisor)[0] != 0.5:
        raise PixelDataError(
            f"the JPEG 2000 frame divides components by {divisor:g} in a reversible transformation "
            "(MCT (FF74) of Part 2); expected a power of two"
        )
    if float(np.abs(factors) @ largest) + divisor >= _WHOLE:
        raise PixelDataError(
            "the JPEG 2000 frame's reversible transformation (MCT (FF74) of Part 2) makes numbers "
            "beyond 52 bits, which cannot be computed exactly"
        )
    return np.floor((factors @ values + divisor // 2) / divisor)


@dataclass(frozen=True, slots=True)
class Transformations:
    """Stages that are undone one behind the other, in the order of MCO.

    Parameters
    ----------
    stages
        The collections of each.
    components
        Components behind each stage.
    widest
        The most components that there are at once, or that a collection takes.
    """

    stages: tuple[tuple[Collection, ...], ...]
    components: tuple[int, ...]
    widest: int

    @classmethod
    def of(
        cls, stages: Sequence[tuple[Collection, ...]], inputs: int, outputs: int, exact: bool
    ) -> "Transformations":
        """Check that stages fit each other, and in front and behind.

        Parameters
        ----------
        stages
            The collections of each.
        inputs
            Components of the codestream (Csiz).
        outputs
            Components that shall come out (CBD).
        exact
            Whether the components of the codestream are exact.

        Raises
        ------
        PixelDataError
            When a stage takes components that there are not, does not make each of its components
            once, or undoes reversibly what is not exact.
        """
        counts: list[int] = []
        known = np.full(inputs, exact)
        for stage in stages:
            known = _behind(stage, known)
            counts.append(len(known))
        if counts[-1] != outputs:
            raise PixelDataError(
                f"the transformations of the JPEG 2000 frame make {counts[-1]} components (MCC "
                f"(FF75) of Part 2), its CBD (FF78) speaks of {outputs}"
            )
        taken = [len(collection.inputs) for stage in stages for collection in stage]
        return cls(tuple(stages), tuple(counts), max(inputs, *counts, *taken))

    def check_work(self, pixels: int) -> None:
        """Refuse what would take too long.

        Raises
        ------
        PixelDataError
            When an image of so many pixels takes too many multiplications.
        """
        collections = [collection for stage in self.stages for collection in stage]
        parts = -(-pixels // self._pixels_at_once)
        work = pixels * sum(each.multiplications for each in collections)
        work += parts * sum(each.steps for each in collections) * _MULTIPLICATIONS_A_STEP
        if work > _MOST_MULTIPLICATIONS:
            raise PixelDataError(
                "the transformations of the JPEG 2000 frame (MCC (FF75) of Part 2) would take as "
                f"long as {work:.1e} multiplications; at most {_MOST_MULTIPLICATIONS:.1e} are done"
            )

    @property
    def _pixels_at_once(self) -> int:
        return max(_VALUES_AT_ONCE // self.widest, 1)

    def undo(
        self,
        samples: NDArray[np.int32],
        scales: NDArray[np.float64],
        dtype: np.dtype[Any],
        limits: tuple[int, int],
    ) -> NDArray[Any]:
        """Make the image's components of those of the codestream.

        Parameters
        ----------
        samples
            `(rows, columns, components of the codestream)`.
        scales
            What each of these was multiplied with.
        dtype, limits
            Type, smallest and largest value of the result.

        Returns
        -------
        ndarray
            `(rows, columns, components)`, rounded and clipped.
        """
        rows, columns, inputs = samples.shape
        pixels = samples.reshape(-1, inputs)
        result = np.empty((len(pixels), self.components[-1]), dtype)
        step = self._pixels_at_once
        for first in range(0, len(pixels), step):
            values = pixels[first : first + step].T / scales[:, None]
            for stage, count in zip(self.stages, self.components, strict=True):
                with np.errstate(over="ignore", invalid="ignore"):  # told by `_undone`
                    values = _undone(stage, count, values)
            result[first : first + step] = np.clip(np.rint(values), *limits).T
        return result.reshape(rows, columns, -1)


def _behind(stage: tuple[Collection, ...], exact: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each component behind a stage is exact."""
    made = sum(len(collection.outputs) for collection in stage)
    behind = np.zeros(made, np.bool_)
    seen = np.zeros(made, np.bool_)
    for collection in stage:
        if collection.inputs.max() >= len(exact):
            raise PixelDataError(
                "a transformation of the JPEG 2000 frame takes component "
                f"{collection.inputs.max()} (MCC (FF75) of Part 2), there are {len(exact)}"
            )
        if collection.reversible and not exact[collection.inputs].all():
            raise PixelDataError(
                "the JPEG 2000 frame transforms components reversibly (MCC (FF75) of Part 2) that "
                "are not exact, as they come out of something irreversible; expected the "
                "reversible wavelet transformation (COD)"
            )
        inside = collection.outputs[collection.outputs < made]
        seen[inside] = True
        behind[inside] = collection.reversible
    if not made or not seen.all():
        raise PixelDataError(
            f"a stage of the JPEG 2000 frame's transformations (MCC (FF75) of Part 2) makes {made} "
            "components that are not the first ones, each once"
        )
    return behind


def _undone(stage: tuple[Collection, ...], count: int, values: Values) -> Values:
    behind = np.empty((count, values.shape[1]))
    for collection in stage:
        behind[collection.outputs] = collection.undo(values[collection.inputs])
    if not np.abs(behind).max(initial=0) < _LARGEST:
        raise PixelDataError(
            "the transformations of the JPEG 2000 frame (MCC (FF75) of Part 2) make numbers beyond "
            "50 bits"
        )
    return behind
