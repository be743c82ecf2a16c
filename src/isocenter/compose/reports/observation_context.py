"""Who observed, in which language, and who verified (PS3.16 TID 1001 to 1004, TID 1204)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.argument_types import check_members
from isocenter.compose.codes import Code
from isocenter.compose.reading import value_of
from isocenter.compose.reports.content import Container, ContentItem, Relationship
from isocenter.compose.reports.content_values import Coded, PersonName, Text, UIDReference
from isocenter.dicom import new_uid
from isocenter.errors import CannotCompose

__all__ = [
    "DeviceObserver",
    "Observer",
    "PersonObserver",
    "VerifyingObserver",
    "in_context",
    "language_of",
]

_LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
_COUNTRY = Code("121046", "DCM", "Country of Language")
_OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
_PERSON = Code("121006", "DCM", "Person")
_DEVICE = Code("121007", "DCM", "Device")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

_CONTEXT = Relationship.HAS_OBS_CONTEXT


@dataclass(frozen=True, slots=True)
class PersonObserver:
    """A person who made the observations (PS3.16 TID 1003).

    Parameters
    ----------
    name
        As PN, `Family^Given`.
    organization
        Where they belong; empty for unknown.
    role
        In the organization, of CID 7452; None for unknown.
    procedure_role
        In the procedure, of CID 7453; None for unknown.
    """

    name: str
    organization: str = ""
    role: Code | None = None
    procedure_role: Code | None = None

    def __post_init__(self) -> None:
        check_members(self)

    def items(self) -> Iterator[ContentItem]:
        """Yield the content items of the observer.

        Yields
        ------
        ContentItem
            Observer Type, the name, and what else is known of the person (PS3.16 TID 1003).
        """
        yield Coded(_OBSERVER_TYPE, _PERSON, relationship=_CONTEXT)
        name = Code("121008", "DCM", "Person Observer Name")
        yield PersonName(name, self.name, relationship=_CONTEXT)
        if self.organization:
            code = Code("121009", "DCM", "Person Observer's Organization Name")
            yield Text(code, self.organization, relationship=_CONTEXT)
        if self.role:
            code = Code("121010", "DCM", "Person Observer's Role in the Organization")
            yield Coded(code, self.role, relationship=_CONTEXT)
        if self.procedure_role:
            code = Code("121011", "DCM", "Person Observer's Role in this Procedure")
            yield Coded(code, self.procedure_role, relationship=_CONTEXT)


@dataclass(frozen=True, slots=True)
class DeviceObserver:
    """A device or program that made the observations (PS3.16 TID 1004).

    Parameters
    ----------
    name, manufacturer, model, serial_number, location
        What it is and where; empty for unknown.
    uid
        Its UID; a new one by default.
    """

    name: str = ""
    manufacturer: str = ""
    model: str = ""
    serial_number: str = ""
    location: str = ""
    uid: str = field(default_factory=new_uid)

    def __post_init__(self) -> None:
        check_members(self)

    def items(self) -> Iterator[ContentItem]:
        """Yield the content items of the observer.

        Yields
        ------
        ContentItem
            Observer Type, Device Observer UID, and what else is known of it (PS3.16 TID 1004).
        """
        yield Coded(_OBSERVER_TYPE, _DEVICE, relationship=_CONTEXT)
        uid = Code("121012", "DCM", "Device Observer UID")
        yield UIDReference(uid, self.uid, relationship=_CONTEXT)
        for value, meaning, text in (
            ("121013", "Device Observer Name", self.name),
            ("121014", "Device Observer Manufacturer", self.manufacturer),
            ("121015", "Device Observer Model Name", self.model),
            ("121016", "Device Observer Serial Number", self.serial_number),
            ("121017", "Device Observer Physical Location During Observation", self.location),
        ):
            if text:
                yield Text(Code(value, "DCM", meaning), text, relationship=_CONTEXT)


Observer: TypeAlias = PersonObserver | DeviceObserver


@dataclass(frozen=True, slots=True)
class VerifyingObserver:
    """A person who verified the document and answers for it (PS3.3 C.17.2).

    Parameters
    ----------
    name
        As PN, `Family^Given`.
    organization
        For whom they verified.
    moment
        When, as DT; empty for the moment of composition.
    identification
        Their code in the organization; None for unknown.
    """

    name: str
    organization: str
    moment: str = ""
    identification: Code | None = None

    def __post_init__(self) -> None:
        check_members(self)

    def item(self, now: datetime.datetime) -> dict[str, Any]:
        """Return the item of Verifying Observer Sequence (0040,A073).

        Parameters
        ----------
        now
            The moment of verification where the observer names none.

        Returns
        -------
        dict
            By keyword.

        Raises
        ------
        CannotCompose
            When name or organization is missing, or the identification is no whole code.
        """
        if not (self.name.strip("^= ") and self.organization.strip()):
            raise CannotCompose(
                "A verifying observer lacks name or organization; give both.",
                tag=0x0040A073,
                module="SR Document General",
            )
        identification = [self.identification.whole_item()] if self.identification else []
        return {
            "VerifyingOrganization": self.organization,
            "VerificationDateTime": self.moment or values.date(now) + values.time(now),
            "VerifyingObserverName": self.name,
            "VerifyingObserverIdentificationCodeSequence": identification,
        }

    @classmethod
    def read(cls, item: Dataset) -> VerifyingObserver:
        """Return the observer of an item of Verifying Observer Sequence (0040,A073).

        Parameters
        ----------
        item
            The item; what it does not say is left empty.

        Returns
        -------
        VerifyingObserver
            The observer.
        """
        codes = value_of(item, "VerifyingObserverIdentificationCodeSequence")
        return cls(
            str(value_of(item, "VerifyingObserverName") or ""),
            str(value_of(item, "VerifyingOrganization") or ""),
            str(value_of(item, "VerificationDateTime") or ""),
            Code.read(codes[0]) if codes else None,
        )


def in_context(
    content: Container, *, language: str | None = None, observers: Sequence[Observer] = ()
) -> Container:
    """Return the document with its language and observers in front of what it contains.

    Parameters
    ----------
    content
        The root of the document.
    language
        A tag of RFC 5646 such as `en` or `de-CH`; None leaves the language as it is.
    observers
        Who observed; none leaves them as they are.

    Raises
    ------
    CannotCompose
        When the language is no such tag.
    """
    front: list[ContentItem] = []
    kept = content.children
    if language is not None:
        front.append(_language_item(language))
        kept = tuple(one for one in kept if one.concept != _LANGUAGE)
    front += [item for observer in observers for item in observer.items()]
    return replace(content, children=(*front, *kept))


def _language_item(language: str) -> ContentItem:
    if not _LANGUAGE_TAG.fullmatch(language):
        raise CannotCompose(
            f"{language!r} is no tag of a language (RFC 5646); write it such as en or de-CH.",
            tag=0x0040A168,
            module="SR Document Content",
        )
    code = Code(language, "RFC5646", _LANGUAGES.get(language.split("-")[0].lower(), language))
    return Coded(_LANGUAGE, code, relationship=Relationship.HAS_CONCEPT_MOD)


def language_of(content: Container) -> str:
    """Return the tag of the document's language as RFC 5646 writes it; empty if it says none."""
    for one in content.children:
        if isinstance(one, Coded) and one.name.value == _LANGUAGE.value:
            countries = [
                child.value.value
                for child in one.children
                if isinstance(child, Coded) and child.name.value == _COUNTRY.value
            ]
            tag = one.value.value
            if one.value.scheme == "RFC5646" or not countries:
                return tag if _LANGUAGE_TAG.fullmatch(tag) else ""
            return f"{tag}-{countries[0]}"
    return ""


_LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""Meanings of the languages that reports are commonly written in, by ISO 639-1."""
