"""`isocenter compose KIND`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from isocenter.cli import assignments
from isocenter.cli.delivery import Delivery
from isocenter.errors import ConfigurationError

__all__ = ["app"]

app = typer.Typer(
    help="Make DICOM objects from pictures, documents, masks, fields and references.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Source = Annotated[
    list[Path] | None,
    typer.Option("--from", metavar="PATH", help="What to inherit from: files or folders."),
]
Worklist = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A worklist item: its patient and order are right."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="File or folder to write.")
]
Title = Annotated[str | None, typer.Option(metavar="TEXT", help="What the object is called.")]
TemplateFile = Annotated[
    Path | None,
    typer.Option("--template", metavar="FILE", help="TOML of a site's defaults and overrides."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An attribute that wins over all else."),
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Print where the value of each attribute came from.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Compose and encode, keep nothing.")]
To = Annotated[
    str | None,
    typer.Option(metavar="DESTINATION", help="AET@HOST:PORT, DICOMweb URL, or archive folder."),
]
Modality = Annotated[str | None, typer.Option(metavar="CS", help="Modality of the new series.")]
Spacing = Annotated[
    str | None,
    typer.Option(metavar="ROWxCOLUMN", help="Distance of pixel centres in mm, such as 0.5x0.5."),
]
BurnedIn = Annotated[bool, typer.Option("--burned-in", help="The pixels show who the patient is.")]
Kind = Annotated[str, typer.Option(metavar="KIND", help="photographic, endoscopic or microscopic.")]
FrameTime = Annotated[
    float | None, typer.Option(metavar="MS", help="Milliseconds from frame to frame.", min=0)
]


_VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"})


def inherited(
    source: list[Path] | None,
    template: Path | None,
    assigned: list[str] | None,
    worklist: Path | None,
) -> dict[str, Any]:
    """Return the arguments that every kind's function takes of the options."""
    from isocenter.compose import load

    given = list(source) if source else None
    return {
        "source": given if worklist is None else load(given, worklist=worklist),
        "template_file": template,
        "overrides": assignments.overrides(assigned or ()),
    }


