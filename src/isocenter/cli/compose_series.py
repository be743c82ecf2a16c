"""`isocenter compose series`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli.authoring import Inherited, series_kind
from isocenter.dicom.number_strings import parse_decimal
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose import AcquiredSeries

__all__ = ["series"]


@series_kind(
    "series",
    "isocenter compose series volume.nii.gz --modality MR --from source/ -o series/",
    "isocenter compose series 4d.nii.gz --modality MR --tag EchoTime=10,20,30 -o series/",
    "isocenter compose series slice*.tif --modality CT --spacing 2x0.5x0.5 --enhanced -o series/",
)
def series(
    inherited: Inherited,
    volume: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="NIfTI, MetaImage, NRRD, .npy, or TIFF pictures."),
    ],
    modality: Annotated[str, typer.Option(metavar="CS", help="CT, MR or PT.")],
    spacing: Annotated[
        str | None,
        typer.Option(metavar="SLICExROWxCOLUMN", help="Distances in mm, where the file says none."),
    ] = None,
    affine: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="16 numbers, from column, row and slice to mm, for .npy and TIFF."
        ),
    ] = None,
    space: Annotated[
        str, typer.Option(metavar="LPS|RAS", help="What the mm of --affine are in.")
    ] = "LPS",
    tag: Annotated[
        str | None,
        typer.Option(
            metavar="KEY=LIST", help="What tells volumes apart, such as EchoTime=10,20,30."
        ),
    ] = None,
    enhanced: Annotated[
        bool, typer.Option("--enhanced", help="One multi-frame object instead of many images.")
    ] = False,
    upright: Annotated[
        bool,
        typer.Option("--upright/--as-stored", help="Whether pictures are turned upright."),
    ] = True,
    units: Annotated[
        str | None, typer.Option(metavar="CS", help="What PET values are, such as BQML or GML.")
    ] = None,
    same_frame_of_reference: Annotated[
        bool,
        typer.Option(
            "--same-frame-of-reference/--new-frame",
            help="Whether the volume lies in the coordinates of the source.",
        ),
    ] = True,
) -> "AcquiredSeries":
    """CT, MR or PET series from a volume, with geometry and rescale."""
    from isocenter.compose import acquired_series, read_matrix

    made = acquired_series(
        volume[0] if len(volume) == 1 else volume,
        modality=modality,
        affine=None if affine is None else read_matrix(affine),
        space=space,
        spacing=_numbers(spacing, "x", "--spacing", "2x0.5x0.5") if spacing else None,
        tag=_tag(tag),
        enhanced=enhanced,
        upright=upright,
        units=units,
        same_frame_of_reference=same_frame_of_reference,
        **inherited.arguments(),
    )
    for note in made.notes:
        print(f"note: {note}")
    return made


def _tag(text: str | None) -> tuple[str, list[float]] | None:
    if text is None:
        return None
    keyword, _, numbers = text.partition("=")
    return keyword.strip(), _numbers(numbers, ",", "--tag", "EchoTime=10,20,30")


def _numbers(text: str, separator: str, option: str, example: str) -> list[float]:
    try:
        return list(map(parse_decimal, text.lower().removesuffix("mm").split(separator)))
    except ValueError:
        raise ConfigurationError(f"{option} {text}: write numbers, such as {example}") from None
