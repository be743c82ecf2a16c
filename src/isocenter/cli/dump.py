"""`isocenter dump`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from isocenter.cli import options
from isocenter.cli.exit_codes import ExitCode
from isocenter.errors import ConfigurationError, InvalidDicom

__all__ = ["dump"]


def dump(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A DICOM file.")],
    filter: Annotated[
        str | None,
        typer.Option("--filter", metavar="REGEX", help="Show only lines that match."),
    ] = None,
    annotate: Annotated[
        bool,
        typer.Option("--annotate", help="Add names, types by module, and listed values."),
    ] = False,
    private_values: Annotated[
        bool,
        typer.Option(
            "--private",
            "--private-values",
            help="Decode private values by their creators' dictionaries.",
        ),
    ] = False,
    binary_bytes: Annotated[
        int,
        typer.Option(
            "--bytes", "--binary-bytes", metavar="N", min=0, help="Bytes of binary values to show."
        ),
    ] = 8,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=0, help="Most characters to show; all."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the DICOM JSON Model (PS3.18 F).")
    ] = False,
    as_xml: Annotated[
        bool, typer.Option("--xml", help="Print the Native DICOM Model (PS3.19 A).")
    ] = False,
) -> None:
    """Show the elements of a file: tag, VR, keyword and value.

    Of a broken file, shows what can be read, then says where it breaks, and exits with 1.

    isocenter dump ct.dcm --filter 'Patient|Study' --annotate
    """
    from isocenter.dicom import tag_dump

    if as_json and as_xml:
        raise ConfigurationError("--json and --xml exclude each other")
    options.require_paths([file])
    if file.is_dir():
        raise ConfigurationError(f"{file} is a folder; name a file in it")
    if as_json or as_xml:
        _print_model(file, filter, annotate, as_xml)
        return
    try:
        shown = tag_dump.dump_lines(
            file, filter=filter, annotate=annotate, private_values=private_values,
            binary_bytes=binary_bytes,
        )  # fmt: skip
    except InvalidDicom as error:
        raise InvalidDicom(f"{file}: {error}") from error
    print(tag_dump.shortened(shown.lines, limit), end="")
    if shown.error:
        print(f"isocenter: {file}: {shown.error}", file=sys.stderr)
        raise typer.Exit(ExitCode.FAILED)


def _print_model(file: Path, filter: str | None, annotate: bool, as_xml: bool) -> None:
    """Print the JSON or XML of the whole file, or of the elements whose lines match."""
    from isocenter.dicom import file_json, scan_file
    from isocenter.dicom.tag_dump import annotation, dump_lines, rules_of
    from isocenter.dicomweb.native_xml import json_to_xml

    try:
        header = scan_file(file)
    except InvalidDicom as error:
        raise InvalidDicom(f"{file}: {error}") from error
    text = file_json(file, header, bulk_data_uri=f"{file.absolute().as_uri()}#")
    if filter is not None or (annotate and not as_xml):
        from isocenter.dicom.iod import iod

        model: dict[str, dict[str, Any]] = json.loads(text)
        if filter is not None:
            kept = {f"{line.tag:08X}" for line in dump_lines(file, filter=filter).lines}
            model = {tag: element for tag, element in model.items() if tag in kept}
        if annotate and not as_xml:
            rules = rules_of(iod(header.sop_class_uid))
            for tag, element in model.items():
                element["annotation"] = annotation(int(tag, 16), rules)
        text = json.dumps(model, ensure_ascii=False).encode()
    sys.stdout.buffer.write((json_to_xml(text) if as_xml else text) + b"\n")
    sys.stdout.flush()
