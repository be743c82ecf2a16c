"""What all commands that make objects share: where from, what is inherited, and where to.

A command that makes objects is written as a function of its content and its own options, which
returns what was made. `kind` and `series_kind` give it the options that all of them have, in the
same order and words, and deliver what it returns.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from isocenter.cli import assignments
from isocenter.cli.delivery import Delivery
from isocenter.cli.options import Command
from isocenter.cli.series_delivery import SeriesDelivery
from isocenter.errors import ConfigurationError

__all__ = ["Authored", "Inherited", "kind", "series_kind", "with_shared_options"]


def _option(kind: Any, *spellings: str, metavar: str | None, help: str) -> Any:
    return Annotated[kind, typer.Option(*spellings, metavar=metavar, help=help)]


def _inherited(kind: Any, *spellings: str, metavar: str, help: str) -> Any:
    return _option(kind | None, *spellings, metavar=metavar, help=help)


SOURCE = _inherited(
    list[Path], "--from", metavar="PATH", help="What to inherit from: files or folders."
)
_IDENTITY = {
    "worklist": _inherited(
        Path, "--worklist", metavar="FILE", help="A worklist item: its patient and order are right."
    ),
}
_FILED = {
    "series_description": _inherited(
        str, "--series-description", metavar="TEXT", help="What the series is called."
    ),
    "series_number": _inherited(
        int, "--series-number", metavar="NUMBER", help="The number of the series in its study."
    ),
    "instance_number": _inherited(
        int, "--instance-number", metavar="NUMBER", help="The number of the object in its series."
    ),
}
_CONTENT = {
    "content_label": _inherited(
        str, "--content-label", metavar="CS", help="Content Label, at most 16 capitals and digits."
    ),
    "content_description": _inherited(
        str, "--content-description", metavar="TEXT", help="Content Description."
    ),
    "content_creator_name": _inherited(
        str,
        "--creator",
        "--content-creator-name",
        metavar="NAME",
        help="Who made it, as Family^Given.",
    ),
}
_WINNING = {
    "template_file": _inherited(
        Path,
        "--template",
        "--template-file",
        metavar="FILE",
        help="TOML of a site's defaults and overrides.",
    ),
    "overrides": _inherited(
        list[str], "--set", metavar="KEY=VALUE", help="An attribute that wins over all else."
    ),
}
_TO = {
    "to": _option(
        str | None,
        "--to",
        metavar="DESTINATION",
        help="AET@HOST:PORT, DICOMweb URL, or archive folder.",
    ),
    "transfer_syntax": _option(
        str | None,
        "--transfer-syntax",
        metavar="UID",
        help="Encoding of what is written; JPEG 2000 is 1.2.840.10008.1.2.4.90.",
    ),
    "explain": _option(
        bool,
        "--explain",
        metavar=None,
        help="Print where the value of each attribute came from.",
    ),
    "dry_run": _option(
        bool,
        "--dry-run",
        metavar=None,
        help="Make and encode it, keep nothing.",
    ),
}


def _output(metavar: str, help: str) -> dict[str, Any]:
    return {"output": _option(Path | None, "--output", "-o", metavar=metavar, help=help)}


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the shared options say of the object.

    Parameters
    ----------
    source
        The paths of `--from`.
    worklist
        The file of a worklist item.
    said
        The other options that were given, by the parameter of the Python function.
    """

    source: list[Path] | None
    worklist: Path | None
    said: Mapping[str, Any]

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that the function of the kind takes of these options."""
        from isocenter.compose import load

        source = self.source
        return {
            "source": source if self.worklist is None else load(source, worklist=self.worklist),
            **self.said,
        }

    def of(self, source: list[Path]) -> "Inherited":
        """Return the same with another source."""
        return replace(self, source=source)


@dataclass(frozen=True, slots=True)
class Authored:
    """A command: its name, examples of its use, and what it runs."""

    name: str
    examples: tuple[str, ...]
    run: Callable[..., None]

    def add_to(self, app: typer.Typer) -> None:
        """Make it a command of `app`, whose help ends with the examples."""
        epilog = "\b\n" + "\n".join(self.examples)  # lines that are not wrapped
        app.command(self.name, cls=Command, epilog=epilog)(self.run)


def kind(
    name: str,
    *examples: str,
    needs: str | None = None,
    inherits: bool = True,
    title: str | None = None,
    identified: bool = False,
) -> Callable[[Callable[..., Any]], Authored]:
    """Make a command of a function that composes one object.

    Parameters
    ----------
    name
        How the command is called.
    *examples
        Command lines that its help shows.
    needs
        What `--from` must name, where the object cannot be without it.
    inherits
        Whether there is `--from`; else the content is the source.
    title
        The shared option that `--title` is another word for.
    identified
        Whether the object has the Content Identification macro (PS3.3 Table 10-12).

    Returns
    -------
    callable
        A decorator of functions whose first parameter is `Inherited`.
    """
    before = ({"source": SOURCE} if inherits else {}) | _IDENTITY
    said = _titled((_CONTENT if identified else {}) | _FILED, title) | _WINNING
    output = _output("FILE", "File or folder to write.")
    return _authored(name, examples, needs, before | said, output | _TO, Delivery)


def series_kind(name: str, *examples: str) -> Callable[[Callable[..., Any]], Authored]:
    """Make a command of a function that composes the images of a series; else like `kind`."""
    filed = {key: one for key, one in _FILED.items() if key != "instance_number"}
    before = {"source": SOURCE} | _IDENTITY
    said = _titled(filed, "series_description") | _WINNING
    output = _output("DIR", "Folder for the series.")
    return _authored(name, examples, None, before | said, output | _TO, SeriesDelivery)


def with_shared_options(function: Callable[..., Any]) -> Callable[..., None]:
    """Return the command of a function that makes a series from one that is its first argument."""
    filed = {key: one for key, one in _FILED.items() if key != "instance_number"}
    said = _titled(filed, "series_description") | _WINNING
    output = _output("DIR", "Folder for the new series.")
    return _authored("", (), None, said, output | _TO, SeriesDelivery)(function).run


def _titled(options: Mapping[str, Any], title: str | None) -> dict[str, Any]:
    """Let `--title` be the first word for one of the options."""
    found = dict(options)
    if title is not None:
        kind, option = get_args(found[title])
        found[title] = _inherited(
            get_args(kind)[0], "--title", option.default, metavar=option.metavar, help=option.help
        )
    return found


def _authored(
    name: str,
    examples: tuple[str, ...],
    needs: str | None,
    inherited: Mapping[str, Any],
    delivered: Mapping[str, Any],
    delivery_of: type[Delivery] | type[SeriesDelivery],
) -> Callable[[Callable[..., Any]], Authored]:
    def decorate(function: Callable[..., Any]) -> Authored:
        @wraps(function)
        def run(**options: Any) -> None:
            delivery = delivery_of(**{key: options.pop(key) for key in delivered})
            shared = {key: options.pop(key) for key in inherited}
            delivery.check(inputs=_paths(options, shared))
            if needs and not shared["source"]:
                raise ConfigurationError(f"--from PATH is missing: give {needs}")
            delivery.deliver(function(_told(shared), **options))

        del run.__wrapped__  # typing and inspection shall see the options that are added
        signature = inspect.signature(function)
        run.__signature__ = _extended(signature, inherited, delivered)  # pyright: ignore[reportAttributeAccessIssue]
        run.__annotations__ = {
            one.name: one.annotation for one in inspect.signature(run).parameters.values()
        }
        return Authored(name, examples, run)

    return decorate


def _told(shared: dict[str, Any]) -> Inherited:
    source, worklist = shared.pop("source", None), shared.pop("worklist", None)
    shared["overrides"] = assignments.overrides(shared["overrides"] or ())
    said = {key: value for key, value in shared.items() if value is not None}
    return Inherited(source, worklist, said)


def _paths(*options: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the files that are read, which must not be written over."""
    for value in (value for some in options for value in some.values()):
        many = cast("list[object]", value) if isinstance(value, list) else [value]
        yield from (one for one in many if isinstance(one, Path))


def _extended(
    signature: inspect.Signature, inherited: Mapping[str, Any], delivered: Mapping[str, Any]
) -> inspect.Signature:
    """Return a signature with the function's own options, then those that are shared."""
    own = [one.replace(kind=one.KEYWORD_ONLY) for one in [*signature.parameters.values()][1:]]
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if get_args(annotation)[0] is bool else None,
            annotation=annotation,
        )
        for name, annotation in {**inherited, **delivered}.items()
    ]
    return inspect.Signature([*own, *added], return_annotation=None)
