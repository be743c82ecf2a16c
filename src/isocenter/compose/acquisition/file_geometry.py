"""Where the voxels of a file lie, where ITK reads less than the file says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from isocenter.compose.volume_grids import Grid

__all__ = ["grid_of"]

_TURNS = {
    "right-anterior-superior-time": (-1.0, -1.0, 1.0),
    "left-anterior-superior-time": (1.0, -1.0, 1.0),
}
"""Spaces of NRRD that ITK takes for LPS, and what they are turned by."""
_NOWHERE = ("scanner-xyz", "3D-right-handed", "3D-left-handed")
_MILLIMETRES = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 1e-3, "µm": 1e-3}
_NIFTI_UNITS = {1: 1000.0, 3: 1e-3}  # metre, micron
_SAME = 1e-3


def grid_of(image: Any, shape: tuple[int, int, int], path: Path | None) -> Grid | None:
    """Return where the voxels of a SimpleITK image lie in the patient.

    Parameters
    ----------
    image
        The image, of three or four dimensions.
    shape
        Slices, rows, columns.
    path
        The file that it was read from; None for an image of a program.

    Returns
    -------
    Grid or None
        None where the file counts in coordinates that are not the patient's.

    Raises
    ------
    CannotCompose
        When the axes are not perpendicular.
    """
    dimensions = image.GetDimension()
    directions = np.array(image.GetDirection()).reshape(dimensions, dimensions)[:3, :3]
    origin, spacing = np.array(image.GetOrigin()[:3]), np.array(image.GetSpacing()[:3])
    said = {key: str(image.GetMetaData(key)) for key in image.GetMetaDataKeys()}
    space = said.get("NRRD_space", "")
    if space.removesuffix("-time") in _NOWHERE:
        return None
    turned = np.array(_TURNS.get(space, (1.0, 1.0, 1.0)))
    scale = _scale(said, path)
    grid = Grid(origin * turned * scale, spacing * scale, directions * turned[:, np.newaxis], shape)
    return _by_sform(said, grid)


def _scale(said: dict[str, str], path: Path | None) -> float:
    """Return how many mm the unit is that MetaImage and NRRD files count in."""
    unit = said.get("ITK_VoxelUnits", "")
    if path is not None and said.get("ITK_InputFilterName") == "NrrdImageIO":
        with path.open("rb") as file:
            head = file.read(1 << 16).split(b"\n\n")[0].decode("utf-8", "replace")
        found = re.search(r'^space units:\s*"?([^"\s]*)', head, re.MULTILINE)
        unit = found.group(1) if found else ""
    return _MILLIMETRES.get(unit, 1.0)


def _by_sform(said: dict[str, str], grid: Grid) -> Grid:
    """Return the grid with the steps of a NIfTI sform, of which ITK takes the directions alone.

    They differ where the file says other voxel sizes beside it (pixdim), which do not count then.
    """
    codes = [int(said.get(f"{form}form_code", 0)) for form in "sq"]
    if not codes[0] or (codes[0] != 1 and codes[1]):
        return grid
    rows = np.array([[float(one) for one in said[f"srow_{axis}"].split()] for axis in "xyz"])
    lengths = np.linalg.norm(rows[:, :3], axis=0)
    lengths *= _NIFTI_UNITS.get(int(said.get("xyzt_units", 0)) & 7, 1.0)
    straight = rows[:, :3] / np.where(lengths > 0, np.linalg.norm(rows[:, :3], axis=0), 1)
    if np.allclose(lengths, grid.spacing, rtol=_SAME) or not np.allclose(
        straight.T @ straight, np.eye(3), atol=_SAME
    ):
        return grid
    return Grid(grid.origin, lengths, grid.directions, grid.shape)
