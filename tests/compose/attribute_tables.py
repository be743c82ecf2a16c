"""Tables of attributes as conformance statements have them, and objects compared with them.

A row is `>>0008,1150 1 ALWAYS copied`: nesting, attribute, type, presence, at the top its origin.
Presence is ALWAYS (with a value), VNAP (perhaps empty), ANAP (perhaps absent) or EMPTY.
"""

from pydicom import DataElement, Dataset

from isocenter.compose import Composed

Path = tuple[int, ...]

EVERYTHING = {
    "IssuerOfPatientID": "ISSUER",
    "PatientBirthTime": "0102",
    "OtherPatientIDs": ["A1", "B2"],
    "OtherPatientNames": "Öther^Name",
    "EthnicGroup": "GROUP",
    "PatientComments": "A comment",
    "StudyDescription": "A study",
    "AdmittingDiagnosesDescription": "A diagnosis",
    "PatientAge": "045Y",
    "PatientSize": "1.7",
    "PatientWeight": "70",
    "Occupation": "Astronomer",
    "AdditionalPatientHistory": "A history",
    "Laterality": "R",
    "SeriesDescription": "Thorax",
    "OperatorsName": "Operator^One",
    "BodyPartExamined": "HAND",
    "ProtocolName": "A protocol",
    "InstitutionName": "An institution",
    "InstitutionAddress": "A street",
    "StationName": "STATION",
    "InstitutionalDepartmentName": "A department",
    "SpecificCharacterSet": "ISO_IR 192",
}
"""Attributes of a source that has all that the tables call copied."""


def rows_of(table: str) -> list[tuple[Path, str, str, str]]:
    """Each row's path of tags, type, presence and, at the top, origin."""
    rows, path = [], []
    for row in table.replace("\n", ";").split(";"):
        if not row.strip():
            continue
        place, kind, presence, *origin = row.split()
        depth = place.count(">")
        path = [*path[:depth], int(place.lstrip(">").replace(",", ""), 16)]
        rows.append((tuple(path), kind, presence, "".join(origin)))
    return rows


def found_at(data_set: Dataset, path: Path) -> list[DataElement | None]:
    """The attribute in each item that the path leads to; None where it is absent."""
    if len(path) == 1:
        return [data_set.get(path[0])]
    items = data_set[path[0]].value if path[0] in data_set else []
    return [found for item in items for found in found_at(item, path[1:])]


def lost_copies(composed: Composed, table: str, source: Dataset) -> list[str]:
    """Return the rows called copied whose value is not that of a source that has them all."""
    copied = [path[0] for path, _, _, origin in rows_of(table) if origin == "copied"]
    found = {tag: composed.data_set.get(tag) for tag in copied}
    return [
        f"{tag:08X}: {one and one.value!r}, not {source[tag].value!r}"
        for tag, one in found.items()
        if one is None or one.value != source[tag].value or one.is_empty
    ]


def broken_rows(composed: Composed, table: str) -> list[str]:
    """Return the rows that an object does not keep, each with what was found."""
    origins = {row["tag"]: row["origin"] for row in composed.explain()}
    presences = {path: presence for path, _, presence, _ in rows_of(table)}
    broken = []
    for path, kind, presence, origin in rows_of(table):
        found = found_at(composed.data_set, path)
        above = [presences[path[:depth]] for depth in range(1, len(path))]
        if not found and "ANAP" in above:
            continue  # no item that could have it
        values = [one for one in found if one is not None and not one.is_empty]
        there = [one for one in found if one is not None]
        kept = {
            "ALWAYS": bool(found) and len(values) == len(found),
            "VNAP": bool(found) and len(there) == len(found),
            "ANAP": len(values) == len(there),
            "EMPTY": bool(found) and len(there) == len(found) and not values,
        }[presence]
        written = f"({path[0] >> 16:04X},{path[0] & 0xFFFF:04X})"
        if origin and values:
            kept = kept and origins[written] == origin
        if not kept:
            name = ">".join(f"{tag:08X}" for tag in path)
            origin_found = origins.get(written, "absent")
            broken.append(f"{name} {kind} {presence} {origin}: {origin_found} {found[:1]}")
    return broken
