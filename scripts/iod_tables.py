#!/usr/bin/env python
"""Makes src/isocenter/dicom/tables/iods.json.xz, the table of IODs that `isocenter.dicom.iod` reads.

    uv pip install --target /tmp/standard --no-deps dicom-standard
    .venv/bin/python scripts/iod_tables.py /tmp/standard/standard

Modules, attributes and types come from highdicom's tables (MIT). What those lack (conditions, enumerated
values, defined terms, numbers of items) is parsed from the MIT-licensed package dicom-standard: a
condition that is a plain statement about other attributes becomes a rule, anything else becomes none.
"""

import html
import json
import lzma
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import highdicom
from pydicom.datadict import dictionary_VR, tag_for_keyword

TARGET = Path(__file__).parents[1] / "src/isocenter/dicom/tables/iods.json.xz"
# Enumerated values that later editions than that of dicom-standard added.
NEWER = {0x30060042: ["CLOSEDPLANAR_XOR"], 0x00620001: ["LABELMAP"]}
STRICTNESS = ("1", "2", "1C", "2C", "3")
Path_ = tuple[int, ...]

_REQUIRED = re.compile(
    r"Required if (?P<if>(?:[^.;]|\.(?=\d))*)[.;]\s*(?P<rest>[^.]*\botherwise[^.]*\.)?", re.I
)
_SUBJECT = r"(?:the value of |the )?[A-Z][\w'/()\- ]*\([0-9A-F]{4},|SOP Class UID is"
_OTHER_CLASS = re.compile(r'^SOP Class UID is not (?:equal to )?"([0-9.]+)"(?: \([^)]*\))?$')
_ATTRIBUTE = r"(?:the value of |the |a value of )?(?:[A-Z][\w'&/()\- ]*?)\((?P<tag>[0-9A-F]{4},[0-9A-F]{4})\)"
_TERM = r"(?:\"[^\"]+\"|[A-Z0-9][A-Z0-9_]*(?: [A-Z0-9_]+)*)"
_TERMS = rf"(?P<terms>{_TERM}(?:(?:,| or|, or) {_TERM})*)"
_CLAUSES = [
    (re.compile(rf"^{_ATTRIBUTE},? (?:is|are) (?:not present|absent)$"), "absent"),
    (re.compile(rf"^{_ATTRIBUTE} (?:is|are) present(?: and has a value)?$"), "present"),
    (
        re.compile(
            rf"^{_ATTRIBUTE},? Value (?P<n>\d)(?: of this frame)? (?:is|equals|has the value) {_TERMS}$"
        ),
        "equal",
    ),
    (
        re.compile(
            rf"^{_ATTRIBUTE} (?:value )?(?:is|equals|has (?:a|the) value(?: of)?|is equal to|is set to) {_TERMS}$"
        ),
        "equal",
    ),
    (re.compile(rf"^{_ATTRIBUTE} (?:is not|does not equal|is not equal to) {_TERMS}$"), "unequal"),
    (
        re.compile(
            rf"^{_ATTRIBUTE} (?:has a value greater than|is greater than|value is greater than) (?P<terms>\d+)$"
        ),
        "greater",
    ),
]
_VALUES = re.compile(
    r"<strong>\s*(Enumerated Values|Defined Terms)( for Value (\d))?:\s*</strong>\s*</p>\s*<dl>(.*?)</dl>",
    re.S,
)
_HEADINGS = re.compile(r"<strong>\s*(?:Enumerated Values|Defined Terms)")
_TERM_IN_LIST = re.compile(r"<dt>\s*(?:<span>)?(.*?)(?:</span>)?\s*</dt>", re.S)


def condition(text: str) -> list[Any] | None:
    """The rule that a description states, or None if it is more than a statement about attributes."""
    found = _REQUIRED.search(text)
    if found is None:
        return None
    whole = found["if"].strip().partition(", may be present otherwise")[0]
    otherwise = (
        "may be present" if "may be present otherwise" in found["if"] else found["rest"] or ""
    )
    for word, name in ((" and ", "all"), (" or ", "any")):
        parts = re.split(rf"{word}(?={_SUBJECT})", whole)
        rules = [clause(part.strip()) for part in parts]
        if all(rules):
            rule = rules[0] if len(rules) == 1 else [name, *rules]
            allowed = re.search(
                r"may be present otherwise|may be present", found["rest"] or "", re.I
            )
            forbidden = re.search(r"shall not be present otherwise", otherwise, re.I)
            return [rule, 0 if allowed else 2 if forbidden else 1]
    return None


def clause(text: str) -> list[Any] | None:
    if found := _OTHER_CLASS.match(text):
        return ["unequal", 0x00080016, 0, [found[1]]]
    for pattern, name in _CLAUSES:
        found = pattern.match(text)
        if found is None:
            continue
        tag = int(found["tag"].replace(",", ""), 16)
        if name in ("absent", "present"):
            return [name, tag]
        terms = [t.strip('" ') for t in re.split(r",? or |, ", found["terms"])]
        if "present" in terms or not all(terms):
            return None
        return [name, tag, int(found.groupdict().get("n") or 0), terms]
    return None


