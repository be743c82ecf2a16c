"""`isocenter serve`."""

from pathlib import Path
from typing import Annotated

import typer

from isocenter.cli import options

__all__ = ["serve"]


def _flag(name: str, metavar: str | None, help_text: str) -> typer.models.OptionInfo:
    parser = options.path_of(name) if metavar == "DIR" else None
    return typer.Option(name, metavar=metavar, parser=parser, help=help_text)


def serve(
    http: Annotated[
        str | None,
        _flag("--http", "HOST:PORT", "Viewer, DICOMweb (127.0.0.1:8104)."),
    ] = None,
    dicom: Annotated[
        str | None, _flag("--dicom", "HOST:PORT", "Associations (127.0.0.1:11112).")
    ] = None,
    aet: Annotated[
        str | None, _flag("--aet", "TITLE", "AE title of this node (ISOCENTER).")
    ] = None,
    peers: Annotated[
        str | None,
        _flag("--peers", "AET,AET", "Calling AE titles that may associate (anyone)."),
    ] = None,
    insecure: Annotated[
        bool,
        _flag("--insecure", None, "Listen beyond this machine, open to anyone."),
    ] = False,
    data: Annotated[
        Path | None, _flag("--data", "DIR", "Folder of the archive (./isocenter-data).")
    ] = None,
    durability: Annotated[
        str | None,
        _flag("--durability", "safe|fast", "Whether success waits for the disk (safe)."),
    ] = None,
    on_conflict: Annotated[
        str | None,
        _flag(
            "--on-conflict",
            "refuse|replace|keep",
            "When the same instance arrives with other bytes (refuse).",
        ),
    ] = None,
    quarantine: Annotated[
        Path | None,
        _flag("--quarantine", "DIR", "Keep refused objects and the reason."),
    ] = None,
    validation: Annotated[
        str | None,
        _flag(
            "--validation",
            "off|warn|refuse",
            "What becomes of objects that break rules of their IOD (off: nobody looks).",
        ),
    ] = None,
    demo: Annotated[
        bool, _flag("--demo", None, "Fill an empty archive with sample studies.")
    ] = False,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="debug, info, warning or error (info).")
    ] = None,
    config: options.ConfigFile = None,
) -> None:
    """Run the archive, its DICOM and web services, and the viewer.

    Every flag is also a setting (isocenter.toml) and a variable (ISOCENTER_...); the flag wins.
    `isocenter config` shows all of them.
    """
    from isocenter.server.process import run
    from isocenter.server.settings import load

    flags = {
        "http": http,
        "dicom": dicom,
        "aet": aet,
        "peers": peers,
        "insecure": insecure or None,
        "data": data,
        "durability": durability,
        "on_conflict": on_conflict,
        "quarantine": quarantine,
        "validation": validation,
        "demo": demo or None,
        "log_level": log_level,
    }
    run(load(flags, config).settings)
