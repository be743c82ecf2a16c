"""Validation: does an object keep the rules of its IOD (PS3.3), and does it agree with itself.

`validate` looks at a data set or at files and returns a `Finding` for each broken rule, with its
attribute, module and condition, what was found and expected, and what to do.
"""

from isocenter.dicom.validation.findings import Finding, Rule, Severity
from isocenter.dicom.validation.reports import findings_json, sarif
from isocenter.dicom.validation.validating import Report, validate, validate_files

__all__ = [
    "Finding",
    "Report",
    "Rule",
    "Severity",
    "findings_json",
    "sarif",
    "validate",
    "validate_files",
]
