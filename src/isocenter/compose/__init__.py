"""Authoring: one call for each kind of DICOM object, right the first time.

Each call takes the content, what to inherit from and what to override, and returns a `Composed`:
the data set, and for each attribute where it came from.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from isocenter.compose.composition import Composed, Composition, Origin, Provenance
from isocenter.compose.sources import Source, Sources, load
from isocenter.compose.templates import Template

if TYPE_CHECKING:
    from isocenter.compose.acquired import AcquiredSeries, acquired_series
    from isocenter.compose.codes import Code
    from isocenter.compose.corrections import correct
    from isocenter.compose.deformable import deformable_registration, read_deformable_registration
    from isocenter.compose.derivation_operations import Pixels, Resample, Smooth
    from isocenter.compose.derived import DerivedSeries, derived_series
    from isocenter.compose.encapsulated import encapsulated
    from isocenter.compose.fiducial_files import read_fiducials
    from isocenter.compose.fiducials import Fiducial
    from isocenter.compose.fields import read_field
    from isocenter.compose.key_object import key_object_selection
    from isocenter.compose.label_maps import read_label_map, write_label_map
    from isocenter.compose.linear_transforms import read_linear_transform
    from isocenter.compose.measurement_report import (
        MeasurementGroup,
        measurement_report,
        read_measurements,
    )
    from isocenter.compose.parametric_map import parametric_map, read_parametric_map
    from isocenter.compose.photograph import photograph
    from isocenter.compose.presentation.state import presentation_state, read_presentation_state
    from isocenter.compose.real_world_mappings import RealWorldMapping, quantity, units
    from isocenter.compose.real_world_values import (
        read_real_world_value_mapping,
        real_world_value_mapping,
    )
    from isocenter.compose.reports import read_structured_report, structured_report
    from isocenter.compose.rt_structure_set import Region, read_rt_structure_set, rt_structure_set
    from isocenter.compose.secondary_capture import secondary_capture
    from isocenter.compose.segmentation import segmentation
    from isocenter.compose.segmentation_reading import read_segmentation
    from isocenter.compose.segments import Segment, read_segments
    from isocenter.compose.spatial_fiducials import read_spatial_fiducials, spatial_fiducials
    from isocenter.compose.spatial_registration import (
        read_spatial_registration,
        spatial_registration,
    )
    from isocenter.compose.video import video
    from isocenter.compose.volume_grids import Grid

__all__ = [
    "AcquiredSeries",
    "Code",
    "Composed",
    "Composition",
    "DerivedSeries",
    "Fiducial",
    "Grid",
    "MeasurementGroup",
    "Origin",
    "Pixels",
    "Provenance",
    "RealWorldMapping",
    "Region",
    "Resample",
    "Segment",
    "Smooth",
    "Source",
    "Sources",
    "Template",
    "acquired_series",
    "correct",
    "deformable_registration",
    "derived_series",
    "encapsulated",
    "key_object_selection",
    "load",
    "measurement_report",
    "parametric_map",
    "photograph",
    "presentation_state",
    "quantity",
    "read_deformable_registration",
    "read_fiducials",
    "read_field",
    "read_label_map",
    "read_linear_transform",
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
    "rt_structure_set",
    "secondary_capture",
    "segmentation",
    "spatial_fiducials",
    "spatial_registration",
    "structured_report",
    "units",
    "video",
    "write_label_map",
]

_LAZY = {
    "AcquiredSeries": "acquired",
    "Code": "codes",
    "DerivedSeries": "derived",
    "Fiducial": "fiducials",
    "Grid": "volume_grids",
    "MeasurementGroup": "measurement_report",
    "Pixels": "derivation_operations",
    "RealWorldMapping": "real_world_mappings",
    "Region": "rt_structure_set",
    "Resample": "derivation_operations",
    "Segment": "segments",
    "Smooth": "derivation_operations",
    "acquired_series": "acquired",
    "correct": "corrections",
    "deformable_registration": "deformable",
    "derived_series": "derived",
    "encapsulated": "encapsulated",
    "key_object_selection": "key_object",
    "measurement_report": "measurement_report",
    "parametric_map": "parametric_map",
    "photograph": "photograph",
    "presentation_state": "presentation.state",
    "quantity": "real_world_mappings",
    "read_deformable_registration": "deformable",
    "read_fiducials": "fiducial_files",
    "read_field": "fields",
    "read_label_map": "label_maps",
    "read_linear_transform": "linear_transforms",
    "read_measurements": "measurement_report",
    "read_parametric_map": "parametric_map",
    "read_presentation_state": "presentation.state",
    "read_real_world_value_mapping": "real_world_values",
    "read_rt_structure_set": "rt_structure_set",
    "read_segmentation": "segmentation_reading",
    "read_segments": "segments",
    "read_spatial_fiducials": "spatial_fiducials",
    "read_spatial_registration": "spatial_registration",
    "read_structured_report": "reports",
    "real_world_value_mapping": "real_world_values",
    "rt_structure_set": "rt_structure_set",
    "secondary_capture": "secondary_capture",
    "segmentation": "segmentation",
    "spatial_fiducials": "spatial_fiducials",
    "spatial_registration": "spatial_registration",
    "structured_report": "reports",
    "units": "real_world_mappings",
    "video": "video",
    "write_label_map": "label_maps",
}
"""Names by the module that they load from when they are first asked for."""


class _Package(ModuleType):
    """The package; a kind's name is its function here even after its module was imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a submodule binds it here; a function of the same name is what is meant.
        if not (name in _LAZY and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


sys.modules[__name__].__class__ = _Package
