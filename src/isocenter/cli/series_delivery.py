"""Where a composed series goes: a folder, a DICOM node, a DICOMweb server, an archive."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from isocenter.cli.delivery import check_destination, deliver_files, print_explanation
from isocenter.errors import ConfigurationError

__all__ = ["SeriesDelivery"]


class _Series(Protocol):
    """What there is to deliver."""

    @property
    def sop_class_uid(self) -> str: ...

    def save(self, folder: str | Path, *, transfer_syntax_uid: str | None = None) -> list[Path]: ...

    def explain(self) -> list[dict[str, str]]: ...


@dataclass(frozen=True, slots=True)
class SeriesDelivery:
    """What is done with the series.

    Parameters
    ----------
    output
        The folder to write it into.
    to
        `AET@HOST:PORT`, the URL of a DICOMweb server, or the folder of an archive.
    transfer_syntax
        UID of the encoding; Explicit VR Little Endian by default.
    explain
        Whether to print where each attribute came from.
    dry_run
        Whether to compose and encode it and keep nothing.
    """

    output: Path | None
    to: str | None = None
    transfer_syntax: str | None = None
    explain: bool = False
    dry_run: bool = False

    def check(self) -> None:
        """Refuse what leads nowhere, before any work begins."""
        if not (self.output or self.to or self.explain or self.dry_run):
            raise ConfigurationError("say where the series goes: -o DIR, or --to DESTINATION")
        if self.output is not None and self.output.exists() and not self.output.is_dir():
            raise ConfigurationError(f"{self.output} is a file; the new series needs a folder")
        if self.output is not None and not self.output.absolute().parent.is_dir():
            raise ConfigurationError(f"no such folder: {self.output.parent}")
        if self.to is not None:
            check_destination(self.to)

    def deliver(self, series: _Series) -> None:
        """Print, write and send the series as asked for."""
        from isocenter.dicom import sop_class

        if self.explain:
            print_explanation(series.explain())
        if not (self.output or self.to or self.dry_run):
            return
        with tempfile.TemporaryDirectory(prefix="isocenter-") as scratch:
            kept = self.output is not None and not self.dry_run
            folder = self.output if kept and self.output else Path(scratch) / "series"
            # A dry run encodes as well: what cannot be encoded shall not seem to be fine.
            files = series.save(folder, transfer_syntax_uid=self.transfer_syntax)
            known = sop_class(series.sop_class_uid)
            what = f"{len(files)} {known.name if known is not None else series.sop_class_uid}"
            if self.dry_run:
                print(f"would write {what}; nothing kept")
                return
            if kept:
                print(f"wrote {what} to {self.output}")
            if self.to is not None:
                deliver_files(files, self.to)
