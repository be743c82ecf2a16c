"""`isocenter compose pm` and `rwvm`: what was measured, and what stored values mean."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli.authoring import Inherited, kind

if TYPE_CHECKING:
    from isocenter.compose import Composed

__all__ = ["pm", "rwvm"]

Units = Annotated[
    str,
    typer.Option(
        "--units", "--units-of-measure", metavar="UCUM", help="Units of the values, such as mm2/s."
    ),
]
Quantity = Annotated[
    str | None,
    typer.Option(
        "--quantity",
        "--quantity-definition",
        metavar="NAME",
        help="What is measured: its name, or VALUE:SCHEME:MEANING.",
    ),
]
Explanation = Annotated[str, typer.Option(metavar="TEXT", help="LUT Explanation; else the label.")]
Slope = Annotated[float, typer.Option(help="Real value = slope x stored value + intercept.")]
Intercept = Annotated[float, typer.Option(help="Real value = slope x stored value + intercept.")]
Label = Annotated[str, typer.Option(metavar="TEXT", help="LUT Label, at most 16 characters.")]


@kind(
    "pm",
    "isocenter compose pm adc.nii.gz --from series/ --units um2/s -o out.dcm",
    "isocenter compose pm t1.nii.gz --from series/ --units ms --label T1 -o out.dcm",
    needs="the images that it lies on",
    title="series_description",
    identified=True,
)
def pm(
    inherited: Inherited,
    values: Annotated[
        Path, typer.Argument(metavar="VALUES", help="Measured values on the grid of the series.")
    ],
    units_of_measure: Units,
    quantity_definition: Quantity = None,
    label: Label = "MAP",
    explanation: Explanation = "",
    slope: Slope = 1.0,
    intercept: Intercept = 0.0,
) -> "Composed":
    """Parametric Map from measured values: float, double or 16 bits."""
    from isocenter.compose import parametric_map

    return parametric_map(
        values,
        units_of_measure=units_of_measure,
        quantity_definition=quantity_definition,
        label=label,
        explanation=explanation,
        slope=slope,
        intercept=intercept,
        **inherited.arguments(),
    )


@kind(
    "rwvm",
    "isocenter compose rwvm series/ --units g/ml --slope 0.5 -o out.dcm",
    "isocenter compose rwvm series/ --units g/ml --quantity 126401:DCM:SUVbw --label SUVbw "
    "--slope 0.5 -o out.dcm",
    inherits=False,
    title="series_description",
    identified=True,
)
def rwvm(
    inherited: Inherited,
    images: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="The images whose values are mapped.")
    ],
    units_of_measure: Units,
    quantity_definition: Quantity = None,
    label: Label = "RWV",
    explanation: Explanation = "",
    slope: Slope = 1.0,
    intercept: Intercept = 0.0,
    first: Annotated[int, typer.Option(help="The lowest stored value that is mapped.")] = 0,
    last: Annotated[int, typer.Option(help="The highest stored value that is mapped.")] = 65535,
    referenced_frame_numbers: Annotated[
        str,
        typer.Option(
            "--frames",
            "--referenced-frame-numbers",
            metavar="LISTS",
            help="Frames of each image, such as 1-2,4:1.",
        ),
    ] = "",
) -> "Composed":
    """Real World Value Mapping: what the values of images mean."""
    from isocenter import compose

    mapping = compose.RealWorldMapping(
        label,
        compose.units(units_of_measure),
        explanation=explanation,
        quantity=compose.quantity(quantity_definition),
        slope=slope,
        intercept=intercept,
        first=first,
        last=last,
    )
    return compose.real_world_value_mapping(
        mapping,
        referenced_frame_numbers=referenced_frame_numbers,
        **inherited.of(images).arguments(),
    )
