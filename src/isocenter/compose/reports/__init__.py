"""Structured reports: composed from a structure, Markdown or JSON, read, and shown (PS3.3 A.35).

A `Report` is a tree of content items and what the document says of itself. `structured_report`
composes it, `read_structured_report` gives it back, whoever wrote it.
"""

from isocenter.compose.codes import Code
from isocenter.compose.references import Reference
from isocenter.compose.reports.constraints import ReportClass
from isocenter.compose.reports.content import (
    ByReference,
    Container,
    ContentItem,
    Relationship,
    Unknown,
)
from isocenter.compose.reports.content_values import (
    Coded,
    Date,
    DateTime,
    Num,
    PersonName,
    Text,
    Time,
    UIDReference,
)
from isocenter.compose.reports.coordinates import Graphic, SCoord, SCoord3D, TCoord, TemporalRange
from isocenter.compose.reports.document import Report, structured_report
from isocenter.compose.reports.html_form import report_html
from isocenter.compose.reports.json_form import read_json, to_json
from isocenter.compose.reports.markdown import read_markdown
from isocenter.compose.reports.observation_context import (
    DeviceObserver,
    PersonObserver,
    VerifyingObserver,
)
from isocenter.compose.reports.reading import read_structured_report
from isocenter.compose.reports.references import Composite, Image, Waveform, reference_to
from isocenter.compose.reports.shown_values import on_server
from isocenter.compose.reports.text_form import report_markdown, report_text

__all__ = [
    "ByReference",
    "Code",
    "Coded",
    "Composite",
    "Container",
    "ContentItem",
    "Date",
    "DateTime",
    "DeviceObserver",
    "Graphic",
    "Image",
    "Num",
    "PersonName",
    "PersonObserver",
    "Reference",
    "Relationship",
    "Report",
    "ReportClass",
    "SCoord",
    "SCoord3D",
    "TCoord",
    "TemporalRange",
    "Text",
    "Time",
    "UIDReference",
    "Unknown",
    "VerifyingObserver",
    "Waveform",
    "on_server",
    "read_json",
    "read_markdown",
    "read_structured_report",
    "reference_to",
    "report_html",
    "report_markdown",
    "report_text",
    "structured_report",
    "to_json",
]
