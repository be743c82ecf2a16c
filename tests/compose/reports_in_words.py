"""Structured reports as DCMTK reads them, for comparison with how we read them."""

import subprocess
from pathlib import Path
from xml.etree import ElementTree

from tests.compose.judges import needs

from isocenter.compose.reports import (
    ByReference,
    Coded,
    Composite,
    Container,
    DateTime,
    Num,
    PersonName,
    SCoord,
    SCoord3D,
    TCoord,
)
from isocenter.compose.reports.tree import walk

_ELEMENTS = {
    "container": "CONTAINER", "text": "TEXT", "code": "CODE", "num": "NUM", "datetime": "DATETIME",
    "date": "DATE", "time": "TIME", "uidref": "UIDREF", "pname": "PNAME", "image": "IMAGE",
    "composite": "COMPOSITE", "waveform": "WAVEFORM", "scoord": "SCOORD", "tcoord": "TCOORD",
    "scoord3d": "SCOORD3D", "reference": "",
}  # fmt: skip


def dcmtk_items(path: str | Path, *options: str) -> list[tuple[str, str, str, str]]:
    """Value type, relationship, concept name and value of each item, in order, by dsr2xml.

    Values are what the item says, without the layout that XML has: digits of dates and times,
    names without separators, UIDs of references, numbers with the code of their unit.
    """
    done = subprocess.run(
        [needs("dsr2xml", "dcmtk"), "+U8", *options, str(path)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    root = ElementTree.fromstring(done.stdout.decode("utf-8"))
    content = root.find("document/content")
    (container,) = [one for one in content if one.tag == "container"]
    return list(_items(container))


def _items(element):
    kind = _ELEMENTS[element.tag]
    relationship = element.findtext("relationship") or ""
    yield kind, relationship, element.findtext("concept/meaning") or "", _value(kind, element)
    for child in element:
        if child.tag in _ELEMENTS and child.find("relationship") is not None:
            yield from _items(child)


def _value(kind, element):
    match kind:
        case "CODE":
            return element.findtext("meaning") or ""
        case "NUM":
            unit = element.findtext("unit/value") or ""
            return f"{element.findtext('value') or ''} {unit}".strip()
        case "PNAME":
            parts = element.find("value") if element.find("value") is not None else element
            return (parts.findtext("last") or "") + (parts.findtext("first") or "")
        case "IMAGE" | "COMPOSITE" | "WAVEFORM":
            return element.find("value/instance").get("uid")
        case "SCOORD" | "SCOORD3D" | "TCOORD":
            numbers = (element.findtext("data") or "").replace("/", " ").replace(",", " ")
            return " ".join(f"{float(one):g}" for one in numbers.split())
        case "DATE" | "TIME" | "DATETIME":
            text = element.findtext("value") or ""
            return "".join(one for one in text if one.isdigit() or one == ".")
        case "CONTAINER" | "":
            return ""
        case _:
            return (element.findtext("value") or "").replace("\r\n", "\n")


def our_items(root) -> list[tuple[str, str, str, str]]:
    """The same of a tree as we read it."""
    found = []
    for place in walk(root):
        item = place.item
        relationship = item.relationship.value if place.parent is not None else ""
        name = item.concept.meaning if item.concept else ""
        found.append((item.value_type, relationship, name, _our_value(item)))
    return found


def _our_value(item):
    match item:
        case Coded():
            return item.value.meaning
        case Num():
            return f"{item.value} {item.unit.value}" if item.value is not None else ""
        case PersonName():
            return item.value.replace("^", "")
        case Composite():
            return item.reference.sop_instance_uid
        case SCoord() | SCoord3D():
            return " ".join(f"{one:g}" for point in item.points for one in point)
        case TCoord():
            return " ".join(f"{one:g}" for one in (*item.samples, *item.offsets))
        case DateTime():
            return "".join(one for one in item.value if one.isdigit())
        case Container() | ByReference():
            return ""
        case _:
            return item.value
