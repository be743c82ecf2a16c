"""One call for all transforms: linear ones and displacement fields (PS3.3 A.39)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isocenter.compose.argument_types import checked
from isocenter.compose.composition import Composed
from isocenter.compose.registrations.deformable import deformable_registration
from isocenter.compose.registrations.grids import DisplacementField
from isocenter.compose.registrations.linear_transforms import holds_linear_transform, is_linear
from isocenter.compose.registrations.spatial_registration import spatial_registration
from isocenter.compose.sources import SourceLike
from isocenter.errors import CannotCompose

__all__ = ["registration"]

_OF_LINEAR = ("matrix_type", "ras", "from_fixed", "used_fiducials")
_OF_FIELDS = (
    "like",
    "spacing",
    "pre_matrix",
    "pre_matrix_type",
    "post_matrix",
    "post_matrix_type",
    "referenced_segment_numbers",
    "copy_other_attributes",
    "modify",
)


@checked
def registration(transform: Any, *, source: SourceLike, **options: Any) -> Composed:
    """Compose a Spatial Registration of a linear transform, a Deformable one of any other.

    Parameters
    ----------
    transform
        A matrix (4, 4), an ITK transform, a displacement field, or the file of one.
    source
        The fixed images.
    **options
        Those of `spatial_registration` or of `deformable_registration`.

    Returns
    -------
    Composed
        A Spatial Registration of a linear transform, else a Deformable Spatial Registration.

    Raises
    ------
    CannotCompose
        When an option is given that this kind of transform does not have, or it is not valid.

    References
    ----------
    PS3.3 A.39.1, A.39.2.
    """
    linear = _is_linear(transform)
    foreign = _OF_FIELDS if linear else _OF_LINEAR
    wrong = [name for name in foreign if _is_said(options.pop(name, None))]
    if wrong:
        what = "linear; it is for fields" if linear else "a field; it is for linear transforms"
        raise CannotCompose(f"{wrong[0]} was given, and the transform is {what}. Leave it out.")
    compose = spatial_registration if linear else deformable_registration
    return compose(transform, source=source, **options)


def _is_said(option: object) -> bool:
    """Tell whether an option is given; matrices and images have no truth of their own."""
    return bool(option) if isinstance(option, str | bool) else option is not None


def _is_linear(transform: Any) -> bool:
    if isinstance(transform, str | Path):
        return holds_linear_transform(Path(transform))
    if hasattr(transform, "GetNumberOfTransforms") or hasattr(transform, "IsLinear"):
        return is_linear(transform)
    return not isinstance(transform, DisplacementField) and not hasattr(transform, "GetSpacing")
