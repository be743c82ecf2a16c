"""Where a composed object goes: a file, a DICOM node, a DICOMweb server, an archive."""

import http.client
import json
import secrets
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer

from isocenter.cli.exit_codes import ExitCode
from isocenter.errors import AssociationError, ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose import Composed, LeftOut

__all__ = ["Delivery", "check_destination", "deliver_files", "note_left_out", "print_explanation"]

_SECONDS = 60
_LARGEST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is done with one object.

    Parameters
    ----------
    output
        The file, or an existing folder, to write.
    to
        `AET@HOST:PORT`, the URL of a DICOMweb server, or the folder of an archive.
    transfer_syntax
        UID of the encoding; by default the one that the object was composed in.
    explain
        Whether to print where each attribute came from.
    dry_run
        Whether to compose and encode it and keep nothing.
    """

    asked_for: ClassVar[str] = "the object goes: -o FILE"

    output: Path | None
    to: str | None = None
    transfer_syntax: str | None = None
    explain: bool = False
    dry_run: bool = False

    def check(self, inputs: Iterable[Path] = ()) -> None:
        """Refuse what leads nowhere, or over one of the `inputs`, before any work begins."""
        if not (self.output or self.to or self.explain or self.dry_run):
            raise ConfigurationError(f"say where {self.asked_for}, or --to DESTINATION")
        if self.output is not None:
            self.check_output(self.output, inputs)
        if self.to is not None:
            check_destination(self.to)

    def check_output(self, output: Path, inputs: Iterable[Path]) -> None:
        """Refuse a file that cannot be written, or must not be."""
        if not output.absolute().parent.is_dir():
            raise ConfigurationError(f"no such folder: {output.parent}")
        for one in inputs:
            if output.is_file() and _holds(one, output):
                raise ConfigurationError(f"-o {output} would write over what is read; name another")

    def deliver(self, composed: "Composed") -> None:
        """Print, write and send the object as asked for."""
        if self.explain:
            print_explanation(composed.explain())
        note_left_out(composed.left_out)
        with tempfile.TemporaryDirectory(prefix="isocenter-") as scratch:
            kept = self.output is not None and not self.dry_run
            # A dry run encodes as well: what cannot be encoded shall not seem to be fine.
            place = self.output if kept and self.output else Path(scratch)
            path = composed.save(place, transfer_syntax_uid=self.transfer_syntax)
            if self.dry_run:
                print(f"would write {composed.data_set.SOPClassUID.name}; nothing kept")
                return
            if kept:
                print(f"wrote {path}")
            if self.to is not None:
                deliver_files([path], self.to)


def deliver_files(paths: Sequence[Path], to: str) -> None:
    """Send files to a DICOM node or DICOMweb server, or keep them in an archive.

    Raises
    ------
    typer.Exit
        With FAILED, when one was not taken.
    """
    if _is_url(to):
        _post(paths, to)
    elif _is_node(to):
        _send(paths, to)
    else:
        _ingest(paths, Path(to))
    print(f"{len(paths)} stored at {to}")


def _is_url(to: str) -> bool:
    return to.startswith(("http://", "https://"))


def _is_node(to: str) -> bool:
    return "@" in to and not Path(to).is_dir()


def _holds(read: Path, file: Path) -> bool:
    """Tell whether a file is the one that is read, or in the folder that is."""
    if read.is_dir():
        return read.resolve() in file.resolve().parents
    return read.exists() and file.samefile(read)


def check_destination(to: str) -> None:
    """Refuse a destination that cannot be one, before any work begins.

    Raises
    ------
    ConfigurationError
        If it is no node, no URL and no archive.
    """
    from isocenter.dimse import PeerAddress

    if _is_node(to):
        PeerAddress.parse(to)
    elif not _is_url(to):
        _require_archive(Path(to))


def _require_archive(folder: Path) -> None:
    """Refuse what holds no archive: an index would be made among other files, or a second one."""
    from isocenter.archive import INDEX_NAME

    if not folder.is_dir():
        raise ConfigurationError(
            f"no archive at {folder}: give the folder of one (`isocenter serve` and `isocenter "
            "import` start one), AET@HOST:PORT, or a URL"
        )
    if not (folder / INDEX_NAME).exists() and any(folder.iterdir()):
        raise ConfigurationError(
            f"no archive at {folder}: it holds files and no {INDEX_NAME}; -o writes files into a "
            "folder, and an archive whose index is elsewhere takes objects through its server"
        )


def print_explanation(rows: Iterable[Mapping[str, str]]) -> None:
    """Print a line for each attribute: where its value came from."""
    for row in rows:
        place = f"{row['tag']} {row['keyword'] or 'Private':40} {row['vr']:2}"
        source = row["source"] or row["origin"]
        print(f"{place} {row['presence']:6} {source:6} {row['detail']}".rstrip())


def note_left_out(many: Iterable["LeftOut"]) -> None:
    """Say on standard error what was not taken over from the source, a line for each attribute."""
    for one in many:
        print(f"note: {one}; set it (--set) or correct it there", file=sys.stderr)


def _send(paths: Sequence[Path], to: str) -> None:
    from isocenter.cli.peers import explain_unreachable
    from isocenter.dimse import SendOutcome, connect_sync, send

    with explain_unreachable(to):
        connect_sync(to).release()
        results = send(paths, to)
    failed = [one for one in results if one.outcome is not SendOutcome.SENT]
    for one in failed:
        print(f"failed: {one.path}: {one.error}")
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _ingest(paths: Sequence[Path], folder: Path) -> None:
    from isocenter.archive import Archive

    with Archive.open(folder) as archive:
        for path in paths:
            archive.ingest(path)


def _post(paths: Sequence[Path], url: str) -> None:
    """Store over DICOMweb (PS3.18 10.5)."""
    boundary = secrets.token_hex(16)
    address = url.rstrip("/")
    if not address.endswith("/studies") and "/studies/" not in address:
        address += "/studies"
    for path in paths:
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = head + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
        request = urllib.request.Request(address, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                reason = _failure(answer.read(_LARGEST_ANSWER))
        except urllib.error.HTTPError as error:
            print(f"failed: {path}: {address} answered {error.code} {error.reason}")
            raise typer.Exit(ExitCode.FAILED) from error
        except (OSError, http.client.HTTPException) as error:
            raise AssociationError(f"{address} cannot be reached: {str(error).strip()}") from error
        if reason is not None:
            print(f"failed: {path}: {address} did not store it: {reason}")
            raise typer.Exit(ExitCode.FAILED)


def _failure(answer: bytes) -> str | None:
    """Return why the object was not stored, by Failed SOP Sequence (PS3.18 10.5.3, I.2.2)."""
    try:
        stored: Any = json.loads(answer or b"{}")
        items: Any = stored.get("00081198", {}).get("Value", [])
        reasons = [item.get("00081197", {}).get("Value", [0])[0] for item in items]
        return f"Failure Reason (0008,1197) {reasons[0]:04X}H" if reasons else None
    except (AttributeError, IndexError, TypeError, ValueError):
        return "its answer is no DICOM JSON, so look there whether it is"
