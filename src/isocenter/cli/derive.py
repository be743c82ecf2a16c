"""`isocenter derive`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isocenter.cli import options
from isocenter.cli.authoring import Inherited, with_shared_options
from isocenter.dicom.number_strings import parse_decimal
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose import DerivedSeries

__all__ = ["derive"]

_OPERATIONS = "--smooth WIDTH, --resample SPACING, or --pixels FILE"


@with_shared_options
def derive(
    inherited: Inherited,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="A series: its folder, its files, or one image."),
    ],
    smooth: Annotated[
        str | None,
        typer.Option(metavar="WIDTH", help="Gaussian of this standard deviation, such as 2mm."),
    ] = None,
    resample: Annotated[
        str | None,
        typer.Option(
            metavar="SPACING", help="Distance of rows, columns and slices, such as 1x1x1mm."
        ),
    ] = None,
    interpolation: Annotated[
        str, typer.Option(metavar="KIND", help="Of --resample: linear, nearest or b-spline.")
    ] = "linear",
    pixels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="New values: NIfTI, MetaImage, NRRD, TIFF."),
    ] = None,
    new_geometry: Annotated[
        bool, typer.Option("--new-geometry", help="The pixels may lie elsewhere than the series.")
    ] = False,
    series_instance_uid: Annotated[
        str | None,
        typer.Option(
            "--series",
            "--series-instance-uid",
            metavar="UID",
            help="Which series, where there are several.",
        ),
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What was done: Derivation Description.")
    ] = None,
    codes: Annotated[
        list[str] | None,
        typer.Option(
            "--code",
            "--codes",
            metavar="NAME",
            help='What was done, as CID 7203 says: "Z-Score Map".',
        ),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="Largest error of a value, in its unit.", min=0),
    ] = None,
    burned_in_annotation: Annotated[
        bool,
        typer.Option(
            "--burned-in", "--burned-in-annotation", help="The new pixels show who the patient is."
        ),
    ] = False,
    keep_private: Annotated[
        list[str] | None,
        typer.Option(metavar="CREATOR", help="Keep a maker's private attributes; `all` for all."),
    ] = None,
) -> "DerivedSeries":
    """Make a new series: smoothed, resampled, or with new pixels.

    isocenter derive series/ --smooth 2mm -o smoothed/

    isocenter derive series/ --resample 1x1x1mm --interpolation b-spline -o isotropic/

    isocenter derive series/ --pixels corrected.nii.gz --description "Bias corrected" -o corrected/

    isocenter derive study/ --series 1.2.840.1 --pixels t1.nii.gz --code "T1 Map" --to archive/

    The patient, the study and where the images lie stay; the new images name their sources.
    """
    from isocenter.compose import derived_series

    options.require_paths(paths)
    derived = derived_series(
        list(paths),
        _operation(smooth, resample, interpolation, pixels, new_geometry=new_geometry),
        description=description,
        codes=codes or (),
        series_instance_uid=series_instance_uid,
        precision=precision,
        burned_in_annotation=True if burned_in_annotation else None,
        keep_private="all" in (keep_private or ()) or tuple(keep_private or ()),
        **inherited.said,
    )
    for note in derived.notes:
        print(f"note: {note}")
    return derived


def _operation(
    smooth: str | None,
    resample: str | None,
    interpolation: str,
    pixels: Path | None,
    *,
    new_geometry: bool,
) -> Any:
    from isocenter.compose import Pixels, Resample, Smooth

    if sum(one is not None for one in (smooth, resample, pixels)) != 1:
        raise ConfigurationError(f"say what is done to the pixels, one of {_OPERATIONS}")
    if smooth is not None:
        return Smooth(_millimetres(smooth, "--smooth", (1,))[0])
    if resample is not None:
        return Resample(_millimetres(resample, "--resample", (2, 3)), interpolation)
    assert pixels is not None
    return Pixels.read(pixels, new_geometry=new_geometry)


def _millimetres(text: str, option: str, counts: tuple[int, ...]) -> tuple[float, ...]:
    parts = text.lower().removesuffix("mm").strip().split("x")
    try:
        numbers = tuple(map(parse_decimal, parts))
    except ValueError:
        numbers = ()
    if len(numbers) not in counts or min(numbers, default=0) <= 0:
        example = "2mm" if counts == (1,) else "1x1x1mm"
        raise ConfigurationError(f"{option} {text}: write millimetres, such as {example}")
    return numbers
