"""Every error that Isocenter raises on purpose: one tree, so that callers can be coarse or fine.

An error is raised close to its cause with a sentence that says what was found, what was expected
and what to do; the faces (`cli`, `services`, `server`) make it an exit code or a status once.
"""

__all__ = [
    "AssociationAborted",
    "AssociationError",
    "AssociationRejected",
    "CannotCompose",
    "ConfigurationError",
    "DimseStatusError",
    "InstanceConflict",
    "InvalidAttribute",
    "InvalidDicom",
    "InvalidRequest",
    "IsocenterError",
    "LimitExceeded",
    "NeedMoreData",
    "NotAcceptable",
    "NotDicom",
    "NotFound",
    "OutOfResources",
    "PixelDataError",
    "QueryError",
    "TimedOut",
    "TruncatedPixelData",
    "UnsupportedMediaType",
    "UnsupportedTransferSyntax",
]


class IsocenterError(Exception):
    """What every error of Isocenter is; its text is a sentence for a person."""


class InvalidDicom(IsocenterError):
    """Bytes that claim to be DICOM and break its encoding rules."""


class NotDicom(InvalidDicom):
    """Bytes that do not look like DICOM at all."""


class NeedMoreData(IsocenterError):
    """Bytes that end before the question about them can be answered; ask again with more."""


class InvalidAttribute(InvalidDicom):
    """An attribute whose absence or value makes the object unusable.

    Parameters
    ----------
    message
        What was found, what was expected and what to do.
    tag
        The attribute as group and element in one number, `0xGGGGEEEE`.
    """

    def __init__(self, message: str, tag: int) -> None:
        super().__init__(message)
        self.tag = tag


class CannotCompose(IsocenterError):
    """An object that cannot be made rightly from what was given.

    Parameters
    ----------
    message
        What was found, what was expected and what to do.
    tag
        The attribute at fault, `0xGGGGEEEE`, where there is one.
    module
        The module (PS3.3) whose rule is broken, where there is one.
    """

    def __init__(self, message: str, *, tag: int | None = None, module: str | None = None) -> None:
        where = ""
        if tag is not None:
            where = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        if module is not None:
            where = f"{where} {module} module".strip()
        super().__init__(f"{where}: {message}" if where else message)
        self.tag = tag
        self.module = module


class UnsupportedTransferSyntax(IsocenterError):
    """A transfer syntax that the asked-for operation cannot read or write."""


class LimitExceeded(IsocenterError):
    """Something larger than the configured limit; refused before memory was taken for it."""


class PixelDataError(IsocenterError):
    """Pixel data that is missing, truncated, undecodable or at odds with its description."""


class TruncatedPixelData(PixelDataError):
    """Pixel data breaks off."""


class NotFound(IsocenterError):
    """The study, series, instance, frame or attribute that was asked for is not here."""


class InstanceConflict(IsocenterError):
    """An instance whose SOP Instance UID is already kept with different bytes."""


class OutOfResources(IsocenterError):
    """The disk is full or read-only, or the index cannot be written; try again later."""


class QueryError(IsocenterError):
    """A query with an unknown attribute, a bad value or a bad parameter."""


class InvalidRequest(IsocenterError):
    """A DICOMweb request that breaks the grammar of HTTP, MIME or PS3.18."""


class NotAcceptable(InvalidRequest):
    """None of the media types that the user agent accepts can be made (PS3.18 8.7.5)."""


class UnsupportedMediaType(InvalidRequest):
    """A payload in a media type that the asked-for transaction does not take."""


class ConfigurationError(IsocenterError):
    """A setting that is missing, malformed or unsafe."""


class AssociationError(IsocenterError):
    """An association that could not be made or did not end as it should."""


class TimedOut(AssociationError):
    """The peer did not answer in time."""


class AssociationRejected(AssociationError):
    """The peer answered A-ASSOCIATE-RJ (PS3.8 9.3.4).

    Parameters
    ----------
    message
        Who rejected, and why.
    result
        1 permanent, 2 transient: trying again later makes sense.
    source
        1 service user, 2 ACSE, 3 presentation layer of the service provider.
    reason
        Its meaning depends on the source.
    """

    def __init__(self, message: str, result: int, source: int, reason: int) -> None:
        super().__init__(message)
        self.result = result
        self.source = source
        self.reason = reason


class AssociationAborted(AssociationError):
    """The association was aborted by either side (PS3.8 9.3.8) or its connection was lost.

    Parameters
    ----------
    message
        Who ended the association, and why.
    source
        0 service user, 2 service provider; also 0 where the connection was lost.
    reason
        Of the service provider, 0 to 6.
    """

    def __init__(self, message: str, source: int = 0, reason: int = 0) -> None:
        super().__init__(message)
        self.source = source
        self.reason = reason


class DimseStatusError(IsocenterError):
    """A DIMSE operation that fails with a status (PS3.7 Annex C).

    Parameters
    ----------
    status
        Status (0000,0900).
    comment
        Error Comment (0000,0902); what goes over the wire is cut to 64 characters.
    """

    def __init__(self, status: int, comment: str = "") -> None:
        super().__init__(f"{status:04X}H: {comment}" if comment else f"{status:04X}H")
        self.status = status
        self.comment = comment
