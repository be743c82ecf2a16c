"""`isocenter compose series`."""

from pathlib import Path
from typing import Annotated

import typer

from isocenter.cli.compose import (
    DryRun,
    Explain,
    Set,
    Source,
    TemplateFile,
    Title,
    To,
    Worklist,
    inherited,
)
from isocenter.cli.series_delivery import SeriesDelivery
from isocenter.errors import ConfigurationError

__all__ = ["EXAMPLE", "series"]

EXAMPLE = "isocenter compose series volume.nii.gz --modality MR --from source/ -o series/"


def series(
    volume: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="NIfTI, MetaImage, NRRD, .npy, or TIFF pictures."),
    ],
    modality: Annotated[str, typer.Option(metavar="CS", help="CT, MR or PT.")],
    source: Source = None,
    worklist: Worklist = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for the series.")
    ] = None,
    title: Title = None,
    spacing: Annotated[
        str | None,
        typer.Option(metavar="SLICExROWxCOLUMN", help="Distances in mm, where the file says none."),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            metavar="KEY=LIST", help="What tells volumes apart, such as EchoTime=10,20,30."
        ),
    ] = None,
    enhanced: Annotated[
        bool, typer.Option("--enhanced", help="One multi-frame object instead of many images.")
    ] = False,
    as_stored: Annotated[
        bool, typer.Option("--as-stored", help="Do not turn pictures upright.")
    ] = False,
    units: Annotated[
        str | None, typer.Option(metavar="CS", help="What PET values are, such as BQML or GML.")
    ] = None,
    new_frame: Annotated[
        bool,
        typer.Option("--new-frame", help="The volume does not lie in the source's coordinates."),
    ] = False,
    transfer_syntax: Annotated[
        str | None, typer.Option(metavar="UID", help="Encoding of the new files.")
    ] = None,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """CT, MR or PET series from a volume, with its geometry and rescale."""
    from isocenter.compose import acquired_series

    delivery = SeriesDelivery(output, to, transfer_syntax, explain, dry_run)
    delivery.check()
    made = acquired_series(
        volume[0] if len(volume) == 1 else volume,
        modality=modality,
        spacing=_numbers(spacing, "x", "--spacing", "2x0.5x0.5") if spacing else None,
        tag=_tag(tag),
        enhanced=enhanced,
        upright=not as_stored,
        units=units,
        same_frame_of_reference=not new_frame,
        series_description=title,
        **inherited(source, template, assigned, worklist),
    )
    if made.largest_error:
        print(f"note: values are rounded, by {made.largest_error:.3g} at most")
    delivery.deliver(made)


def _tag(text: str | None) -> tuple[str, list[float]] | None:
    if text is None:
        return None
    keyword, _, numbers = text.partition("=")
    return keyword.strip(), _numbers(numbers, ",", "--tag", "EchoTime=10,20,30")


def _numbers(text: str, separator: str, option: str, example: str) -> list[float]:
    try:
        return [float(part) for part in text.lower().removesuffix("mm").split(separator)]
    except ValueError:
        raise ConfigurationError(f"{option} {text}: write numbers, such as {example}") from None
