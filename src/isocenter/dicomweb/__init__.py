"""The other wire: what PS3.18 says about requests and responses, without an archive or a socket."""

from isocenter.dicomweb.accept import MediaRange, Representation, describe, parse_accept, select
from isocenter.dicomweb.byte_ranges import parse_byte_range
from isocenter.dicomweb.media_types import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    JSON,
    OCTET_STREAM,
    MediaType,
    parse_media_type,
)
from isocenter.dicomweb.multipart import (
    BodyEnded,
    MultipartLimits,
    MultipartReader,
    MultipartWriter,
    PartData,
    PartEnded,
    PartStarted,
    boundary_of,
)
from isocenter.dicomweb.native_xml import data_set_to_xml, json_to_xml
from isocenter.dicomweb.query import Match, SearchParameters, parse_attribute, parse_search
from isocenter.dicomweb.rendering import (
    IccProfile,
    RenderingParameters,
    Viewport,
    WindowFunction,
    WindowParameter,
    parse_rendering,
)
from isocenter.dicomweb.store_response import (
    FailedItem,
    FailureReason,
    StoredItem,
    WarningReason,
    may_be_sent_again,
    response_data_set,
    response_status,
)

__all__ = [
    "DICOM",
    "DICOM_JSON",
    "DICOM_XML",
    "JSON",
    "IccProfile",
    "OCTET_STREAM",
    "BodyEnded",
    "FailedItem",
    "FailureReason",
    "Match",
    "MediaRange",
    "MediaType",
    "MultipartLimits",
    "MultipartReader",
    "MultipartWriter",
    "PartData",
    "PartEnded",
    "PartStarted",
    "RenderingParameters",
    "Representation",
    "SearchParameters",
    "StoredItem",
    "Viewport",
    "WarningReason",
    "WindowFunction",
    "WindowParameter",
    "boundary_of",
    "data_set_to_xml",
    "describe",
    "json_to_xml",
    "may_be_sent_again",
    "parse_accept",
    "parse_attribute",
    "parse_byte_range",
    "parse_media_type",
    "parse_rendering",
    "parse_search",
    "response_data_set",
    "response_status",
    "select",
]
