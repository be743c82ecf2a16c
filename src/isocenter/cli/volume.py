"""`isocenter volume`."""

from pathlib import Path
from typing import Annotated

import typer

from isocenter.cli import options
from isocenter.errors import ConfigurationError, IsocenterError

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
            "--output",
            "-o",
            metavar="FILE",
            help="Named .nii, .nii.gz, .mha, .nrrd or .npy; .tfm or .h5 for a registration.",
        ),
    ],
    series: Annotated[
        str | None, typer.Option(metavar="UID", help="Which series, where there are several.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="What tells images of one place apart: EchoTime, time."),
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="The images that a segmentation, structure set or map was made on.",
        ),
    ] = None,
    segment: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="One segment or region; else all.")
    ] = None,
    item: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Which item of a registration, if several."),
    ] = None,
) -> None:
    """Write a series as one volume: NIfTI, NRRD, MetaImage, NumPy.

    isocenter volume series/ -o volume.nii.gz

    isocenter volume study.zip --series 1.2.840.1 --by b-value -o diffusion.nrrd

    isocenter volume segmentation.dcm --from series/ -o mask.nii.gz

    isocenter volume registration.dcm -o field.nii.gz

    Values are rescaled (HU of CT); what tells several volumes apart becomes the fourth axis. With
    --from, a Segmentation or RT Structure Set becomes a label map, a Parametric Map its values, on
    the grid of these images; without, a Segmentation or Map has the grid of its own frames. A
    registration becomes a displacement field, or a linear transform of ITK (.tfm).
    """
    urls = [one for one in paths if one.startswith(("http://", "https://"))]
    options.require_paths([Path(one) for one in paths if one not in urls])
    if not output.absolute().parent.is_dir():
        raise ConfigurationError(f"no such folder: {output.parent}")
    one = _single_object(paths)
    if source or segment is not None or item is not None or one is not None:
        if len(paths) > 1 or series or by:
            raise ConfigurationError(
                "--from, --segment, --item: give one object, and neither --series nor --by"
            )
        if one == "registration":
            _refuse(source, "--from: a registration has a grid of its own, or none")
            _refuse(segment, "--segment: a registration has items (--item)")
            _of_registration(Path(paths[0]), item, output)
        else:
            _refuse(item, f"--item: {paths[0]} is no registration")
            _of_object(Path(paths[0]), source, segment, output)
    else:
        _of_series(paths, output, series, by)


def _refuse(option: object, why: str) -> None:
    if option:
        raise ConfigurationError(why)


def _of_series(paths: list[str], output: Path, series: str | None, by: str | None) -> None:
    from isocenter.series import Series

    found = Series.open(paths[0] if len(paths) == 1 else paths, series=series, by=by)
    for remark in found.remarks:
        print(f"note: {remark}")
    found.to_nifti(output)
    axes = ", ".join(f"{len(axis)} {_plural(axis.name, axis.keyword)}" for axis in found.axes)
    print(f"wrote {output}: {axes}, {found.dtype}")


def _of_registration(path: Path, item: int | None, output: Path) -> None:
    from isocenter.compose import registration_transform

    found = registration_transform(path, item=item)
    found.write(output)
    print(f"wrote {output}: {found.describe()}")


def _of_object(marked: Path, source: list[Path] | None, segment: int | None, output: Path) -> None:
    from isocenter.compose import object_volume

    options.require_paths([marked, *(source or ())])
    found = object_volume(marked, source=source, segment=segment)
    found.write(output)
    slices, rows, columns = found.values.shape
    print(f"wrote {output}: {slices} slices, {rows} rows, {columns} columns, {found.values.dtype}")
    for number, name in found.names.items():
        print(f"{number} = {name}")


def _single_object(paths: list[str]) -> str | None:
    """Tell what the one file that was given is, if it is no image: marked on images, or between."""
    from isocenter.compose import load
    from isocenter.compose.object_volumes import has_volume
    from isocenter.compose.registrations.transform_files import is_registration

    if len(paths) != 1 or not Path(paths[0]).is_file():
        return None
    try:
        found = load(paths[0]).first
    except IsocenterError:  # no DICOM file: whoever opens it as a series says what it is
        return None
    if found is None or not (has_volume(found.data_set) or is_registration(found.data_set)):
        return None
    return "registration" if is_registration(found.data_set) else "marked"


def _plural(name: str, keyword: str) -> str:
    return {"tag": f"of {keyword}", "colour": "colours"}.get(name, f"{name}s")
