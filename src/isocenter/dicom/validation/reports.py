"""Findings for other programs: JSON, and SARIF 2.1.0 for whatever shows results of analyses."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from isocenter import __version__
from isocenter.dicom.validation.findings import Finding, Rule

__all__ = ["findings_json", "sarif"]

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_TITLES: Final = {
    Rule.MISSING: "A required attribute is missing",
    Rule.EMPTY: "A required value is missing",
    Rule.UNEXPECTED: "An attribute is present whose condition is not met",
    Rule.ITEMS: "A sequence has too many or too few items",
    Rule.TERM: "A value is not among those that the standard lists",
    Rule.MULTIPLICITY: "An element has too many or too few values",
    Rule.REPRESENTATION: "An element has another value representation than the dictionary",
    Rule.VALUE: "A value is malformed or out of range",
    Rule.CONSISTENCY: "Attributes contradict each other",
    Rule.GEOMETRY: "An image plane is impossible",
    Rule.PIXELS: "Pixel data and its description disagree",
    Rule.LOOKUP_TABLE: "A lookup table and its descriptor disagree",
    Rule.REGISTRATION: "A grid or matrix is not what it claims to be",
    Rule.CHARACTERS: "Text and Specific Character Set disagree",
    Rule.META: "File Meta Information is missing or contradicts the data set",
    Rule.FILE_SET: "Files that belong together contradict each other",
    Rule.SOP_CLASS: "The SOP Class is not one of the current standard",
}


def findings_json(finding: Finding) -> dict[str, str]:
    """Return a finding as an object of JSON, all members text.

    Parameters
    ----------
    finding
        The finding.

    Returns
    -------
    dict
        `severity`, `rule`, `tag` as `(GGGG,EEEE)`, `keyword`, `path`, `module`, `condition`,
        `found`, `expected`, `remedy`, `message`; and `file`, where there is one.
    """
    described = {
        "severity": finding.severity.value,
        "rule": finding.rule.value,
        "tag": f"({finding.tag >> 16:04X},{finding.tag & 0xFFFF:04X})",
        "keyword": finding.keyword,
        "path": finding.path,
        "module": finding.module,
        "condition": finding.condition,
        "found": finding.found,
        "expected": finding.expected,
        "remedy": finding.remedy,
        "message": finding.message,
    }
    return described | ({"file": str(finding.file)} if finding.file else {})


def sarif(
    findings: Iterable[Finding], unreadable: Iterable[tuple[Path, str]] = ()
) -> dict[str, Any]:
    """Return findings as a SARIF log with one run.

    Parameters
    ----------
    findings
        What was found.
    unreadable
        Files that could not be read, each with the reason; they become notifications.

    Returns
    -------
    dict
        The log, ready for `json.dumps`.
    """
    unread = [
        {"level": "error", "message": {"text": reason}, "locations": [_file(path)]}
        for path, reason in unreadable
    ]
    driver = {
        "name": "isocenter validate",
        "version": __version__,
        "rules": [
            {"id": rule.value, "shortDescription": {"text": title}}
            for rule, title in _TITLES.items()
        ],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not unread, "toolExecutionNotifications": unread}],
        "results": [_result(finding) for finding in findings],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(finding: Finding) -> dict[str, Any]:
    location = _file(finding.file) if finding.file else {}
    location["logicalLocations"] = [
        {"name": finding.keyword, "fullyQualifiedName": finding.path, "kind": "element"}
    ]
    return {
        "ruleId": finding.rule.value,
        "level": finding.severity.value,
        "message": {"text": finding.message},
        "locations": [location],
    }


def _file(path: Path) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": path.absolute().as_uri()}}}
