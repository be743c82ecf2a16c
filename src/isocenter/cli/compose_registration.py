"""`isocenter compose reg` and `fiducials`: how images lie to each other, and what marks that."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli.authoring import Inherited, kind

if TYPE_CHECKING:
    from isocenter.compose import Composed

__all__ = ["fiducials", "reg"]

MatrixFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Text of 16 numbers; beside a field."),
]
MatrixKind = Annotated[
    str | None, typer.Option(metavar="TYPE", help="RIGID, RIGID_SCALE or AFFINE, checked.")
]
FrameOfReference = Annotated[
    str | None, typer.Option(metavar="UID", help="Frame of reference, if the images do not say it.")
]


@kind(
    "reg",
    "isocenter compose reg field.nii.gz --from fixed/ --moving moving/ -o out.dcm",
    "isocenter compose reg rigid.tfm --type RIGID --from fixed/ --moving moving/ -o out.dcm",
    "isocenter compose reg bspline.h5 --like grid.nii.gz --from fixed/ --moving moving/ -o out.dcm",
    needs="the fixed images",
    title="content_description",
    identified=True,
)
def reg(
    inherited: Inherited,
    transform: Annotated[
        Path,
        typer.Argument(
            metavar="TRANSFORM", help="A field (NIfTI, MetaImage, NRRD), ITK transform or matrix."
        ),
    ],
    moving: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="The images that the transform leads to."),
    ] = None,
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
        typer.Option(
            "--type",
            "--matrix-type",
            metavar="TYPE",
            help="RIGID, RIGID_SCALE or AFFINE, checked against a linear transform.",
        ),
    ] = None,
    ras: Annotated[bool, typer.Option("--ras", help="A matrix in text is in RAS.")] = False,
    from_fixed: Annotated[
        bool,
        typer.Option("--from-fixed", help="A matrix in text leads from the fixed images."),
    ] = False,
    pre_matrix: MatrixFile = None,
    pre_matrix_type: MatrixKind = None,
    post_matrix: MatrixFile = None,
    post_matrix_type: MatrixKind = None,
    registration_type: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How it was found, of CID 7100: Visual Alignment."),
    ] = None,
    comment: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Frame of Reference Transformation Comment.")
    ] = None,
    used_fiducials: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Spatial Fiducials that it was made with."),
    ] = None,
    referenced_frame_numbers: Annotated[
        str,
        typer.Option(
            "--frames",
            "--referenced-frame-numbers",
            metavar="LISTS",
            help="Frames of each moving image, such as 1-2,4:1.",
        ),
    ] = "",
    referenced_segment_numbers: Annotated[
        str,
        typer.Option(
            "--segments",
            "--referenced-segment-numbers",
            metavar="LISTS",
            help="Segments of each moving segmentation, such as 1-2:1.",
        ),
    ] = "",
    frame_of_reference_uid: FrameOfReference = None,
    source_frame_of_reference_uid: FrameOfReference = None,
    copy_other_attributes: Annotated[
        bool,
        typer.Option("--copy-other-attributes", help="Copy all further attributes; of a field."),
    ] = False,
) -> "Composed":
    """Spatial Registration from a linear transform, or Deformable.

    What is not linear becomes a Deformable Spatial Registration. Transforms and fields are those of
    ITK: from the fixed images (--from) to the moving ones (--moving), in LPS. A text file of 16
    numbers is a matrix from the moving images to the fixed ones, unless --from-fixed says
    otherwise.
    """
    from isocenter.compose import registration

    return registration(
        transform,
        moving=moving,
        like=like,
        spacing=spacing,
        matrix_type=matrix_type,
        ras=ras,
        from_fixed=from_fixed,
        pre_matrix=pre_matrix,
        pre_matrix_type=pre_matrix_type,
        post_matrix=post_matrix,
        post_matrix_type=post_matrix_type,
        registration_type=registration_type,
        comment=comment,
        used_fiducials=used_fiducials,
        referenced_frame_numbers=referenced_frame_numbers,
        referenced_segment_numbers=referenced_segment_numbers,
        frame_of_reference_uid=frame_of_reference_uid,
        source_frame_of_reference_uid=source_frame_of_reference_uid,
        copy_other_attributes=copy_other_attributes,
        **inherited.arguments(),
    )


@kind(
    "fiducials",
    "isocenter compose fiducials F.mrk.json --from series/ -o out.dcm",
    "isocenter compose fiducials marks.csv --from series/ --title Carina -o out.dcm",
    needs="the images that were marked",
    title="content_description",
    identified=True,
)
def fiducials(
    inherited: Inherited,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="3D Slicer's .mrk.json or .fcsv, CSV, or JSON.")
    ],
) -> "Composed":
    """Spatial Fiducials: points, lines and shapes that were marked."""
    from isocenter.compose import spatial_fiducials

    return spatial_fiducials(file, **inherited.arguments())