def values(description: str, tag: int) -> list[Any] | None:
    """[value number, enumerated?, terms...] for each list, if the description has lists without conditions."""
    lists = _VALUES.findall(description)
    if len(lists) != len(_HEADINGS.findall(description)) or not lists:
        return None
    if len(lists) > 1 and not all(number for *_, number, _ in lists):
        return None
    if dictionary_VR(tag) not in ("CS", "US", "SS", "IS", "UL", "SH", "LO"):
        return None
    found = []
    for kind, _, number, body in lists:
        terms = [html.unescape(re.sub(r"\s+", " ", t)).strip() for t in _TERM_IN_LIST.findall(body)]
        if dictionary_VR(tag) in ("US", "SS", "UL", "IS"):
            terms = [str(int(t)) if re.fullmatch(r"[0-9]+", t) else t for t in terms]
            terms = [
                str(int(t[:-1], 16)) if re.fullmatch(r"[0-9A-F]{4,8}H", t) else t for t in terms
            ]
            if not all(re.fullmatch(r"-?\d+", t) for t in terms):
                return None
        if not terms or any(len(t) > 64 or "<" in t or "..." in t for t in terms):
            return None
        terms += [term for term in NEWER.get(tag, []) if term not in terms]
        found.append([int(number or 0), 1 if kind.startswith("Enum") else 0, terms])
    return found


def described(folder: Path) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What dicom-standard says of an attribute by module and path, and most often by its sequence alone."""
    exact: dict[Any, Any] = {}
    often: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in json.loads((folder / "module_to_attributes.json").read_text()):
        module, *tags = row["path"].split(":")
        if not all(re.fullmatch(r"[0-9a-f]{8}", t) for t in tags):
            continue
        path = tuple(int(t, 16) for t in tags)
        text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", row["description"])))
        single = bool(re.search(r"(?:Only a single|Zero or one) Item (?:shall|is|may)", text))
        single |= "A single Item shall" in text
        some = bool(re.search(r"(?:One or more|Only a single) Items? (?:shall|is|are)", text))
        items = single | (some and not row["type"].startswith("2")) << 1
        known = [condition(text), values(row["description"], path[-1]), items]
        exact[module, path] = known
        if len(path) > 1:
            often[path[-2:]][json.dumps(known)] += 1
    return exact, {key: json.loads(count.most_common(1)[0][0]) for key, count in often.items()}


class Table:
    """Nodes and lists of nodes, each kept once: the macros of the standard come out by themselves."""

    def __init__(self, exact: dict[Any, Any], often: dict[Any, Any]) -> None:
        self.exact, self.often = exact, often
        self.conditions: dict[str, int] = {"null": 0}
        self.values: dict[str, int] = {"null": 0}
        self.nodes: dict[tuple[int, ...], int] = {}
        self.lists: dict[tuple[int, ...], int] = {(): 0}

    def module(self, name: str, rows: list[dict[str, Any]]) -> int:
        children: dict[Path_, dict[int, str]] = defaultdict(dict)
        for row in rows:
            path = tuple(tag_for_keyword(k) or 0 for k in row["path"])
            tag = tag_for_keyword(row["keyword"])
            if tag is None or 0 in path:
                continue  # the repeating groups: their rules are code
            kind = row["type"] if row["type"] in STRICTNESS else "3"
            before = children[path].get(tag, kind)
            children[path][tag] = max(kind, before, key=STRICTNESS.index)
        return self._list(name, (), children)

    def _list(self, module: str, path: Path_, children: dict[Path_, dict[int, str]]) -> int:
        made = tuple(
            self._node(module, (*path, tag), kind, children)
            for tag, kind in sorted(children.get(path, {}).items())
        )
        return self.lists.setdefault(made, len(self.lists))

    def _node(
        self, module: str, path: Path_, kind: str, children: dict[Path_, dict[int, str]]
    ) -> int:
        rule, terms, single = (
            self.exact.get((module, path)) or self.often.get(path[-2:]) or (None, None, 0)
        )
        rule = rule if kind.endswith("C") else None
        key = (
            path[-1],
            STRICTNESS.index(kind),
            self.conditions.setdefault(json.dumps(rule), len(self.conditions)),
            self.values.setdefault(json.dumps(terms), len(self.values)),
            single,
            self._list(module, path, children) if path in children else 0,
        )
        return self.nodes.setdefault(key, len(self.nodes))


def main(folder: Path) -> None:
    source = Path(highdicom.__file__).parent / "_standard"
    iods = json.loads((source / "iod_module_map.json").read_text())
    modules = json.loads((source / "module_attribute_map.json").read_text())
    table = Table(*described(folder))
    used = {row["key"] for rows in iods.values() for row in rows}
    lists = {name: table.module(name, modules[name]) for name in sorted(used & set(modules))}
    made = {
        "types": STRICTNESS,
        "conditions": [json.loads(text) for text in table.conditions],
        "values": [json.loads(text) for text in table.values],
        "nodes": list(table.nodes),
        "lists": list(table.lists),
        "modules": lists,
        "iods": {
            name: [[r["key"], r["usage"], r["ie"]] for r in rows] for name, rows in iods.items()
        },
        "sop_classes": json.loads((source / "sop_class_iod_map.json").read_text()),
    }
    text = json.dumps(made, separators=(",", ":")).encode()
    TARGET.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    print(
        f"{len(text)} bytes, {TARGET.stat().st_size} compressed; {len(table.nodes)} nodes, "
        f"{len(table.lists)} lists, {len(table.conditions)} conditions, {len(table.values)} value lists"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
