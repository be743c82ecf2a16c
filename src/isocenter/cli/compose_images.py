"""`isocenter compose sc`, `vl` and `video`: pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli.authoring import Inherited, kind
from isocenter.dicom.number_strings import parse_decimal
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose import Composed

__all__ = ["sc", "video", "vl"]

Spacing = Annotated[
    str | None,
    typer.Option(
        "--spacing",
        "--pixel-spacing",
        metavar="ROWxCOLUMN",
        help="Distance of pixel centres in mm, such as 0.5x0.5.",
    ),
]
BurnedIn = Annotated[
    bool,
    typer.Option("--burned-in", "--burned-in-annotation", help="The pixels show who it is."),
]
SeriesOf = Annotated[
    list[Path] | None,
    typer.Option(metavar="PATH", help="Objects made before, whose series this one joins."),
]


ConversionType = Annotated[
    str, typer.Option(metavar="CS", help="DV, DI, DF, WSD, SD, SI, DRW or SYN.")
]


@kind(
    "sc",
    "isocenter compose sc photo.jpg --from image.dcm -o out.dcm",
    "isocenter compose sc 1.png 2.png 3.png --frame-time 40 --from image.dcm --title Cine -o out/",
    "isocenter compose sc screen.mp4 --from study/ --to ISOCENTER@127.0.0.1:11112",
    title="series_description",
)
def sc(
    inherited: Inherited,
    pictures: Annotated[
        list[Path],
        typer.Argument(metavar="PICTURE", help="JPEG, PNG, TIFF, BMP; several become frames."),
    ],
    source_frame: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="The frame of the source that is shown."),
    ] = None,
    modality: Annotated[
        str | None, typer.Option(metavar="CS", help="Modality of the new series.")
    ] = None,
    conversion_type: ConversionType = "WSD",
    pixel_spacing: Spacing = None,
    frame_time: Annotated[
        float | None, typer.Option(metavar="MS", help="Milliseconds from frame to frame.", min=0)
    ] = None,
    burned_in_annotation: BurnedIn = False,
    series_of: SeriesOf = None,
) -> "Composed":
    """Secondary Capture from pictures, or from one video.

    A JPEG is kept as it is.
    """
    from isocenter.compose import secondary_capture

    return secondary_capture(
        pictures,
        source_frame=source_frame,
        modality=modality,
        conversion_type=conversion_type,
        pixel_spacing=_pair(pixel_spacing),
        frame_time=frame_time,
        burned_in_annotation=burned_in_annotation,
        series_of=series_of,
        **inherited.arguments(),
    )


@kind(
    "vl",
    "isocenter compose vl photo.jpg --from image.dcm -o out.dcm",
    "isocenter compose vl frame.png --kind endoscopic --series-of out.dcm --from image.dcm -o out/",
    title="series_description",
)
def vl(
    inherited: Inherited,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="JPEG, PNG, TIFF or BMP.")],
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="photographic, endoscopic or microscopic.")
    ] = "photographic",
    pixel_spacing: Spacing = None,
    burned_in_annotation: BurnedIn = False,
    series_of: SeriesOf = None,
) -> "Composed":
    """Visible light image of photography, endoscopy or microscopy."""
    from isocenter.compose import photograph

    return photograph(
        picture,
        kind=kind,
        pixel_spacing=_pair(pixel_spacing),
        burned_in_annotation=burned_in_annotation,
        series_of=series_of,
        **inherited.arguments(),
    )


@kind(
    "video",
    "isocenter compose video film.mp4 --kind endoscopic --from image.dcm -o out.dcm",
    "isocenter compose video film.mov --anatomic-region Stomach --from image.dcm --title Film "
    "-o out.dcm",
    title="series_description",
)
def video(
    inherited: Inherited,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any video that FFmpeg reads.")],
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="photographic, endoscopic, microscopic or capture.")
    ] = "photographic",
    anatomic_region: Annotated[
        str | None, typer.Option(metavar="NAME", help="What is shown, of CID 4, such as Stomach.")
    ] = None,
    conversion_type: ConversionType = "WSD",
    burned_in_annotation: BurnedIn = False,
    series_of: SeriesOf = None,
) -> "Composed":
    """Video of photography, endoscopy or microscopy.

    A stream that DICOM has is kept as it is.
    """
    from isocenter import compose

    return compose.video(
        file,
        kind=kind,
        anatomic_region=anatomic_region,
        conversion_type=conversion_type,
        burned_in_annotation=burned_in_annotation,
        series_of=series_of,
        **inherited.arguments(),
    )


def _pair(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        numbers = list(map(parse_decimal, text.lower().removesuffix("mm").split("x")))
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers, default=0) <= 0:
        raise ConfigurationError(f"--spacing {text}: write mm as ROWxCOLUMN, such as 0.5x0.5")
    return numbers[0], numbers[-1]
