"""Media: folders, ZIP files and DICOMDIRs as sources of objects."""

from .candidates import Candidate, candidates
from .dicomdir import referenced_files
from .importing import ImportFailure, ImportReport, ImportStopped, import_paths

__all__ = [
    "Candidate",
    "ImportFailure",
    "ImportReport",
    "ImportStopped",
    "candidates",
    "import_paths",
    "referenced_files",
]
