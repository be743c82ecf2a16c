"""Lookup tables against their descriptors, and overlays against theirs (PS3.3 C.11, C.9.2)."""

from typing import Final

from isocenter.dicom import tags
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_lookup_tables", "check_overlays"]

_PALETTES: Final = (
    (tags.RedPaletteColorLookupTableDescriptor, tags.RedPaletteColorLookupTableData,
     tags.SegmentedRedPaletteColorLookupTableData),
    (tags.GreenPaletteColorLookupTableDescriptor, tags.GreenPaletteColorLookupTableData,
     tags.SegmentedGreenPaletteColorLookupTableData),
    (tags.BluePaletteColorLookupTableDescriptor, tags.BluePaletteColorLookupTableData,
     tags.SegmentedBluePaletteColorLookupTableData),
)  # fmt: skip
_PALETTE_MODULE: Final = "Palette Color Lookup Table"
_ADVICE: Final = "Make descriptor and data agree"


# Elements of the groups 60xx.
_ROWS: Final = 0x0010
_COLUMNS: Final = 0x0011
_FRAMES: Final = 0x0015
_TYPE: Final = 0x0040
_ORIGIN: Final = 0x0050
_BITS_ALLOCATED: Final = 0x0100
_BIT_POSITION: Final = 0x0102
_DATA: Final = 0x3000


def check_lookup_tables(item: Item, findings: Findings) -> None:
    """Look at LUT descriptors and data everywhere, and at the palette of colour images."""
    for inner in item.walk():
        if tags.LUTDescriptor in inner.elements:
            _check_table(inner, tags.LUTDescriptor, tags.LUTData, "LUT", findings)
    for descriptor, data, segmented in _PALETTES:
        if descriptor in item.elements:
            _check_table(item, descriptor, data, _PALETTE_MODULE, findings)
        elif item.text(tags.PhotometricInterpretation) == "PALETTE COLOR":
            _missing(item, descriptor, findings)
        if (
            item.text(tags.PhotometricInterpretation) == "PALETTE COLOR"
            and data not in item.elements
            and segmented not in item.elements
        ):
            _missing(item, data, findings)
    _check_palettes_agree(item, findings)


def _missing(item: Item, tag: int, findings: Findings) -> None:
    findings.error(item, tag, Rule.MISSING, "missing", "a palette", "Add the palette",
                   module=_PALETTE_MODULE,
                   condition="required if Photometric Interpretation (0028,0004) is PALETTE COLOR",
                   )  # fmt: skip


def _check_table(item: Item, descriptor: int, data: int, module: str, findings: Findings) -> None:
    values = item.numbers(descriptor)
    if len(values) != 3:
        return  # its value multiplicity is reported already
    entries, bits = int(values[0]) % 65536 or 65536, int(values[2])
    if not 8 <= bits <= 16 or (module == _PALETTE_MODULE and bits not in (8, 16)):
        expected = "8 or 16 bits" if module == _PALETTE_MODULE else "8 to 16 bits"
        findings.error(item, descriptor, Rule.LOOKUP_TABLE, f"{bits} bits an entry", expected,
                       "Correct the third value", module=module)  # fmt: skip
    element = item.get(data)
    if element is None:
        return
    length = _length(item, data)
    allowed = [entries * 2, *([entries + entries % 2] if bits == 8 else [])]
    if length not in allowed:
        findings.error(item, data, Rule.LOOKUP_TABLE, f"{length} bytes",
                       f"{entries} entries of {bits} bits by the descriptor, {min(allowed)} bytes",
                       _ADVICE, module=module)  # fmt: skip


def _length(item: Item, tag: int) -> int:
    """Return the bytes of a table, which may have been written as OW or as numbers."""
    element = item.get(tag)
    if element is None:
        return 0
    if element.length >= 0:
        return element.length
    first = element.values[0] if element.values else b""
    return len(first) if isinstance(first, bytes) else 2 * len(element.values)


def _check_palettes_agree(item: Item, findings: Findings) -> None:
    descriptors = {item.texts(descriptor) for descriptor, *_ in _PALETTES} - {()}
    if len(descriptors) > 1:
        findings.error(item, _PALETTES[0][0], Rule.LOOKUP_TABLE, "descriptors that differ",
                       "the same descriptor for red, green and blue", _ADVICE,
                       module=_PALETTE_MODULE)  # fmt: skip


def check_overlays(item: Item, findings: Findings) -> None:
    """Look at the overlays in groups 6000 to 601E (PS3.3 C.9.2)."""
    for group in range(0x6000, 0x6020, 2):
        base = group << 16
        if any(base | element in item.elements for element in (_ROWS, _COLUMNS, _TYPE, _DATA)):
            _check_overlay(item, base, findings)


def _check_overlay(item: Item, base: int, findings: Findings) -> None:
    def tag(of: int) -> int:
        return base | of

    def error(of: int, rule: Rule, found: str, expected: str, remedy: str) -> None:
        findings.error(item, tag(of), rule, found, expected, remedy, module="Overlay Plane")

    for of in (_ROWS, _COLUMNS, _TYPE, _ORIGIN, _BITS_ALLOCATED,
               _BIT_POSITION):  # fmt: skip
        if not item.has(tag(of)):
            error(of, Rule.MISSING, "missing", "required and must have a value", "Add it")
    kind = item.text(tag(_TYPE))
    if kind not in ("", "G", "R"):
        error(_TYPE, Rule.TERM, repr(kind), "G or R", "Say graphics or ROI")
    rows, columns = item.integer(tag(_ROWS)), item.integer(tag(_COLUMNS))
    data = item.get(tag(_DATA))
    if data is None or data.length < 0 or not rows or not columns:
        return
    frames = item.integer(tag(_FRAMES)) or 1
    length = (rows * columns * frames + 7) // 8
    if data.length not in (length, length + length % 2):
        error(_DATA, Rule.PIXELS, f"{data.length} bytes",
              f"{length + length % 2} bytes by rows and columns",
              "Correct the overlay")  # fmt: skip
