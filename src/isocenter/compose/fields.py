"""Reading displacement fields: NIfTI, MetaImage, NRRD, ITK transforms, SimpleITK objects."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from isocenter.compose.grids import DisplacementField
from isocenter.errors import CannotCompose, NotFound

__all__ = ["read_field"]

_TRANSFORM_SUFFIXES = (".tfm", ".txt", ".h5", ".hdf", ".hdf5", ".mat", ".xfm")


def read_field(field: Any, *, like: Any = None) -> DisplacementField:
    """Return a displacement field in mm on a grid in the patient coordinate system (LPS).

    Parameters
    ----------
    field
        A `DisplacementField`; a path to NIfTI, MetaImage, NRRD or an ITK transform; a SimpleITK
        vector image or transform. A NIfTI file whose intent is displacement is turned from RAS
        into LPS by its reader; files of intent vector are taken to hold LPS vectors, as ITK and
        ANTs write them.
    like
        A SimpleITK image that gives the grid for transforms that have none of their own (B-splines,
        composites); a displacement field transform brings its own.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When the file is no field or transform, or does not have three components at every point.
    """
    sitk = _simple_itk()
    if isinstance(field, DisplacementField):
        return field
    if isinstance(field, str | Path):
        field = _read(Path(field))
    if isinstance(field, sitk.Transform):
        field = _sampled(field, like)
    if not isinstance(field, sitk.Image):
        raise CannotCompose(
            f"A field of type {type(field).__name__} is not understood; give a file, a SimpleITK "
            "image or "
            "transform, or a DisplacementField.",
            tag=0x00640009,
            module="Deformable Spatial Registration",
        )
    return _from_image(field)


def _simple_itk() -> Any:
    """Return SimpleITK, which is large and untyped."""
    return importlib.import_module("SimpleITK")


def _read(path: Path) -> Any:
    sitk = _simple_itk()
    if not path.is_file():
        raise NotFound(f"There is no file {path}; check the path of the field.")
    try:
        if path.name.lower().endswith(_TRANSFORM_SUFFIXES):
            return sitk.ReadTransform(str(path))
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise CannotCompose(
            f"{path} cannot be read as a field: {str(error).strip().splitlines()[-1]}."
        ) from error


def _sampled(transform: Any, like: Any) -> Any:
    """Return a transform as a field; one that is a field already is not sampled again."""
    sitk = _simple_itk()
    transform = transform.Downcast()
    if isinstance(transform, sitk.DisplacementFieldTransform):
        return transform.GetDisplacementField()
    if like is None:
        raise CannotCompose(
            f"A {transform.GetName()} has no grid of its own; give the image whose grid it is "
            "sampled on.",
            tag=0x00640007,
            module="Deformable Spatial Registration",
        )
    return sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat32,
        like.GetSize(),
        like.GetOrigin(),
        like.GetSpacing(),
        like.GetDirection(),
    )


def _from_image(image: Any) -> DisplacementField:
    sitk = _simple_itk()
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 3:
        raise CannotCompose(
            f"The image has {image.GetDimension()} dimensions and "
            f"{image.GetNumberOfComponentsPerPixel()} components a point; a displacement field "
            "has 3 and 3.",
            tag=0x00640009,
            module="Deformable Spatial Registration",
        )
    return DisplacementField(
        sitk.GetArrayViewFromImage(image).astype(np.float32, copy=False),
        np.array(image.GetOrigin()),
        np.array(image.GetSpacing()),
        np.array(image.GetDirection()).reshape(3, 3),
    )