@app.command("sc", epilog="isocenter compose sc photo.jpg --from image.dcm -o out.dcm")
def sc(
    pictures: Annotated[
        list[Path],
        typer.Argument(metavar="PICTURE", help="JPEG, PNG, TIFF, BMP; several become frames."),
    ],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Title = None,
    modality: Modality = None,
    spacing: Spacing = None,
    frame_time: FrameTime = None,
    burned_in: BurnedIn = False,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Secondary Capture from pictures, or from one video; a JPEG is kept as it is."""
    from isocenter.compose import secondary_capture
    from isocenter.compose import video as compose_video

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    if len(pictures) == 1 and pictures[0].suffix.lower() in _VIDEOS:
        composed = compose_video(
            pictures[0],
            kind="capture",
            burned_in_annotation=burned_in,
            series_description=title,
            **inherited(source, template, assigned, worklist),
        )
        delivery.deliver(composed)
        return
    composed = secondary_capture(
        pictures,
        modality=modality,
        pixel_spacing=_pair(spacing),
        frame_time=frame_time,
        burned_in_annotation=burned_in,
        series_description=title,
        **inherited(source, template, assigned, worklist),
    )
    delivery.deliver(composed)


@app.command(
    "vl", epilog="isocenter compose vl photo.jpg --kind endoscopic --from image.dcm -o out.dcm"
)
def vl(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="JPEG, PNG, TIFF or BMP.")],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Title = None,
    kind: Kind = "photographic",
    spacing: Spacing = None,
    burned_in: BurnedIn = False,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Visible light image: a photograph, or one frame of endoscopy or microscopy."""
    from isocenter.compose import photograph

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    composed = photograph(
        picture,
        kind=kind,
        pixel_spacing=_pair(spacing),
        burned_in_annotation=burned_in,
        series_description=title,
        **inherited(source, template, assigned, worklist),
    )
    delivery.deliver(composed)


@app.command(
    "video", epilog="isocenter compose video film.mp4 --kind endoscopic --from image.dcm -o out.dcm"
)
def video(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any video that FFmpeg reads.")],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Title = None,
    kind: Kind = "photographic",
    burned_in: BurnedIn = False,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Video of photography, endoscopy or microscopy; a stream that DICOM has is kept as it is."""
    from isocenter import compose

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    composed = compose.video(
        file,
        kind=kind,
        burned_in_annotation=burned_in,
        series_description=title,
        **inherited(source, template, assigned, worklist),
    )
    delivery.deliver(composed)


def document(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="PDF, CDA, STL, OBJ or MTL.")],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Title = None,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Encapsulate a document: PDF, CDA, STL, OBJ or MTL, told by its content and name."""
    from isocenter.compose import encapsulated

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    # `pdf` is what people type for any document; the other names insist on their kind.
    kind = None if context.info_name == "pdf" else context.info_name
    composed = encapsulated(
        file, kind=kind, title=title, **inherited(source, template, assigned, worklist)
    )
    delivery.deliver(composed)


for _kind in ("pdf", "cda", "stl", "obj", "mtl"):
    app.command(
        _kind, epilog=f"isocenter compose {_kind} file.{_kind} --from image.dcm -o out.dcm"
    )(document)


@app.command("ko", epilog='isocenter compose ko a.dcm b.dcm --title "Of Interest" -o out.dcm')
def ko(
    references: Annotated[list[Path], typer.Argument(metavar="PATH", help="The selected objects.")],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Annotated[
        str, typer.Option(metavar="TITLE", help="A document title of CID 7010.")
    ] = "Of Interest",
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why they were selected.")
    ] = None,
    frames: Annotated[
        str,
        typer.Option(metavar="LISTS", help="Frames of each object, such as 1-2,4:1."),
    ] = "",
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Key Object Selection: objects with a title and a note."""
    from isocenter.compose import key_object_selection

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    composed = key_object_selection(
        references,
        title=title,
        note=note,
        referenced_frame_numbers=frames,
        **inherited(source, template, assigned, worklist),
    )
    delivery.deliver(composed)


@app.command("rtstruct", epilog="isocenter compose rtstruct mask.nii.gz --from series/ -o out.dcm")
def rtstruct(
    mask: Annotated[
        Path, typer.Argument(metavar="MASK", help="Label map on the grid of the series.")
    ],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Annotated[
        str, typer.Option(metavar="LABEL", help="Structure Set Label, at most 16 characters.")
    ] = "REGIONS",
    region: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER=NAME", help="The name of a label, such as 1=Liver."),
    ] = None,
    holes: Annotated[
        str, typer.Option(metavar="KIND", help="xor, or keyhole for readers that know no XOR.")
    ] = "xor",
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """RT Structure Set from a label map (NIfTI, MetaImage, NRRD): a region for each label."""
    from isocenter.compose import load, read_label_map, rt_structure_set

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    shared = inherited(source, template, assigned, worklist)
    series = load(_required(shared.pop("source"), "the image series that the mask lies on"))
    regions = read_label_map(mask, source=series, names=_names(region or ()))
    composed = rt_structure_set(regions, source=series, holes=holes.upper(), label=title, **shared)
    delivery.deliver(composed)


def _required(source: Any, what: str) -> Any:
    if source is None:
        raise ConfigurationError(f"--from PATH is missing: give {what}")
    return source


def _pair(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.lower().split("x")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers, default=0) <= 0:
        raise ConfigurationError(f"--spacing {text}: write mm as ROWxCOLUMN, such as 0.5x0.5")
    return numbers[0], numbers[-1]


def _names(regions: Any) -> dict[int, str]:
    found = assignments.pairs(regions, "--region")
    wrong = [key for key in found if not key.isdecimal()]
    if wrong:
        raise ConfigurationError(f"--region {wrong[0]}: write NUMBER=NAME, such as 1=Liver")
    return {int(key): name for key, name in found.items()}
