"""Where a composed series goes: a folder, a DICOM node, a DICOMweb server, an archive."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from isocenter.cli.delivery import Delivery, deliver_files, note_left_out, print_explanation
from isocenter.errors import ConfigurationError

__all__ = ["SeriesDelivery"]


class SeriesDelivery(Delivery):
    """What is done with the images of a series; `output` is their folder."""

    asked_for = "the series goes: -o DIR"

    def check_output(self, output: Path, inputs: Iterable[Path]) -> None:
        """Refuse what cannot be the folder."""
        if output.exists() and not output.is_dir():
            raise ConfigurationError(f"{output} is a file; the new series needs a folder")
        if output.is_dir() and any(output.iterdir()):
            raise ConfigurationError(f"{output} has files already; the new series needs its own")
        if not output.absolute().parent.is_dir():
            raise ConfigurationError(f"no such folder: {output.parent}")

    def deliver(self, composed: Any) -> None:
        """Print, write and send the series as asked for."""
        from isocenter.dicom import sop_class

        if self.explain:
            print_explanation(composed.explain())
        if not (self.output or self.to or self.dry_run):
            note_left_out(composed.left_out)
            return
        with tempfile.TemporaryDirectory(prefix="isocenter-") as scratch:
            kept = self.output is not None and not self.dry_run
            folder = self.output if kept and self.output else Path(scratch) / "series"
            # A dry run encodes as well: what cannot be encoded shall not seem to be fine.
            files = composed.save(folder, transfer_syntax_uid=self.transfer_syntax)
            note_left_out(composed.left_out)
            known = sop_class(composed.sop_class_uid)
            what = f"{len(files)} {known.name if known is not None else composed.sop_class_uid}"
            if self.dry_run:
                print(f"would write {what}; nothing kept")
                return
            if kept:
                print(f"wrote {what} to {self.output}")
            if self.to is not None:
                deliver_files(files, self.to)
