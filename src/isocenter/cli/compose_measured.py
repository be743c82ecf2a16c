"""`isocenter compose seg`, `pm` and `rwvm`: what was marked and measured on images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isocenter.cli import assignments
from isocenter.cli.compose import (
    DryRun,
    Explain,
    Output,
    Set,
    Source,
    TemplateFile,
    Title,
    To,
    Worklist,
    inherited,
)
from isocenter.cli.delivery import Delivery
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose import Segment

__all__ = ["EXAMPLES", "pm", "rwvm", "seg"]

EXAMPLES = {
    "seg": "isocenter compose seg mask.nii.gz --from series/ --segment 1=Liver -o out.dcm",
    "pm": "isocenter compose pm adc.nii.gz --from series/ --units um2/s -o out.dcm",
    "rwvm": "isocenter compose rwvm series/ --units g/ml --slope 0.5 -o out.dcm",
}

Units = Annotated[str, typer.Option(metavar="UCUM", help="Units of the values, such as mm2/s.")]
Quantity = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What is measured: its name, or VALUE:SCHEME:MEANING."),
]
Slope = Annotated[float, typer.Option(help="Real value = slope x stored value + intercept.")]
Intercept = Annotated[float, typer.Option(help="Real value = slope x stored value + intercept.")]
Label = Annotated[str, typer.Option(metavar="TEXT", help="LUT Label, at most 16 characters.")]


def seg(
    mask: Annotated[
        Path, typer.Argument(metavar="MASK", help="Label map on the grid of the series.")
    ],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Title = None,
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="binary, fractional or labelmap.")
    ] = "binary",
    segment: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER=NAME", help="The name of a label, such as 1=Liver."),
    ] = None,
    segments: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON: what each label is, by its number."),
    ] = None,
    algorithm: Annotated[
        str | None, typer.Option(metavar="NAME", help="The algorithm that made all segments.")
    ] = None,
    occupancy: Annotated[
        bool, typer.Option("--occupancy", help="Fractions are of occupancy, not probability.")
    ] = False,
    keep_empty: Annotated[
        bool, typer.Option("--keep-empty", help="Keep frames in which a segment is nowhere.")
    ] = False,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Segmentation from a label map (NIfTI, MetaImage, NRRD): a segment for each label.

    The smallest file of --segments is {"1": {"label": "Liver"}}; the documentation lists all
    members.
    """
    from isocenter.compose import read_segments, segmentation

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    described = read_segments(segments) if segments is not None else {}
    composed = segmentation(
        mask,
        segments=described | _named(segment or (), algorithm),
        kind=kind.upper(),
        algorithm_name=algorithm or "",
        fractional_type="OCCUPANCY" if occupancy else "PROBABILITY",
        omit_empty_frames=not keep_empty,
        series_description=title,
        **inherited(_images(source), template, assigned, worklist),
    )
    delivery.deliver(composed)


def pm(
    values: Annotated[
        Path, typer.Argument(metavar="VALUES", help="Measured values on the grid of the series.")
    ],
    units: Units,
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Title = None,
    quantity: Quantity = None,
    label: Label = "MAP",
    slope: Slope = 1.0,
    intercept: Intercept = 0.0,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Parametric Map from measured values (NIfTI, MetaImage, NRRD): float, double or 16 bits."""
    from isocenter.compose import parametric_map

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    composed = parametric_map(
        values,
        units_of_measure=units,
        quantity_definition=quantity,
        label=label,
        slope=slope,
        intercept=intercept,
        series_description=title,
        **inherited(_images(source), template, assigned, worklist),
    )
    delivery.deliver(composed)


def rwvm(
    images: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="The images whose values are mapped.")
    ],
    units: Units,
    worklist: Worklist = None,
    output: Output = None,
    title: Title = None,
    quantity: Quantity = None,
    label: Label = "RWV",
    slope: Slope = 1.0,
    intercept: Intercept = 0.0,
    first: Annotated[int, typer.Option(help="The lowest stored value that is mapped.")] = 0,
    last: Annotated[int, typer.Option(help="The highest stored value that is mapped.")] = 65535,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Real World Value Mapping: what the stored values of images mean."""
    from isocenter import compose

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    mapping = compose.RealWorldMapping(
        label,
        compose.units(units),
        quantity=compose.quantity(quantity),
        slope=slope,
        intercept=intercept,
        first=first,
        last=last,
    )
    composed = compose.real_world_value_mapping(
        mapping,
        series_description=title,
        **inherited(images, template, assigned, worklist),
    )
    delivery.deliver(composed)


def _images(source: list[Path] | None) -> list[Path]:
    if not source:
        raise ConfigurationError("--from PATH is missing: give the images that it lies on")
    return source


def _named(named: Any, algorithm: str | None) -> "dict[int, Segment]":
    from isocenter.compose import Segment

    found = assignments.pairs(named, "--segment")
    wrong = [key for key in found if not key.isdecimal()]
    if wrong:
        raise ConfigurationError(f"--segment {wrong[0]}: write NUMBER=NAME, such as 1=Liver")
    kind, by = ("AUTOMATIC", algorithm) if algorithm else ("MANUAL", "")
    return {
        int(key): Segment(name, algorithm_type=kind, algorithm_name=by)
        for key, name in found.items()
    }
