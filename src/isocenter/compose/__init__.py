"""Authoring: one call for each kind of DICOM object, right the first time.

Each call takes the content, what to inherit from and what to override, and returns a `Composed`:
the data set, and for each attribute where it came from.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from isocenter.compose.composed import Composed, Origin, Provenance
from isocenter.compose.composition import Composition
from isocenter.compose.left_out import LeftOut
from isocenter.compose.sources import Source, Sources, load
from isocenter.compose.templates import Template

if TYPE_CHECKING:
    from isocenter.compose.acquisition.acquired import AcquiredSeries, acquired_series
    from isocenter.compose.captures.photograph import photograph
    from isocenter.compose.captures.secondary_capture import secondary_capture
    from isocenter.compose.captures.video import video
    from isocenter.compose.codes import Code
    from isocenter.compose.correction.corrections import correct
    from isocenter.compose.derivation.derived import DerivedSeries, derived_series
    from isocenter.compose.derivation.operations import Pixels, Resample, Smooth
    from isocenter.compose.encapsulated import encapsulated
    from isocenter.compose.label_maps import read_label_map, write_label_map
    from isocenter.compose.measured.parametric_map import parametric_map, read_parametric_map
    from isocenter.compose.measured.real_world_mappings import RealWorldMapping, quantity, units
    from isocenter.compose.measured.real_world_values import (
        read_real_world_value_mapping,
        real_world_value_mapping,
    )
    from isocenter.compose.measured.segmentation import segmentation
    from isocenter.compose.measured.segments import Segment, read_segments
    from isocenter.compose.measured.segments_reading import read_segmentation
    from isocenter.compose.object_volumes import ObjectVolume, object_volume
    from isocenter.compose.presentation.state import presentation_state, read_presentation_state
    from isocenter.compose.registrations.deformable import (
        deformable_registration,
        read_deformable_registration,
    )
    from isocenter.compose.registrations.fiducial_files import read_fiducials
    from isocenter.compose.registrations.fiducials import Fiducial
    from isocenter.compose.registrations.fields import read_field
    from isocenter.compose.registrations.linear_transforms import (
        read_linear_transform,
        read_matrix,
    )
    from isocenter.compose.registrations.registration import registration
    from isocenter.compose.registrations.spatial_fiducials import (
        read_spatial_fiducials,
        spatial_fiducials,
    )
    from isocenter.compose.registrations.spatial_registration import (
        read_spatial_registration,
        spatial_registration,
    )
    from isocenter.compose.registrations.transform_files import (
        RegistrationTransform,
        registration_transform,
    )
    from isocenter.compose.reports import read_structured_report, structured_report
    from isocenter.compose.reports.files import report_from_file
    from isocenter.compose.reports.key_object import key_object_selection
    from isocenter.compose.reports.measurement_groups import (
        Measurement,
        MeasurementGroup,
        outline,
        read_measurements,
    )
    from isocenter.compose.reports.measurement_report import measurement_report
    from isocenter.compose.structure_sets.rt_structure_set import (
        Region,
        read_rt_structure_set,
        rt_structure_set,
    )
    from isocenter.compose.volume_grids import Grid

    sc = secondary_capture
    vl = photograph
    pdf = encapsulated
    cda = encapsulated
    stl = encapsulated
    obj = encapsulated
    mtl = encapsulated
    ko = key_object_selection
    gsps = presentation_state
    sr = report_from_file
    series = acquired_series
    rtstruct = rt_structure_set
    seg = segmentation
    pm = parametric_map
    rwvm = real_world_value_mapping
    reg = registration
    fiducials = spatial_fiducials
    derive = derived_series

__all__ = [
    "AcquiredSeries",
    "Code",
    "Composed",
    "Composition",
    "DerivedSeries",
    "Fiducial",
    "Grid",
    "LeftOut",
    "Measurement",
    "MeasurementGroup",
    "ObjectVolume",
    "Origin",
    "Pixels",
    "Provenance",
    "RealWorldMapping",
    "Region",
    "RegistrationTransform",
    "Resample",
    "Segment",
    "Smooth",
    "Source",
    "Sources",
    "Template",
    "acquired_series",
    "cda",
    "correct",
    "deformable_registration",
    "derive",
    "derived_series",
    "encapsulated",
    "fiducials",
    "gsps",
    "key_object_selection",
    "ko",
    "load",
    "measurement_report",
    "mtl",
    "obj",
    "object_volume",
    "outline",
    "parametric_map",
    "pdf",
    "photograph",
    "pm",
    "presentation_state",
    "quantity",
    "read_deformable_registration",
    "read_fiducials",
    "read_field",
    "read_label_map",
    "read_linear_transform",
    "read_matrix",
    "read_measurements",
    "read_parametric_map",
    "read_presentation_state",
    "read_real_world_value_mapping",
    "read_rt_structure_set",
    "read_segmentation",
    "read_segments",
    "read_spatial_fiducials",
    "read_spatial_registration",
    "read_structured_report",
    "real_world_value_mapping",
    "reg",
    "registration",
    "registration_transform",
    "report_from_file",
    "rt_structure_set",
    "rtstruct",
    "rwvm",
    "sc",
    "secondary_capture",
    "seg",
    "segmentation",
    "series",
    "spatial_fiducials",
    "spatial_registration",
    "sr",
    "stl",
    "structured_report",
    "units",
    "video",
    "vl",
    "write_label_map",
]

_LAZY = {
    "AcquiredSeries": "acquisition.acquired",
    "Code": "codes",
    "DerivedSeries": "derivation.derived",
    "Fiducial": "registrations.fiducials",
    "Grid": "volume_grids",
    "Measurement": "reports.measurement_groups",
    "MeasurementGroup": "reports.measurement_groups",
    "ObjectVolume": "object_volumes",
    "Pixels": "derivation.operations",
    "RealWorldMapping": "measured.real_world_mappings",
    "Region": "structure_sets.rt_structure_set",
    "RegistrationTransform": "registrations.transform_files",
    "Resample": "derivation.operations",
    "Segment": "measured.segments",
    "Smooth": "derivation.operations",
    "acquired_series": "acquisition.acquired",
    "correct": "correction.corrections",
    "deformable_registration": "registrations.deformable",
    "derived_series": "derivation.derived",
    "encapsulated": "encapsulated",
    "key_object_selection": "reports.key_object",
    "measurement_report": "reports.measurement_report",
    "object_volume": "object_volumes",
    "outline": "reports.measurement_groups",
    "parametric_map": "measured.parametric_map",
    "photograph": "captures.photograph",
    "presentation_state": "presentation.state",
    "quantity": "measured.real_world_mappings",
    "read_deformable_registration": "registrations.deformable",
    "read_fiducials": "registrations.fiducial_files",
    "read_field": "registrations.fields",
    "read_label_map": "label_maps",
    "read_linear_transform": "registrations.linear_transforms",
    "read_matrix": "registrations.linear_transforms",
    "read_measurements": "reports.measurement_groups",
    "read_parametric_map": "measured.parametric_map",
    "read_presentation_state": "presentation.state",
    "read_real_world_value_mapping": "measured.real_world_values",
    "read_rt_structure_set": "structure_sets.rt_structure_set",
    "read_segmentation": "measured.segments_reading",
    "read_segments": "measured.segments",
    "read_spatial_fiducials": "registrations.spatial_fiducials",
    "read_spatial_registration": "registrations.spatial_registration",
    "read_structured_report": "reports",
    "real_world_value_mapping": "measured.real_world_values",
    "registration": "registrations.registration",
    "registration_transform": "registrations.transform_files",
    "report_from_file": "reports.files",
    "rt_structure_set": "structure_sets.rt_structure_set",
    "secondary_capture": "captures.secondary_capture",
    "segmentation": "measured.segmentation",
    "spatial_fiducials": "registrations.spatial_fiducials",
    "spatial_registration": "registrations.spatial_registration",
    "structured_report": "reports",
    "units": "measured.real_world_mappings",
    "video": "captures.video",
    "write_label_map": "label_maps",
}
"""Names by the module that they load from when they are first asked for."""


_COMMANDS = {
    "sc": "secondary_capture",
    "vl": "photograph",
    "pdf": "encapsulated",
    "cda": "encapsulated",
    "stl": "encapsulated",
    "obj": "encapsulated",
    "mtl": "encapsulated",
    "ko": "key_object_selection",
    "gsps": "presentation_state",
    "sr": "report_from_file",
    "series": "acquired_series",
    "rtstruct": "rt_structure_set",
    "seg": "segmentation",
    "pm": "parametric_map",
    "rwvm": "real_world_value_mapping",
    "reg": "registration",
    "fiducials": "spatial_fiducials",
    "derive": "derived_series",
}
"""Functions by the command that does the same: `compose.sc` is `compose.secondary_capture`."""


class _Package(ModuleType):
    """The package; a kind's name is its function here even after its module was imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a submodule binds it here; a function of the same name is what is meant.
        if not (name in _LAZY and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name in _COMMANDS:
        return getattr(sys.modules[__name__], _COMMANDS[name])
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


sys.modules[__name__].__class__ = _Package
