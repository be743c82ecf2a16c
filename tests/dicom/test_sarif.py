"""Findings as SARIF, compared with what OASIS SARIF 2.1.0 says of each object it is made of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from tests.factories import ct_slice, part10_bytes

from isocenter.dicom.validation import sarif, validate_files


@dataclass(frozen=True)
class Shape:
    """What the standard says of one object; other properties than these it does not know."""

    clause: str
    required: frozenset[str]
    properties: dict[str, Any]
    unique: frozenset[str] = field(default=frozenset())


def shape(clause: str, required: str, unique: str = "", **properties: Any) -> Shape:
    return Shape(clause, frozenset(required.split()), properties, frozenset(unique.split()))


def absolute_file_uri(value: object) -> bool:
    """A URI of RFC 3986 without characters that it would have to escape (3.10.1)."""
    uri = urlsplit(str(value))
    return (
        uri.scheme == "file" and str(value).isascii() and not set(str(value)) & set(' \\"<>^`{|}')
    )


LEVELS = ("none", "note", "warning", "error")
MESSAGE = shape("3.11", "text", text=str)
TEXT = shape("3.12", "text", text=str)
ARTIFACT = shape("3.4", "", uri=absolute_file_uri)
PLACE = shape("3.29", "artifactLocation", artifactLocation=ARTIFACT)
LOGICAL = shape("3.33", "", name=str, fullyQualifiedName=str, kind=str)
LOCATION = shape("3.28", "", "logicalLocations", physicalLocation=PLACE, logicalLocations=[LOGICAL])
RULE = shape("3.49", "id", id=str, shortDescription=TEXT)
DRIVER = shape("3.19", "name", "rules", name=str, version=str, rules=[RULE])
NOTIFICATION = shape("3.58", "message", message=MESSAGE, level=LEVELS, locations=[LOCATION])
INVOCATION = shape(
    "3.20",
    "executionSuccessful",
    executionSuccessful=bool,
    toolExecutionNotifications=[NOTIFICATION],
)
RESULT = shape("3.27", "message", ruleId=str, level=LEVELS, message=MESSAGE, locations=[LOCATION])
RUN = shape(
    "3.14",
    "tool",
    tool=shape("3.18", "driver", driver=DRIVER),
    invocations=[INVOCATION],
    results=[RESULT],
)
LOG = shape("3.13", "version runs", **{"$schema": str}, version=("2.1.0",), runs=[RUN])


def faults(value: Any, expected: Any, where: str = "log") -> Iterator[str]:
    """Yield where a value is not what it should be."""
    if isinstance(expected, Shape):
        yield from object_faults(value, expected, where)
    elif isinstance(expected, list):
        for number, one in enumerate(value):
            yield from faults(one, expected[0], f"{where}[{number}]")
    elif isinstance(expected, tuple):
        if value not in expected:
            yield f"{where}: {value!r}"
    elif isinstance(expected, type):
        if not isinstance(value, expected) or value == "":
            yield f"{where}: {value!r}"
    elif not expected(value):
        yield f"{where}: {value!r}"


def object_faults(value: Any, expected: Shape, where: str) -> Iterator[str]:
    place = f"{where} ({expected.clause})"
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no object"
        return
    yield from (f"{place} lacks {name}" for name in expected.required - value.keys())
    yield from (f"{place} has {name}" for name in value.keys() - expected.properties.keys())
    for name in value.keys() & expected.properties.keys():
        yield from faults(value[name], expected.properties[name], f"{where}.{name}")
        if name in expected.unique:
            texts = [json.dumps(one, sort_keys=True) for one in value[name]]
            if len(set(texts)) < len(texts):
                yield f"{place}: {name} repeats an item"


@pytest.fixture
def log(tmp_path):
    """What is said of a wrong object and of a file that is none, in a folder that needs escapes."""
    folder = tmp_path / "50 % [größer] #1?"
    folder.mkdir()
    (folder / "wrong.dcm").write_bytes(part10_bytes(ct_slice(8, 8, KVP=None, PatientSex="X")))
    (folder / "none.dcm").write_text("no DICOM")
    report = validate_files([folder / "wrong.dcm", folder / "none.dcm"])
    assert report.findings and report.unreadable
    return json.loads(json.dumps(sarif(report.findings, report.unreadable)))


def test_every_object_of_the_log_is_as_its_clause_says(log):
    assert list(faults(log, LOG)) == []


def test_a_log_without_findings_is_one_with_an_empty_list():
    log = sarif([])
    assert list(faults(log, LOG)) == [] and log["runs"][0]["results"] == []


def test_results_name_rules_that_the_driver_lists_once(log):
    (run,) = log["runs"]
    identifiers = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(identifiers)) == len(identifiers)
    assert {result["ruleId"] for result in run["results"]} <= set(identifiers)


def test_a_file_that_was_not_read_makes_the_invocation_fail(log):
    """3.20: executionSuccessful is whether the tool could do what it was asked."""
    (invocation,) = log["runs"][0]["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is False and notification["level"] == "error"


def test_the_places_of_results_lead_back_to_the_file(log, tmp_path):
    for result in log["runs"][0]["results"]:
        (location,) = result["locations"]
        uri = urlsplit(location["physicalLocation"]["artifactLocation"]["uri"])
        assert (uri.query, uri.fragment) == ("", "")
        assert unquote(uri.path) == str(tmp_path / "50 % [größer] #1?" / "wrong.dcm")
