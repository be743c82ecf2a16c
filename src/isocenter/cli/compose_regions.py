"""`isocenter compose rtstruct` and `seg`: what was marked on images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isocenter.cli import assignments
from isocenter.cli.authoring import Inherited, kind
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose import Composed, Segment

__all__ = ["rtstruct", "seg"]

Mask = Annotated[Path, typer.Argument(metavar="MASK", help="Label map on the grid of the series.")]


@kind(
    "rtstruct",
    "isocenter compose rtstruct mask.nii.gz --from series/ -o out.dcm",
    "isocenter compose rtstruct mask.nrrd --from series/ --region 1=Liver --region 2=Spleen "
    "--title PLAN -o out.dcm",
    needs="the image series that the mask lies on",
)
def rtstruct(
    inherited: Inherited,
    mask: Mask,
    label: Annotated[
        str,
        typer.Option(
            "--title",
            "--label",
            metavar="LABEL",
            help="Structure Set Label, at most 16 characters.",
        ),
    ] = "REGIONS",
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Structure Set Name.")] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--region",
            "--names",
            metavar="NUMBER=NAME",
            help="The name of a label, such as 1=Liver.",
        ),
    ] = None,
    holes: Annotated[
        str, typer.Option(metavar="KIND", help="xor, or keyhole for readers that know no XOR.")
    ] = "xor",
) -> "Composed":
    """RT Structure Set from a label map: a region for each label."""
    from isocenter.compose import rt_structure_set

    named = _numbered(names, "--region")
    return rt_structure_set(
        mask, names=named, holes=holes, label=label, name=name, **inherited.arguments()
    )


@kind(
    "seg",
    "isocenter compose seg mask.nii.gz --from series/ --segment 1=Liver -o out.dcm",
    "isocenter compose seg mask.nii.gz --from series/ --segments labels.json --algorithm Net "
    "-o out.dcm",
    "isocenter compose seg probability.nii.gz --from series/ --kind fractional -o out.dcm",
    needs="the images that it lies on",
    title="series_description",
    identified=True,
)
def seg(
    inherited: Inherited,
    mask: Mask,
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
    algorithm_name: Annotated[
        str,
        typer.Option(
            "--algorithm",
            "--algorithm-name",
            metavar="NAME",
            help="The algorithm that made all segments.",
        ),
    ] = "",
    fractional_type: Annotated[
        str, typer.Option(metavar="KIND", help="What fractions are: probability or occupancy.")
    ] = "probability",
    omit_empty_frames: Annotated[
        bool,
        typer.Option(
            "--omit-empty-frames/--keep-empty",
            help="Whether frames are left out in which a segment is nowhere.",
        ),
    ] = True,
) -> "Composed":
    """Segmentation from a label map: a segment for each label.

    The smallest file of --segments is {"1": {"label": "Liver"}}; the documentation lists all
    members.
    """
    from isocenter.compose import read_segments, segmentation

    described = read_segments(segments) if segments is not None else {}
    return segmentation(
        mask,
        segments=described | _segments(segment, algorithm_name),
        kind=kind,
        algorithm_name=algorithm_name,
        fractional_type=fractional_type,
        omit_empty_frames=omit_empty_frames,
        **inherited.arguments(),
    )


def _segments(named: list[str] | None, algorithm: str) -> "dict[int, Segment]":
    from isocenter.compose import Segment

    made: dict[str, Any] = {"algorithm_type": "AUTOMATIC" if algorithm else "MANUAL"}
    return {
        number: Segment(name, algorithm_name=algorithm, **made)
        for number, name in _numbered(named, "--segment").items()
    }


def _numbered(named: list[str] | None, option: str) -> dict[int, str]:
    found = assignments.pairs(named or (), option)
    wrong = [key for key in found if not (key.isascii() and key.isdecimal())]
    if wrong:
        raise ConfigurationError(f"{option} {wrong[0]}: write NUMBER=NAME, such as 1=Liver")
    return {int(key): name for key, name in found.items()}
