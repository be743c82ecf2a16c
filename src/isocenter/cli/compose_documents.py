"""`isocenter compose pdf`, `cda`, `stl`, `obj` and `mtl`: documents as they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isocenter.cli.authoring import Authored, Inherited, kind

if TYPE_CHECKING:
    from isocenter.compose import Composed

__all__ = ["DOCUMENTS"]

File = Annotated[Path, typer.Argument(metavar="FILE", help="PDF, CDA, STL, OBJ or MTL.")]
Title = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Document Title; else that of the file.")
]
BurnedIn = Annotated[
    bool,
    typer.Option(
        "--burned-in-annotation/--no-burned-in-annotation",
        help="Whether the document says who the patient is.",
    ),
]


def _document(name: str) -> Authored:
    # `pdf` is what people type for any document; the other names insist on their kind.
    insisted = None if name == "pdf" else name

    def document(
        inherited: Inherited, file: File, title: Title = None, burned_in_annotation: BurnedIn = True
    ) -> "Composed":
        from isocenter.compose import encapsulated

        given: dict[str, Any] = inherited.arguments()
        return encapsulated(
            file, kind=insisted, title=title, burned_in_annotation=burned_in_annotation, **given
        )

    document.__doc__ = (
        "Encapsulate a document: PDF, CDA, STL, OBJ or MTL.\n\nIts content and name tell which."
        if insisted is None
        else f"Encapsulate a document that must be {name.upper()}."
    )
    return kind(
        name,
        f'isocenter compose {name} file.{name} --from image.dcm --title "..." -o out.dcm',
    )(document)


DOCUMENTS = tuple(_document(name) for name in ("pdf", "cda", "stl", "obj", "mtl"))
