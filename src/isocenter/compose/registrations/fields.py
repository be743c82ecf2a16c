"""Reading displacement fields: NIfTI, MetaImage, NRRD, ITK transforms, SimpleITK objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from isocenter.compose import sources
from isocenter.compose.argument_types import check_positive, checked
from isocenter.compose.image_files import read_image, unreadable
from isocenter.compose.planes import stack
from isocenter.compose.registrations.grids import DisplacementField
from isocenter.compose.registrations.linear_transforms import (
    TRANSFORM_SUFFIXES,
    check_of_space,
    read_transform,
)
from isocenter.compose.simple_itk import simple_itk
from isocenter.compose.volume_grids import Grid
from isocenter.errors import CannotCompose

__all__ = ["read_field"]


@checked
def read_field(field: Any, *, like: Any = None, spacing: float | None = None) -> DisplacementField:
    """Return a displacement field in mm on a grid in the patient coordinate system (LPS).

    Parameters
    ----------
    field
        A `DisplacementField`; a path to NIfTI, MetaImage, NRRD or an ITK transform; a SimpleITK
        vector image or transform. A NIfTI file whose intent is displacement is turned from RAS
        into LPS by its reader; files of intent vector are taken to hold LPS vectors, as ITK and
        ANTs write them.
    like
        What gives the grid for transforms that have none of their own (B-splines, composites): a
        SimpleITK image, an image file, or a DICOM series; a displacement field transform brings
        its own.
    spacing
        Distance of points in mm on that grid, instead of its own: as far apart as the field is
        smooth, so that the object stays small.

    Returns
    -------
    DisplacementField
        `field` itself where it is one.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When the file is no field or transform, does not have three components at every point, or
        transform or grid are of the plane.
    """
    if spacing is not None:
        check_positive("spacing", (spacing,), 0x00640008)
    sitk = simple_itk()
    if isinstance(field, DisplacementField):
        return field
    if isinstance(field, str | Path):
        field = _read(Path(field))
    if isinstance(field, sitk.Transform):
        field = _sampled(field, like, spacing)
    if not isinstance(field, sitk.Image):
        raise CannotCompose(
            f"A field of type {type(field).__name__} is not understood; give a file, a SimpleITK "
            "image or "
            "transform, or a DisplacementField.",
            tag=0x00640009,
            module="Deformable Spatial Registration",
        )
    return _from_image(field)


def _read(path: Path) -> Any:
    is_transform = path.name.lower().endswith(TRANSFORM_SUFFIXES)
    return read_transform(path) if is_transform else read_image(path)


def _sampled(transform: Any, like: Any, spacing: float | None) -> Any:
    """Return a transform as a field; one that is a field already is not sampled again."""
    sitk = simple_itk()
    transform = transform.Downcast()
    check_of_space(transform, f"A {transform.GetName()}")
    if isinstance(transform, sitk.DisplacementFieldTransform):
        return transform.GetDisplacementField()
    if like is None:
        raise CannotCompose(
            f"A {transform.GetName()} has no grid of its own; give the image whose grid it is "
            "sampled on.",
            tag=0x00640007,
            module="Deformable Spatial Registration",
        )
    grid = _grid(like)
    counts = np.array(grid.shape[::-1])
    apart = grid.spacing
    if spacing is not None:
        # The coarser grid covers the finer one to its last point.
        counts = np.ceil((counts - 1) * apart / spacing).astype(np.int64) + 1
        apart = np.full(3, spacing)
    return sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat32,
        counts.tolist(),
        grid.origin.tolist(),
        apart.tolist(),
        grid.directions.ravel().tolist(),
    )


def _grid(like: Any) -> Grid:
    sitk = simple_itk()
    if isinstance(like, sitk.Image):
        if like.GetDimension() != 3:
            raise CannotCompose(
                f"The image whose grid it is sampled on has {like.GetDimension()} dimensions; "
                "expected 3.",
                tag=0x00640007,
                module="Deformable Spatial Registration",
            )
        return Grid.of_image(like)
    if isinstance(like, str | Path) and Path(like).is_file():
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(like))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise unreadable(like, error) from error
        if reader.GetDimension() == 3 and reader.GetSize()[2] > 1:
            return Grid.of_image(reader)
    return Grid.of_planes(stack(sources.load(like)).planes)


def _from_image(image: Any) -> DisplacementField:
    sitk = simple_itk()
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 3:
        raise CannotCompose(
            f"The image has {image.GetDimension()} dimensions and "
            f"{image.GetNumberOfComponentsPerPixel()} components a point; a displacement field "
            "has 3 and 3.",
            tag=0x00640009,
            module="Deformable Spatial Registration",
        )
    # A copy: a view would not keep alive the image that it looks into.
    return DisplacementField(
        sitk.GetArrayViewFromImage(image).astype(np.float32),
        np.array(image.GetOrigin()),
        np.array(image.GetSpacing()),
        np.array(image.GetDirection()).reshape(3, 3),
    )
