"""`isocenter compose reg` and `fiducials`: how images lie to each other, and what marks that."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isocenter.cli.compose import (
    DryRun,
    Explain,
    Output,
    Set,
    Source,
    TemplateFile,
    To,
    Worklist,
    inherited,
)
from isocenter.cli.delivery import Delivery
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose import Composed

__all__ = ["EXAMPLES", "fiducials", "reg"]

EXAMPLES = {
    "reg": "isocenter compose reg field.nii.gz --from fixed/ --moving moving/ -o out.dcm",
    "fiducials": "isocenter compose fiducials F.mrk.json --from series/ -o out.dcm",
}

Description = Annotated[str | None, typer.Option(metavar="TEXT", help="Content Description.")]


def reg(
    transform: Annotated[
        Path,
        typer.Argument(
            metavar="TRANSFORM", help="A field (NIfTI, MetaImage, NRRD), ITK transform or matrix."
        ),
    ],
    source: Source = None,
    worklist: Worklist = None,
    moving: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="The images that the transform leads to."),
    ] = None,
    output: Output = None,
    title: Description = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="The grid for a transform that has none; the fixed images'."
        ),
    ] = None,
    spacing: Annotated[
        float | None,
        typer.Option(metavar="MM", help="Distance of points on that grid.", min=0.01),
    ] = None,
    matrix_type: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="RIGID, RIGID_SCALE or AFFINE, checked."),
    ] = None,
    ras: Annotated[bool, typer.Option("--ras", help="A matrix in text is in RAS.")] = False,
    from_fixed: Annotated[
        bool,
        typer.Option("--from-fixed", help="A matrix in text leads from the fixed images."),
    ] = False,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Spatial Registration from a linear transform, Deformable Spatial Registration from others.

    Transforms and fields are those of ITK: from the fixed images (--from) to the moving ones
    (--moving), in LPS. A text file of 16 numbers is a matrix from the moving images to the fixed
    ones, unless --from-fixed says otherwise.
    """
    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    if not source:
        raise ConfigurationError("--from PATH is missing: give the fixed images")
    shared: dict[str, Any] = {
        "moving": list(moving) if moving else None,
        "content_description": title,
        **inherited(source, template, assigned, worklist),
    }
    if _is_linear(transform):
        composed = _linear(transform, shared, matrix_type, ras=ras, from_fixed=from_fixed)
    else:
        composed = _deformable(transform, shared, like, spacing)
    delivery.deliver(composed)


def fiducials(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="3D Slicer's .mrk.json or .fcsv, CSV, or JSON.")
    ],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Description = None,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Spatial Fiducials: points, lines and shapes that were marked in the patient or on images."""
    from isocenter.compose import read_fiducials, spatial_fiducials

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    if not source:
        raise ConfigurationError("--from PATH is missing: give the images that were marked")
    composed = spatial_fiducials(
        read_fiducials(file),
        content_description=title,
        **inherited(source, template, assigned, worklist),
    )
    delivery.deliver(composed)


def _is_linear(path: Path) -> bool:
    from isocenter.compose.registrations.linear_transforms import holds_linear_transform

    return holds_linear_transform(path)


def _linear(
    transform: Path,
    shared: dict[str, Any],
    matrix_type: str | None,
    *,
    ras: bool,
    from_fixed: bool,
) -> "Composed":
    from isocenter.compose import spatial_registration

    return spatial_registration(
        transform, matrix_type=matrix_type, ras=ras, from_fixed=from_fixed, **shared
    )


def _deformable(
    transform: Path, shared: dict[str, Any], like: Path | None, spacing: float | None
) -> "Composed":
    from isocenter.compose import deformable_registration, read_field

    grid = like if like is not None else shared["source"]
    return deformable_registration(read_field(transform, like=grid, spacing=spacing), **shared)
