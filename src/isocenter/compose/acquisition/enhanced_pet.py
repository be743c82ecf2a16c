"""What an Enhanced PET image says besides pixels and place (PS3.3 C.8.22.3 to C.8.22.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composition
from isocenter.compose.planes import Plane
from isocenter.compose.reading import value_of
from isocenter.errors import CannotCompose

__all__ = ["add_enhanced_pet", "add_view", "check_enhanced_pet", "radiopharmaceutical_usage"]

_MODULE = "Enhanced PET Corrections"
_INFORMATION = "RadiopharmaceuticalInformationSequence"
_VIEWS = (
    Code("30730003", "SCT", "Sagittal plane"),
    Code("81654009", "SCT", "Coronal plane"),
    Code("62824007", "SCT", "Transverse plane"),
)
"""The planes across the axes of the patient."""
_ACQUISITION = ("TableMotion", "TimeOfFlightInformationUsed")
_CORRECTIONS = {
    "DecayCorrected": "DECY",
    "AttenuationCorrected": "ATTN",
    "ScatterCorrected": "SCAT",
    "DeadTimeCorrected": "DTIM",
    "GantryMotionCorrected": "MOTN",
    "PatientMotionCorrected": "PMOT",
    "CountLossNormalizationCorrected": "CLN",
    "RandomsCorrected": "RAN",
    "NonUniformRadialSamplingCorrected": "RADL",
    "SensitivityCalibrated": "DCAL",
    "DetectorNormalizationCorrection": "NORM",
}
"""What says that a correction was made, and its term in Corrected Image (0028,0051)."""
_HOW = {
    "DecayCorrectionDateTime": "DecayCorrected",
    "AttenuationCorrectionSource": "AttenuationCorrected",
    "AttenuationCorrectionTemporalRelationship": "AttenuationCorrected",
    "ScatterCorrectionMethod": "ScatterCorrected",
    "RandomsCorrectionMethod": "RandomsCorrected",
}
"""How corrections were made: each required if its correction was (Type 1C)."""


def add_enhanced_pet(composition: Composition) -> None:
    """Add radiopharmaceutical, acquisition and corrections, as the source says them.

    Raises
    ------
    CannotCompose
        When the source says nothing of the radiopharmaceutical.
    """
    _isotope(composition)
    composition.copy((*_ACQUISITION, "ViewCodeSequence"))
    if not composition.data_set.get("CountsSource"):
        composition.generate("CountsSource", "EMISSION", "a radiopharmaceutical was given")
    _corrections(composition)


def add_view(composition: Composition, plane: Plane) -> None:
    """Say in which plane frames lie, where the source does not (PS3.3 C.8.22.3)."""
    if not composition.data_set.get("ViewCodeSequence"):
        across = int(np.argmax(np.abs(np.cross(plane.along_row, plane.along_column))))
        composition.generate("ViewCodeSequence", [_VIEWS[across].item()], "the volume")


def check_enhanced_pet(data_set: Dataset) -> None:
    """Refuse an object that lacks what only the scanner, or whoever composes it, knows.

    Raises
    ------
    CannotCompose
        When it does not say how it was acquired, or which corrections were made and how.
    """
    if not any(value_of(data_set, keyword) for keyword in _CORRECTIONS):
        raise CannotCompose(
            "An Enhanced PET image has to say which corrections were made; give PET images that "
            "do, by Corrected Image (0028,0051), as the source, or compose without `enhanced`.",
            tag=0x00280051,
            module=_MODULE,
        )
    made = (how for how, one in _HOW.items() if value_of(data_set, one) == "YES")
    for keyword in (*_ACQUISITION, *_CORRECTIONS, *made):
        if not value_of(data_set, keyword):
            tag = values.tag_of(keyword)
            raise CannotCompose(
                f"An Enhanced PET image has to say {values.described(tag)}, which the source does "
                f"not: say it (--set {keyword}=VALUE), or compose without `enhanced`.",
                tag=tag,
                module="Enhanced PET Acquisition" if keyword in _ACQUISITION else _MODULE,
            )


def radiopharmaceutical_usage(composition: Composition) -> list[dict[str, Any]]:
    """Return the items of Radiopharmaceutical Usage Sequence (0018,9737): all that were given."""
    return [
        {"RadiopharmaceuticalAgentNumber": int(one.RadiopharmaceuticalAgentNumber)}
        for one in composition.data_set[_INFORMATION].value
    ]


def _isotope(composition: Composition) -> None:
    """Require the Enhanced PET Isotope module (PS3.3 C.8.22.4), which nobody can guess."""
    composition.copy((_INFORMATION,))
    agents: list[Dataset] = list(value_of(composition.data_set, _INFORMATION) or ())
    if not agents:
        raise CannotCompose(
            "An Enhanced PET image has to say which radiopharmaceutical was given; give PET images "
            "that do as the source, or compose without `enhanced`.",
            tag=0x00540016,
            module="Enhanced PET Isotope",
        )
    for number, agent in enumerate(agents, 1):
        if "RadiopharmaceuticalAgentNumber" not in agent:  # as in PET Image objects
            agent.RadiopharmaceuticalAgentNumber = number


def _corrections(composition: Composition) -> None:
    """Add the Enhanced PET Corrections module (PS3.3 C.8.22.5)."""
    source = composition.sources.first
    said = value_of(source.data_set, "CorrectedImage") if source else None
    made = {said} if isinstance(said, str) else set[str](said or ())
    composition.copy((*_CORRECTIONS, *_HOW))
    for keyword, term in _CORRECTIONS.items():
        if made and not composition.data_set.get(keyword):
            composition.generate(keyword, "YES" if term in made else "NO", "Corrected Image")
    _decay_moment(composition)


def _decay_moment(composition: Composition) -> None:
    """Say what moment PET Image objects are decay corrected to (PS3.3 C.8.9.1.1.5)."""
    source = composition.sources.first
    if source is None or value_of(composition.data_set, "DecayCorrectionDateTime"):
        return
    corrected_to = value_of(source.data_set, "DecayCorrection")
    if corrected_to == "START":
        # Beds and time frames begin at moments of their own: which one is meant is not said.
        begins = {_begin(one.data_set) for one in composition.sources}
        moment = begins.pop() if len(begins) == 1 else ""
    elif corrected_to == "ADMIN":
        agent = composition.data_set[_INFORMATION].value[0]
        moment = str(value_of(agent, "RadiopharmaceuticalStartDateTime") or "")
    else:
        return
    if len(moment) >= len("YYYYMMDDHHMMSS"):
        composition.generate("DecayCorrectionDateTime", moment, f"Decay Correction {corrected_to}")


def _begin(data_set: Dataset) -> str:
    parts = (value_of(data_set, f"Acquisition{part}") for part in ("Date", "Time"))
    return "".join(str(part or "") for part in parts)
