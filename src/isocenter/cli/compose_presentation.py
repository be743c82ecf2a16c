"""`isocenter compose gsps`."""

from pathlib import Path
from typing import Annotated

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

__all__ = ["EXAMPLE", "gsps"]

EXAMPLE = "isocenter compose gsps annotations.json --from image.dcm -o out.dcm"


def gsps(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON: text, graphics, window, rotation, ...")
    ],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Content Description; else the file's.")
    ] = None,
    creator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who made it, as Family^Given.")
    ] = None,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Softcopy Presentation State: how images are shown, and what is drawn over them.

    Grayscale or, for colour images, Color. The smallest file is
    {"text": [{"text": "Nodule", "anchor": [120, 80]}]}; the documentation lists all members.
    """
    from isocenter.compose import presentation_state

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    if not source:
        raise ConfigurationError("--from PATH is missing: give the images that are shown")
    given = {"ContentDescription": title, "ContentCreatorName": creator}
    shared = inherited(source, template, assigned, worklist)
    told = {keyword: value for keyword, value in given.items() if value is not None}
    shared["overrides"] = told | shared["overrides"]
    composed = presentation_state(file, **shared)
    delivery.deliver(composed)
