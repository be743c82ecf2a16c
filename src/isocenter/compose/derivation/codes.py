"""Codes that say how an image was derived and what from (PS3.16 CID 7203, CID 7202)."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from isocenter.compose.codes import Code, nearest
from isocenter.errors import CannotCompose

__all__ = ["ACQUISITION_EQUIPMENT", "PROCESSING_EQUIPMENT", "SOURCE_IMAGE", "derivation_code"]

SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
"""Why a source image is referred to (CID 7202)."""

ACQUISITION_EQUIPMENT = Code("109101", "DCM", "Acquisition Equipment")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
"""What the equipment of a source contributed (CID 7005)."""


_MAPS = frozenset(str(value) for value in (*range(113041, 113080), 113094, 113095))
"""Kinds of maps, such as T1 Map, which editions of CID 7203 list or include from CID 7180."""


@cache
def _derivations() -> dict[str, Code]:
    codes: Any = vars(importlib.import_module("pydicom.sr.codedict"))["codes"]
    named = [getattr(codes.CID7203, name) for name in codes.CID7203.dir()]
    named += [one for name in codes.DCM.dir() if (one := getattr(codes.DCM, name)).value in _MAPS]
    found: dict[str, Code] = {}
    for one in named:
        code = Code(one.value, one.scheme_designator, one.meaning)
        found[code.meaning.casefold()] = found[code.value] = code
    return found


def derivation_code(text: str | Code) -> Code:
    """Return the code of CID 7203 by its meaning or value; a `Code` is taken as it is.

    The context group is extensible (PS3.16): give a `Code` where it has none that fits.

    Raises
    ------
    CannotCompose
        When CID 7203 has no such code.
    """
    if isinstance(text, Code):
        return text
    wanted = text.strip().casefold()
    code = _derivations().get(wanted) or _derivations().get(wanted.removesuffix(" map"))
    if code is None:
        raise CannotCompose(
            f"{text!r} is no image derivation of CID 7203; {nearest(text, _derivations())}. Or "
            "give a Code of your own.",
            tag=0x00089215,
            module="General Image",
        )
    return code
