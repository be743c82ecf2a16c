"""Accept negotiation: which representation a user agent gets (PS3.18 8.7.5 to 8.7.8)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from isocenter.dicom.number_strings import parse_decimal
from isocenter.dicomweb.media_types import MULTIPART_RELATED, MediaType, parse_media_types
from isocenter.errors import InvalidRequest, NotAcceptable

ANYTHING: Final = "*/*"

# A plus sign that a link leaves as it is stands for a space there: `application/dicom+json`.
_SPACE_FOR_PLUS: Final = re.compile(r"(?<=/dicom) (?=(?:json|xml)\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Representation:
    """A form in which a resource can be sent.

    Parameters
    ----------
    media_type
        Of the single part, or of each part, such as `application/dicom`.
    multipart
        Whether it is sent as `multipart/related`.
    transfer_syntax
        UID of the encoding; None where the media type has no transfer syntax.
    as_kept
        Whether these are the bytes as kept, so that `transfer-syntax=*` means this one.
    """

    media_type: str
    multipart: bool = False
    transfer_syntax: str | None = None
    as_kept: bool = False


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One member of an Accept list.

    Parameters
    ----------
    media_type
        As given, without its weight.
    quality
        The weight, 0 to 1; 0 refuses what the range covers.
    """

    media_type: MediaType
    quality: float = 1.0

    @property
    def multipart(self) -> bool:
        """Whether the range asks for `multipart/related` (or `multipart/*`)."""
        return self.media_type.type == "multipart"

    @property
    def content(self) -> str:
        """The wanted media type of a part or of the whole, `*/*` if any will do."""
        if not self.multipart:
            return self.media_type.essence
        return (self.media_type.parameter("type") or ANYTHING).lower()

    @property
    def transfer_syntax(self) -> str | None:
        """The wanted transfer syntax, `*` for the one kept, None for the default."""
        return self.media_type.parameter("transfer-syntax")

    def covers(self, representation: Representation) -> bool:
        """Tell whether the range names the form and media type of a representation.

        Parameters
        ----------
        representation
            What could be sent.

        Returns
        -------
        bool
            Whatever the weight is: a range that refuses covers what it refuses.

        References
        ----------
        PS3.18 8.7.5
        """
        if self.media_type.essence == ANYTHING:
            return self._syntax_allows(representation)
        return (
            self.multipart == representation.multipart
            and _content_matches(self.content, representation.media_type)
            and self._syntax_allows(representation)
        )

    def _syntax_allows(self, representation: Representation) -> bool:
        wanted = self.transfer_syntax
        if wanted is None or representation.transfer_syntax is None:
            return True
        return representation.as_kept if wanted == "*" else wanted == representation.transfer_syntax


def _content_matches(wanted: str, media_type: str) -> bool:
    if wanted in (ANYTHING, media_type):
        return True
    return wanted.endswith("/*") and media_type.startswith(wanted[:-1])


def parse_accept(header: str | None, query_parameter: str | None = None) -> tuple[MediaRange, ...]:
    """Read what a user agent accepts, most wanted first.

    Weights decide first. Among equal ones `transfer-syntax=*` comes first, because it costs no
    re-encoding, then the order given. Malformed members are passed over.

    Parameters
    ----------
    header
        The Accept header field; None or blank accepts anything.
    query_parameter
        The `accept` query parameter, for links, where no header field can be set. It wins over the
        header, whose browser default says nothing about the resource.

    Returns
    -------
    tuple of MediaRange
        Never empty unless every member was malformed.

    Raises
    ------
    InvalidRequest
        The query parameter has a wildcard (PS3.18 8.3.3.1) or either text is too long.
    """
    if query_parameter:
        ranges = _ranges(_SPACE_FOR_PLUS.sub("+", query_parameter))
        if any("*" in r.media_type.essence for r in ranges):
            raise InvalidRequest("the accept query parameter takes no wildcard media types")
    else:
        ranges = _ranges(header if header and header.strip() else ANYTHING)
    return tuple(sorted(ranges, key=lambda r: (-r.quality, r.transfer_syntax != "*")))


def _ranges(text: str) -> list[MediaRange]:
    return [_weighted(media_type) for media_type in parse_media_types(text)]


def _weighted(media_type: MediaType) -> MediaRange:
    quality = 1.0
    kept: list[tuple[str, str]] = []
    for name, value in media_type.parameters:
        if name == "q":
            quality = _quality(value)
        else:
            kept.append((name, value))
    return MediaRange(MediaType(media_type.type, media_type.subtype, tuple(kept)), quality)


def _quality(text: str) -> float:
    """Read a weight; one that cannot be read does not refuse anything."""
    try:
        return min(max(parse_decimal(text), 0.0), 1.0)
    except ValueError:
        return 1.0


def select(
    accepted: Sequence[MediaRange], offered: Sequence[Representation], resource: str
) -> Representation:
    """Choose the representation to send.

    Parameters
    ----------
    accepted
        What the user agent accepts, most wanted first, from `parse_accept`.
    offered
        What can be made, in the order of preference: the first is the default of the resource, the
        first of each media type is the default of that type.
    resource
        What was asked for, for the sentence of the error, such as `the frames`.

    Returns
    -------
    Representation
        One of `offered`.

    Raises
    ------
    NotAcceptable
        None of `offered` is accepted.

    References
    ----------
    PS3.18 8.7.8
    """
    refused = [r for r in accepted if r.quality == 0]
    for wanted in accepted:
        if wanted.quality == 0:
            break
        for representation in offered:
            if wanted.covers(representation) and not _is_refused(representation, wanted, refused):
                return representation
    raise NotAcceptable(_unacceptable(accepted, offered, resource))


def _is_refused(
    representation: Representation, wanted: MediaRange, refused: Sequence[MediaRange]
) -> bool:
    """Tell whether a more specific range with weight 0 takes a representation back."""
    return any(r.covers(representation) and _specificity(r) > _specificity(wanted) for r in refused)


def _specificity(media_range: MediaRange) -> tuple[bool, bool, int]:
    essence = media_range.media_type.essence
    return (
        essence != ANYTHING,
        not essence.endswith("/*"),
        len(media_range.media_type.parameters),
    )


def _unacceptable(
    accepted: Sequence[MediaRange], offered: Sequence[Representation], resource: str
) -> str:
    weighed = (f"{r.media_type}{'' if r.quality else ';q=0'}" for r in accepted)
    asked = ", ".join(weighed) or "nothing readable"
    forms = dict.fromkeys(describe(replace(r, transfer_syntax=None)) for r in offered)
    syntaxes = dict.fromkeys(r.transfer_syntax for r in offered if r.transfer_syntax)
    sentence = f"{resource} cannot be sent as {asked[:300]}; acceptable are: {', '.join(forms)}"
    return f"{sentence}; transfer syntaxes: {', '.join(syntaxes)}" if syntaxes else sentence


def describe(representation: Representation) -> str:
    """Return a representation as the media type that asks for it, as in an Accept header field.

    Parameters
    ----------
    representation
        What could be sent.

    Returns
    -------
    str
        Such as `multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1`.
    """
    parameters: list[tuple[str, str]] = []
    essence = representation.media_type
    if representation.multipart:
        parameters.append(("type", representation.media_type))
        essence = MULTIPART_RELATED
    if representation.transfer_syntax is not None:
        parameters.append(("transfer-syntax", representation.transfer_syntax))
    main, _, sub = essence.partition("/")
    return str(MediaType(main, sub, tuple(parameters)))
