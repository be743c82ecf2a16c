"""`isocenter compose KIND`."""

import typer

from isocenter.cli import (
    compose_documents,
    compose_images,
    compose_measured,
    compose_presentation,
    compose_regions,
    compose_registration,
    compose_report,
    compose_series,
)

__all__ = ["KINDS", "app"]

KINDS = (
    compose_images.sc,
    compose_images.vl,
    compose_images.video,
    *compose_documents.DOCUMENTS,
    compose_report.ko,
    compose_presentation.gsps,
    compose_report.sr,
    compose_series.series,
    compose_regions.rtstruct,
    compose_regions.seg,
    compose_measured.pm,
    compose_measured.rwvm,
    compose_registration.reg,
    compose_registration.fiducials,
)

app = typer.Typer(
    help="Make DICOM objects: images, documents, reports, masks, maps.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _kind in KINDS:
    _kind.add_to(app)
