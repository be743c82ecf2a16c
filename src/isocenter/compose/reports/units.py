"""Numbers and their units of measurement in UCUM, as NUM content items have them (PS3.3 C.18.1).

The grammar is that of the Unified Code for Units of Measure; the atoms are those that medicine
measures in, the prefixes are all of them.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.codes import Code
from isocenter.compose.reading import value_of
from isocenter.errors import CannotCompose

__all__ = ["faults", "is_ucum", "number", "read_number", "unit", "written"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PREFIXES = _words("Y Z E P T G M k h da d c m u n p f a z y Ki Mi Gi Ti")
_METRIC = _words(
    """m g s rad sr C K cd mol Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv L l ar t bar u eV
    pc G Ci R RAD REM P St Mx Gb Oe kat U [iU] [IU] m[H2O] m[Hg] cal dyn erg eq osm g% B Np B[SPL]
    B[V] B[mV] B[W] Ky mho sb ph Lmb gf Bi bit By Bd [e] [h] [k] [c] [eps_0] [mu_0] [g] st"""
)
_PLAIN = _words(
    """min h d wk mo mo_j mo_s mo_g a a_j a_t a_g deg ' '' gon circ % [ppth] [ppm] [ppb] [pptr] [pi]
    10* 10^ [in_i] [ft_i] [yd_i] [mi_i] [lb_av] [oz_av] [hnsf'U] [pH] [diop] [p'diop] [drp] [gal_us]
    [foz_us] [pt_us] [qt_us] [cup_us] [tsp_us] [tbs_us] [degF] [psi] atm [PRU] [wood'U] [Ch] [MET]
    [arb'U] [USP'U] [CFU] [FFU] [PFU] [TCID_50] [HPF] [LPF] [sin_i] [sft_i] [cin_i] [cft_i] [knt_i]
    [bdsk'U] [APL'U] [GPL'U] [MPL'U] [beth'U] [Lf] [ka'U] [knk'U] [todd'U] [dye'U] [smgy'U] [mclg'U]
    [mesh_i] [car_m] %[slope] [hp_X] [Cal] [Btu] [S] [D'ag'U] [ELU] [EID_50]"""
)
_FACTOR = re.compile(r"[1-9][0-9]*")
_EXPONENT = re.compile(r"[+-]?[0-9]+$")
_PART = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]|[()./]|[^()./{}\[\]]+")


def number(value: float | str | Decimal) -> Decimal:
    """Return `value` as a number with the digits that it was written with.

    Raises
    ------
    CannotCompose
        When it is no number, or NaN or infinite: that is told by a qualifier of CID 42.
    """
    text = repr(value) if isinstance(value, float) else str(value).strip()
    try:
        found = Decimal(text) if not isinstance(value, bool) and text.isascii() else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite():
        raise CannotCompose(
            f"{text!r} is no finite number; give one, or no value and a qualifier of CID 42 that "
            "says why.",
            tag=0x0040A30A,
            module="SR Document Content",
        )
    return found


def written(value: Decimal) -> str:
    """Return a number as a Decimal String of at most 16 characters; rounded if it has to be."""
    text = str(value)
    return text if len(text) <= 16 else str(values.decimal(float(value)))


def read_number(measured: Dataset) -> Decimal | None:
    """Return the number of an item of Measured Value Sequence (0040,A300); None if unreadable."""
    try:
        found = Decimal(str(value_of(measured, "NumericValue")).strip())
        exact = value_of(measured, "FloatingPointValue")
    except (InvalidOperation, ValueError, TypeError):
        return None
    return found if exact is None else Decimal(repr(float(exact)))


def unit(text: str) -> Code:
    """Return the code of a UCUM unit, such as `mm`, `mm2/s`, `[hnsf'U]`, `{lesions}` or `1`.

    Raises
    ------
    CannotCompose
        When UCUM has no such unit.
    """
    code = Code(text, "UCUM", _meanings().get(text, text)[:64])
    for fault in faults(Decimal(0), code):
        raise CannotCompose(f"The unit {fault}.", tag=0x004008EA, module="SR Document Content")
    return code


def faults(value: Decimal, code: Code | None) -> Iterator[str]:
    """Yield what is wrong with a number and its unit, each as the end of a sentence."""
    if not value.is_finite():
        yield "has a number that is not finite; give none and a qualifier of CID 42"
    if code is None:
        yield "has a number without unit; that of bare numbers is (1, UCUM, no units)"
    elif code.scheme == "UCUM" and not is_ucum(code.value):
        yield (
            f"has {code.value!r} as unit, which UCUM does not have; write one such as mm, ml/min, "
            "[hnsf'U] or {lesions}, or give a code of another scheme"
        )


def is_ucum(text: str) -> bool:
    """Tell whether `text` is a unit of UCUM (case sensitive), or one that DICOM calls so."""
    if text in _meanings():
        return True
    if not text or not text.isascii() or " " in text or len(text) > 256:
        return False
    parts = _PART.findall(text)
    if "".join(parts) != text:
        return False
    return _is_term(list(_joined(parts)))


def _joined(parts: list[str]) -> Iterator[str]:
    """Put brackets back to the letters around them: `m[Hg]` and `[in_i]2` are one component."""
    component = ""
    for part in parts:
        if part in ("(", ")", ".", "/") or part.startswith("{"):
            if component:
                yield component
            component = ""
            yield part
        else:
            component += part
    if component:
        yield component


def _is_term(parts: list[str]) -> bool:
    """Tell whether components and operators alternate and parentheses close."""
    depth, after_component, annotated = 0, False, False
    for index, part in enumerate(parts):
        if part == "(":
            if after_component:
                return False
            depth += 1
        elif part in (")", ".", "/"):
            leading = part == "/" and (index == 0 or parts[index - 1] == "(")
            if not (after_component or leading):
                return False
            depth -= part == ")"
            after_component, annotated = part == ")", False
        elif part.startswith("{"):
            if annotated:
                return False
            after_component = annotated = True
        elif after_component or not _is_component(part):
            return False
        else:
            after_component = True
        if depth < 0:
            return False
    return after_component and depth == 0


def _is_component(text: str) -> bool:
    if _FACTOR.fullmatch(text):
        return True
    bare = text if text in _PLAIN else _EXPONENT.sub("", text)
    if bare in _PLAIN or bare in _METRIC:
        return True
    return any(bare.startswith(one) and bare[len(one) :] in _METRIC for one in _PREFIXES)


@cache
def _meanings() -> Mapping[str, str]:
    """Return the units that DICOM's context groups name, with their meanings."""
    concepts: Any = vars(importlib.import_module("pydicom.sr._concepts_dict"))["concepts"]
    return {
        value: meaning
        for codes in concepts["UCUM"].values()
        for value, (meaning, *_) in codes.items()
    }
