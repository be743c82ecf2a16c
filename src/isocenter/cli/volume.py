"""`isocenter volume`."""

from pathlib import Path
from typing import Annotated

import typer

from isocenter.cli import options
from isocenter.errors import ConfigurationError

__all__ = ["volume"]


def volume(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH", help="A folder, files, DICOMDIR, ZIP, archive or DICOMweb URL."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Named .nii, .nii.gz, .mha, .nrrd or .npy."
        ),
    ],
    series: Annotated[
        str | None, typer.Option(metavar="UID", help="Which series, where there are several.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="What tells images of one place apart: EchoTime, time."),
    ] = None,
) -> None:
    """Write a series as one volume for research: NIfTI, NRRD, MetaImage, NumPy.

    isocenter volume series/ -o volume.nii.gz

    isocenter volume study.zip --series 1.2.840.1 --by b-value -o diffusion.nrrd

    Values are rescaled (HU of CT); what tells several volumes apart becomes the fourth axis.
    """
    from isocenter.series import Series

    urls = [one for one in paths if one.startswith(("http://", "https://"))]
    options.require_paths([Path(one) for one in paths if one not in urls])
    if not output.absolute().parent.is_dir():
        raise ConfigurationError(f"no such folder: {output.parent}")
    found = Series.open(paths[0] if len(paths) == 1 else paths, series=series, by=by)
    for remark in found.remarks:
        print(f"note: {remark}")
    found.to_nifti(output)
    axes = ", ".join(f"{len(axis)} {_plural(axis.name, axis.keyword)}" for axis in found.axes)
    print(f"wrote {output}: {axes}, {found.dtype}")


def _plural(name: str, keyword: str) -> str:
    return {"tag": f"of {keyword}", "colour": "colours"}.get(name, f"{name}s")
