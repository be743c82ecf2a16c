"""Overlay planes of a presentation state, and layers of an image's own (PS3.3 C.9.2, C.11.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import InvalidAttribute, PixelDataError
from isocenter.pixels.attributes import Attributes
from isocenter.pixels.overlays import overlay_bits, read_overlays

__all__ = ["Overlay", "OverlayActivation", "read_activations", "read_state_overlays"]

_ROWS, _COLUMNS, _DESCRIPTION, _TYPE, _ORIGIN = 0x10, 0x11, 0x22, 0x40, 0x50
_ALLOCATED, _POSITION, _LAYER, _LABEL, _DATA = 0x100, 0x102, 0x1001, 0x1500, 0x3000


@dataclass(frozen=True, eq=False)
class Overlay:
    """An overlay plane that the presentation state brings along.

    Parameters
    ----------
    bits
        `(rows, columns)`, true where it is drawn.
    group
        0x6000 to 0x601E, even; an overlay of the image in the same group is not shown.
    origin
        Row and column of its first pixel in the image, counted from 1.
    kind
        `G` graphics or `R` region of interest.
    label, description
        What it is called, and what it is.
    layer
        The graphic layer that it is drawn in; empty for one that is not drawn, such as the bitmap
        of a shutter.
    """

    bits: NDArray[np.bool_]
    group: int = 0x6000
    origin: tuple[int, int] = (1, 1)
    kind: str = "G"
    label: str = ""
    description: str = ""
    layer: str = ""

    def __post_init__(self) -> None:
        bits = np.asarray(self.bits).astype(bool)
        if bits.ndim != 2 or bits.size == 0:
            raise InvalidAttribute(
                f"an overlay has the shape {bits.shape}; expected (rows, columns)", 0x60003000
            )
        _check_group(self.group)
        object.__setattr__(self, "bits", bits)
        object.__setattr__(self, "origin", (int(self.origin[0]), int(self.origin[1])))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Overlay)
            and self._named() == other._named()
            and np.array_equal(self.bits, other.bits)
        )

    def __hash__(self) -> int:
        return hash(self._named())

    def _named(self) -> tuple[Any, ...]:
        return (self.group, self.origin, self.kind, self.label, self.description, self.layer)

    def elements(self) -> dict[int, Any]:
        """Return its elements by tag (PS3.3 Tables C.9-2, C.11-7)."""
        base = self.group << 16
        packed = np.packbits(self.bits, axis=None, bitorder="little").tobytes()
        found: dict[int, Any] = {
            _ROWS: self.bits.shape[0],
            _COLUMNS: self.bits.shape[1],
            _DESCRIPTION: self.description,
            _TYPE: self.kind,
            _ORIGIN: list(self.origin),
            _ALLOCATED: 1,
            _POSITION: 0,
            _LABEL: self.label,
            _DATA: packed + b"\0" * (len(packed) % 2),
        }
        kept = {base + element: value for element, value in found.items() if value != ""}
        return kept | activation_element(self.group, self.layer)


@dataclass(frozen=True)
class OverlayActivation:
    """That an overlay of the image is drawn.

    Parameters
    ----------
    group
        0x6000 to 0x601E, even.
    layer
        The graphic layer that it is drawn in; empty for one that is not drawn.
    """

    group: int
    layer: str = ""

    def __post_init__(self) -> None:
        _check_group(self.group)


def activation_element(group: int, layer: str) -> dict[int, Any]:
    """Return Overlay Activation Layer (60xx,1001), empty for none."""
    return {(group << 16) + _LAYER: layer or None}


def _check_group(group: int) -> None:
    if not 0x6000 <= group <= 0x601E or group % 2:
        raise InvalidAttribute(
            f"an overlay has the group {group:04X}; expected an even one from 6000 to 601E",
            0x60003000,
        )


def read_state_overlays(root: Attributes, problems: list[str]) -> tuple[Overlay, ...]:
    """Read the overlay planes of a presentation state, and say which could not be read."""
    found: list[Overlay] = []
    for plane in read_overlays(root):
        data = root.data(plane.data_tag)
        base = plane.data_tag - _DATA
        try:
            found.append(
                Overlay(
                    overlay_bits(plane, data or b"").astype(bool),
                    group=base >> 16,
                    origin=plane.origin,
                    kind=plane.kind,
                    label=root.text(base + _LABEL),
                    description=root.text(base + _DESCRIPTION),
                    layer=root.text(base + _LAYER),
                )
            )
        except PixelDataError as problem:
            problems.append(str(problem))
    return tuple(found)


def read_activations(root: Attributes) -> tuple[OverlayActivation, ...]:
    """Read which overlays of the image are drawn."""
    groups = range(0x6000, 0x6020, 2)
    return tuple(
        OverlayActivation(group, root.text((group << 16) + _LAYER))
        for group in groups
        if (group << 16) + _LAYER in root and (group << 16) + _ROWS not in root
    )
