"""`isocenter compose gsps`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli.authoring import Inherited, kind

if TYPE_CHECKING:
    from isocenter.compose import Composed

__all__ = ["gsps"]


@kind(
    "gsps",
    "isocenter compose gsps annotations.json --from image.dcm -o out.dcm",
    "isocenter compose gsps window.json --from series/ --title Lung --creator Doe^Jane -o out.dcm",
    needs="the images that are shown",
    title="content_description",
    identified=True,
)
def gsps(
    inherited: Inherited,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON: text, graphics, window, rotation, ...")
    ],
) -> "Composed":
    """Softcopy Presentation State: how images are shown.

    What is drawn over them, too. Grayscale or, for colour images, Color. The smallest file is
    {"text": [{"text": "Nodule", "anchor": [120, 80]}]}; the documentation lists all members.
    """
    from isocenter.compose import presentation_state

    return presentation_state(file, **inherited.arguments())
