"""Media: folders, ZIP files and DICOMDIRs as sources of objects."""

from .candidates import Candidate, candidates
from .dicomdir import referenced_files
from .importing import (
    ImportFailure,
    ImportInterrupted,
    ImportReport,
    ImportStopped,
    has_anything,
    import_paths,
)

__all__ = [
    "Candidate",
    "ImportFailure",
    "ImportInterrupted",
    "ImportReport",
    "ImportStopped",
    "candidates",
    "has_anything",
    "import_paths",
    "referenced_files",
]
