"""What is wrong with an object: one finding for each rule that an attribute breaks."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from isocenter.dicom import dictionary
from isocenter.dicom.validation.items import Item

__all__ = ["Finding", "Findings", "Rule", "Severity"]


class Severity(Enum):
    """Whether the standard forbids what was found, or advises against it."""

    ERROR = "error"
    WARNING = "warning"


class Rule(Enum):
    """The kind of rule that is broken; stable names for scripts and SARIF."""

    MISSING = "missing-attribute"
    EMPTY = "empty-attribute"
    UNEXPECTED = "unexpected-attribute"
    ITEMS = "number-of-items"
    TERM = "unknown-value"
    MULTIPLICITY = "value-multiplicity"
    REPRESENTATION = "value-representation"
    VALUE = "invalid-value"
    CONSISTENCY = "inconsistent-attributes"
    GEOMETRY = "geometry"
    PIXELS = "pixel-data"
    LOOKUP_TABLE = "lookup-table"
    REGISTRATION = "registration"
    CHARACTERS = "character-set"
    META = "file-meta-information"
    FILE_SET = "file-set"
    SOP_CLASS = "sop-class"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule.

    Parameters
    ----------
    severity
        Whether it is an error or a warning.
    rule
        Which kind of rule is broken.
    tag
        The attribute, `0xGGGGEEEE`.
    path
        Where it stands: keywords joined by `/`, items counted from 1, as in
        `RTROIObservationsSequence[2]/ROIInterpreter`.
    module
        The module whose rule it is; empty if the rule is not a module's.
    condition
        The type of the attribute, and when it is required; empty if that is not the point.
    found, expected
        What is there, and what should be.
    remedy
        What to do.
    file
        The file, where files were validated.
    """

    severity: Severity
    rule: Rule
    tag: int
    path: str
    module: str
    condition: str
    found: str
    expected: str
    remedy: str
    file: Path | None = None

    @property
    def keyword(self) -> str:
        """The attribute's keyword, empty for a private one."""
        return dictionary.keyword(self.tag)

    @property
    def message(self) -> str:
        """The whole finding in one sentence for a person."""
        place = f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X}) {self.path}"
        origin = ", ".join(part for part in (self.module, self.condition) if part)
        origin = f" [{origin}]" if origin else ""
        return f"{place}{origin}: {self.found}; expected {self.expected}. {self.remedy}."


class Findings:
    """A list of findings that grows while an object is looked at."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def error(self, item: Item, tag: int, rule: Rule, found: str, expected: str, remedy: str, *,
              module: str = "", condition: str = "") -> None:  # fmt: skip
        """Note that an attribute of an item breaks a rule of the standard."""
        self._add(Severity.ERROR, item, tag, rule, found, expected, remedy, module, condition)

    def warning(self, item: Item, tag: int, rule: Rule, found: str, expected: str, remedy: str, *,
                module: str = "", condition: str = "") -> None:  # fmt: skip
        """Note that an attribute of an item is not as the standard advises."""
        self._add(Severity.WARNING, item, tag, rule, found, expected, remedy, module, condition)

    def _add(self, severity: Severity, item: Item, tag: int, rule: Rule, found: str,
             expected: str, remedy: str, module: str, condition: str) -> None:  # fmt: skip
        name = dictionary.keyword(tag) or f"{tag:08X}"
        path = f"{item.path}/{name}" if item.path else name
        self.found.append(
            Finding(severity, rule, tag, path, module, condition, found, expected, remedy)
        )
