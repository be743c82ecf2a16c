"""Measurement reports of images and regions in them (PS3.16 TID 1500)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composed
from isocenter.compose.reports.constraints import ReportClass
from isocenter.compose.reports.coordinates import SCoord3D
from isocenter.compose.reports.document import Report, structured_report
from isocenter.compose.reports.measurement_content import measurement_content
from isocenter.compose.reports.measurement_groups import (
    TITLE,
    Evaluation,
    FindingSite,
    Measurement,
    MeasurementGroup,
    Measurements,
    outline,
    read_measurements,
)
from isocenter.compose.reports.observation_context import (
    DeviceObserver,
    Observer,
    VerifyingObserver,
)
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template
from isocenter.errors import CannotCompose

__all__ = [
    "Evaluation",
    "FindingSite",
    "Measurement",
    "MeasurementGroup",
    "Measurements",
    "measurement_report",
    "outline",
    "read_measurements",
]

_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")


@checked
def measurement_report(
    groups: Sequence[MeasurementGroup],
    *,
    source: SourceLike | Sources,
    title: Code = TITLE,
    procedure: Code | None = None,
    language: str = "en",
    observers: Sequence[Observer] = (),
    verified_by: Sequence[VerifyingObserver] = (),
    sop_class: str | ReportClass | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a measurement report: Comprehensive SR, or Comprehensive 3D SR for regions in space.

    Parameters
    ----------
    groups
        What was measured, a group a finding.
    source
        The images that were measured; patient and study are theirs. Those whose attributes the
        Image Library of TID 1600 describes are listed in it.
    title
        A title of CID 7021.
    procedure
        The procedure reported; by default the source's, else Imaging procedure.
    language
        The language of names and text, such as `en` or `de-CH`.
    observers
        Who measured: persons, devices; by default this software.
    verified_by
        Who verified the report.
    sop_class
        `comprehensive` or `comprehensive3d`; by default the smallest that can hold it.
    series_description, series_number, instance_number
        Where and how the document files itself.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed
        The document; `save` writes it.

    Raises
    ------
    CannotCompose
        When there is no group, a group says nothing, a region cannot be, or the sources belong to
        several patients.

    References
    ----------
    PS3.16 TID 1500, TID 1410, TID 1411, TID 1501, TID 300, TID 1600.
    """
    loaded = sources.load(source)
    if not groups:
        raise CannotCompose(
            "The report has no measurement group; give at least one.",
            tag=0x0040A730,
            module="SR Document Content",
        )
    content = measurement_content(groups, loaded, title, procedure or _procedure(loaded))
    observers = observers or (DeviceObserver("Isocenter", "Isocenter", "Isocenter"),)
    return structured_report(
        Report(content, verified_by=tuple(verified_by)),
        source=loaded,
        sop_class=sop_class or _class_of(groups),
        language=language,
        observers=observers,
        series_description=series_description,
        series_number=series_number,
        instance_number=instance_number,
        template_file=template_file,
        overrides=overrides,
    )


def _class_of(groups: Sequence[MeasurementGroup]) -> ReportClass:
    """Return the SOP Class that readers of TID 1500 expect, whatever the content needs."""
    in_space = any(isinstance(region, SCoord3D) for group in groups for region in group.regions)
    return ReportClass.COMPREHENSIVE_3D if in_space else ReportClass.COMPREHENSIVE


def _procedure(loaded: Sources) -> Code:
    codes = loaded.first.data_set.get("ProcedureCodeSequence") if loaded.first else None
    return Code.read(codes[0]) if codes else _PROCEDURE
