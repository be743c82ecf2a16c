"""What an Enhanced PET image says besides pixels and place (PS3.3 C.8.22.3 to C.8.22.5)."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composition
from isocenter.compose.reading import value_of
from isocenter.errors import CannotCompose

__all__ = ["add_enhanced_pet", "radiopharmaceutical_usage"]

_INFORMATION = "RadiopharmaceuticalInformationSequence"
_TRANSVERSE = Code("62824007", "SCT", "Transverse plane")
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
        When the source says nothing of the radiopharmaceutical or of the corrections.
    """
    _isotope(composition)
    composition.copy(("TableMotion", "TimeOfFlightInformationUsed", "ViewCodeSequence"))
    for keyword, value in (
        ("TableMotion", "STATIC"),
        ("TimeOfFlightInformationUsed", "FALSE"),
        ("ViewCodeSequence", [_TRANSVERSE.item()]),
        ("CountsSource", "EMISSION"),
    ):
        if not composition.data_set.get(keyword):
            composition.generate(keyword, value, "Type 1: not known to be otherwise")
    _corrections(composition)


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
        if composition.data_set.get(keyword):
            continue
        if not made:
            raise CannotCompose(
                "An Enhanced PET image has to say which corrections were made; give PET images "
                "that do, by Corrected Image (0028,0051), as the source, or compose without "
                "`enhanced`.",
                tag=0x00280051,
                module="Enhanced PET Corrections",
            )
        composition.generate(keyword, "YES" if term in made else "NO", "Corrected Image")
    _decay_moment(composition)
    for keyword, correction in _HOW.items():
        if composition.data_set[correction].value == "YES" and not value_of(
            composition.data_set, keyword
        ):
            tag = values.tag_of(keyword)
            raise CannotCompose(
                f"The values are {values.described(values.tag_of(correction))}, and the source "
                f"does not say {values.described(tag)}; give PET images that do as the source, or "
                "compose without `enhanced`.",
                tag=tag,
                module="Enhanced PET Corrections",
            )


def _decay_moment(composition: Composition) -> None:
    """Say what moment PET Image objects are decay corrected to (PS3.3 C.8.9.1.1.5)."""
    source = composition.sources.first
    if source is None or value_of(composition.data_set, "DecayCorrectionDateTime"):
        return
    corrected_to = value_of(source.data_set, "DecayCorrection")
    if corrected_to == "START":
        parts = (value_of(source.data_set, f"Acquisition{part}") for part in ("Date", "Time"))
        moment = "".join(str(part or "") for part in parts)
    elif corrected_to == "ADMIN":
        agent = composition.data_set[_INFORMATION].value[0]
        moment = str(value_of(agent, "RadiopharmaceuticalStartDateTime") or "")
    else:
        return
    if len(moment) >= len("YYYYMMDDHHMMSS"):
        composition.generate("DecayCorrectionDateTime", moment, f"Decay Correction {corrected_to}")
